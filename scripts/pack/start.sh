#!/bin/sh
# Starts bertlab from this folder, with nothing from a network:
#   ./bertlab engines --check --engine xla
#   ./bertlab train --train reviews.csv --output my-model
# Other commands: predict, evaluate, reproduce, bench. Needs gzip or python3; an NVIDIA GPU needs XLA's plugin and the
# CUDA libraries besides, in this pack (deno task pack --plugin cuda13) or among the packages of a python3.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
place=$here
if [ ! -w "$here" ]; then
  place=${XDG_CACHE_HOME:-${HOME:?is not set, and the folder of the pack cannot be written}/.cache}/bertlab-pack
  mkdir -p "$place"
fi
deno=$place/deno
if [ ! -x "$deno" ]; then
  part=$deno.$$ # unpacked beside and renamed: others may start at the same moment
  if command -v gzip >/dev/null 2>&1; then
    gzip -dc "$here/deno.gz" >"$part"
  else
    python3 -c 'import gzip, shutil, sys; shutil.copyfileobj(gzip.open(sys.argv[1]), open(sys.argv[2], "wb"))' "$here/deno.gz" "$part"
  fi
  chmod 755 "$part"
  mv -f "$part" "$deno"
fi
export DENO_NO_UPDATE_CHECK=1 DENO_DIR="${DENO_DIR:-$place/deno_dir}"
export BERTLAB_CACHE="${BERTLAB_CACHE:-$here/cache}" HF_HUB_CACHE="${HF_HUB_CACHE:-$here/cache/hub}"
export HF_HUB_OFFLINE="${HF_HUB_OFFLINE:-1}"
if [ -d "$here/data" ]; then export BERTLAB_DATA="${BERTLAB_DATA:-$here/data}"; fi
exec "$deno" run --quiet --no-prompt --no-lock --config "$here/deno.json" --allow-read --allow-write --allow-env \
  --allow-sys --allow-ffi --allow-net --allow-run "$here/scripts/bertlab.js" "$@"
