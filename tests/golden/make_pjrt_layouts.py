"""Writes pjrt_layouts.json: slots, sizes and offsets of the PJRT C API as a C compiler sees them.

    python3 tests/golden/make_pjrt_layouts.py path/to/pjrt_c_api.h > tests/golden/pjrt_layouts.json

The committed file is of API 0.114 (openxla/xla, xla/pjrt/c/pjrt_c_api.h), gcc on x86-64.
"""
import json, re, subprocess, sys, tempfile
from pathlib import Path

header = Path(sys.argv[1]).resolve()
text = re.sub(r"//[^\n]*|/\*.*?\*/", "", header.read_text(), flags=re.S)
functions = re.findall(r"_PJRT_API_STRUCT_FIELD\(\s*(PJRT_\w+)\)", text)
structs = {"PJRT_Api": ("sizeof(PJRT_Api)", functions)}
for name, body in re.findall(r"struct (PJRT_\w+) \{((?:[^{}]|union \{[^{}]*\})*)\}", text):
    body = re.sub(r"\(\*(\w+)\)\s*\([^()]*\);", r"\1;", body)  # function pointers
    if re.search(rf"_TRAITS\(\s*{name},", text):
        structs[name] = (f"{name}_STRUCT_SIZE", re.findall(r"(\w+);", body))

lines = ['#include <stdio.h>', '#include "%s"' % header, "int main(void) {"]
for name, (size, fields) in structs.items():
    lines.append(f'printf("{name} %zu", (size_t)({size}));')
    lines += [f'printf(" {field} %zu", offsetof({name}, {field}));' for field in fields]
    lines.append('puts("");')
lines.append("}")
with tempfile.TemporaryDirectory() as folder:
    source, program = Path(folder, "layouts.c"), Path(folder, "layouts")
    source.write_text("\n".join(lines))
    subprocess.run(["cc", "-o", program, source], check=True)
    found = subprocess.run([program], check=True, capture_output=True, text=True).stdout

result, slots = {}, {}
for line in found.splitlines():
    name, size, *rest = line.split()
    result[name] = {"size": int(size), "fields": dict(zip(rest[::2], map(int, rest[1::2])))}
minor = int(re.search(r"#define PJRT_API_MINOR (\d+)", text)[1])
for name, offset in result.pop("PJRT_Api")["fields"].items():
    slots[name] = (offset - 40) // 8  # the table's header takes 40 bytes
json.dump({"api": minor, "slots": slots, "structs": result}, sys.stdout, separators=(",", ":"))
print()
