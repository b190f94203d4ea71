"""Writes events.json: an event file as TensorBoard's own writer makes it (pip install tensorboard==2.21.0)."""
import base64
import io
import json
import os

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

file = io.BytesIO()
writer = RecordWriter(file)
scalars = {"train/loss": 0.693147, "rate/highest": 5e-05}
events = [
    Event(wall_time=1790000000.25, file_version="brain.Event:2"),
    Event(wall_time=1790000000.25, step=3, session_log=SessionLog(status=SessionLog.START)),
    Event(
        wall_time=1790000000.5,
        step=300,
        summary=Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]),
    ),
]
for event in events:
    writer.write(event.SerializeToString())
with open(os.path.join(os.path.dirname(__file__), "events.json"), "w") as out:
    json.dump({"scalars": scalars, "file": base64.b64encode(file.getvalue()).decode()}, out)
    out.write("\n")
