"""Writes a notebook as a page: notebook_page.py NOTEBOOK OUTPUT. Part of `deno task notebooks --html`.

The page is nbconvert's, but needs no network, and what is wider than it can be scrolled instead of being cut off.
"""
import html
import re
import sys

import nbformat
from nbconvert import HTMLExporter

STYLE = """<style>
.jp-Notebook .jp-OutputArea-child, .jp-Notebook .jp-OutputArea-child .jp-OutputArea-output { display: block }
.jp-Notebook .jp-OutputArea-child .jp-OutputArea-output { width: auto; margin: 0; overflow-x: auto }
.jp-Notebook .highlight pre { overflow-x: auto }
.jp-Notebook .jp-OutputPrompt:empty { display: none }
.jp-Notebook .jp-InputPrompt, .jp-Notebook .jp-OutputPrompt { color: #555 !important; opacity: 1 !important }
.jp-Notebook .jp-OutputPrompt { text-align: left }
.jp-Notebook .highlight .mf, .jp-Notebook .highlight .mi { color: #060 }
.jp-Notebook .highlight .o, .jp-Notebook .highlight .ow { color: #71c }
.jp-Notebook .jp-RenderedHTMLCommon a { text-decoration: underline }
.jp-Notebook .highlight .c1, .jp-Notebook .highlight .cm { color: #356 }
@media (min-width: 761px) { .jp-Notebook .jp-OutputArea { margin-left: calc(var(--jp-cell-prompt-width) + 8px) } }
</style>
"""

path, output = sys.argv[1:]
notebook = nbformat.read(path, as_version=4)
shown = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
captions = iter([data.get("text/plain", "").split("\n")[0] for data in shown if "image/svg+xml" in data])
page, _ = HTMLExporter(template_name="lab", language_code="en").from_notebook_node(notebook)
page = re.sub(
    'alt="No description has been provided for this image"',
    lambda _: f'alt="{html.escape(next(captions, ""))}"',
    page,
)
page = page.replace("<pre>", '<pre tabindex="0">')
page = re.sub(r'<script[^>]*\bsrc="https?:[^"]*"[^>]*>\s*</script>', "", page)
with open(output, "w", encoding="utf-8") as file:
    file.write(page.replace("</head>", STYLE + "</head>", 1))
