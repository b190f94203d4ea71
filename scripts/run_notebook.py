"""Runs a notebook through the Deno kernel: run_notebook.py NOTEBOOK FOLDER OUTPUT. Part of `deno task notebooks`."""
import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

path, folder, output = sys.argv[1:]
notebook = nbformat.read(path, as_version=4)
for cell in notebook.cells:
    if cell.cell_type == "code":
        cell.update(outputs=[], execution_count=None)
client = NotebookClient(
    notebook,
    kernel_name="deno",
    timeout=None,
    startup_timeout=300,
    record_timing=False,
    resources={"metadata": {"path": folder}},
)
try:
    client.execute()
except CellExecutionError:
    pass  # it is in the cell's outputs
nbformat.write(notebook, output)
