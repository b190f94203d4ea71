"""Runs a notebook through the Deno kernel: run_notebook.py NOTEBOOK FOLDER OUTPUT. Part of `deno task notebooks`."""
import sys

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, CellExecutionError


class Client(NotebookClient):
    """Takes what a cell shows also when it comes after the word that the cell is done, as the Deno kernel may send it."""

    def __init__(self, *positional, **named):
        super().__init__(*positional, **named)
        self.cells = {}

    async def _async_poll_output_msg(self, parent_msg_id, cell, cell_index):
        self.cells[parent_msg_id] = cell, cell_index
        while True:
            message = await self.kc.iopub_channel.get_msg(timeout=None)
            parent = message["parent_header"].get("msg_id")
            if parent not in self.cells:
                continue
            try:
                self.process_message(message, *self.cells[parent])
            except CellExecutionComplete:
                if parent == parent_msg_id:
                    return


path, folder, output = sys.argv[1:]
notebook = nbformat.read(path, as_version=4)
for cell in notebook.cells:
    if cell.cell_type == "code":
        cell.update(outputs=[], execution_count=None)
# While it waits, what the last cell shows comes in.
notebook.cells.append(nbformat.v4.new_code_cell("await new Promise((done) => setTimeout(done, 500));"))
client = Client(
    notebook,
    kernel_name="deno",
    timeout=None,
    startup_timeout=300,
    iopub_timeout=300,
    raise_on_iopub_timeout=True,
    record_timing=False,
    resources={"metadata": {"path": folder}},
)
try:
    client.execute()
except CellExecutionError:
    pass  # it is in the cell's outputs
notebook.cells.pop()
nbformat.write(notebook, output)
