# bertlab on an NVIDIA GPU: docker build -t bertlab . && docker run --rm --gpus all bertlab engines --check
FROM denoland/deno:bin-2.9.6 AS deno

FROM nvidia/cuda:13.0.2-base-ubuntu24.04
COPY --from=deno /deno /usr/local/bin/deno
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates git python3-pip \
  && rm -rf /var/lib/apt/lists/*
ENV DENO_NO_UPDATE_CHECK=1 DENO_DIR=/deno BERTLAB_CACHE=/cache HF_HOME=/cache/huggingface
WORKDIR /bertlab
COPY . .
RUN deno install && deno task xla install cuda13
ENTRYPOINT ["deno", "task", "--quiet"]
CMD ["engines", "--check"]
