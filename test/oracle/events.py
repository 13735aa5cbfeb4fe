"""Event files as PyTorch's SummaryWriter and TensorBoard's own writer make them, for test/unit/io/events.test.ts.

Needs `torch` and `tensorboard`: python3 test/oracle/events.py > test/oracle/golden/events.json
"""

import base64
import glob
import json
import os
import tempfile

import numpy as np
import torch
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_tensor_proto
from torch.utils.tensorboard import SummaryWriter

TIME = 1700000000.25

# PyTorch 1.13 gives `dtype` where NumPy 1.24 no longer takes it.
greater = np.greater
np.greater = lambda a, b, dtype=None: greater(a, b)


def files(folder):
    found = {}
    for name in glob.glob(os.path.join(glob.escape(folder), "**", "*"), recursive=True):
        if os.path.isfile(name):
            key = os.path.relpath(name, folder)
            if "tfevents" in key:
                key = os.path.join(os.path.dirname(key), "events")
            with open(name, "rb") as file:
                found[key] = base64.b64encode(file.read()).decode()
    return found


def pytorch(folder):
    w = SummaryWriter(folder)
    w.add_scalar("loss", 0.5, 3, TIME)
    w.add_scalar("loss", torch.tensor([1 / 3]), None, TIME)
    w.add_scalar("new", 2.5, 2**40, TIME, new_style=True)
    w.add_scalar("double", 0.1, 1, TIME, new_style=True, double_precision=True)
    w.add_scalar("bad", float("nan"), 5, TIME)
    w.add_scalars("group/all", {"a": 1.0, "b": 2.0}, 7, TIME)
    values = torch.arange(-8, 9).float() / 7
    w.add_histogram("hist", values, 1, walltime=TIME)
    w.add_histogram("hist", values, 2, bins="auto", walltime=TIME)
    w.add_histogram("hist", values, 3, bins=[-1.0, 0.0, 0.5, 2.0], walltime=TIME)
    w.add_histogram("hist", values, 4, walltime=TIME, max_bins=16)
    w.add_text("note", "**bold** é", 1, TIME)
    w.add_embedding(
        torch.tensor([[1.0, 2.5], [3.0, -4.0]]), metadata=["x", "y"], global_step=1, tag="words"
    )
    w.close()
    return files(folder)


def hparams(folder):
    from torch.utils.tensorboard.summary import hparams as summaries

    found = summaries(
        {"lr": 0.1, "batch": 8, "name": "sgd"},
        {"accuracy": 0.5},
        {"lr": [0.1, 0.2], "name": ["sgd", "adam"]},
    )
    return [base64.b64encode(s.SerializeToString()).decode() for s in found]


def newer(folder):
    """What TensorFlow 2 and others write: every summary a tensor with metadata."""
    w = EventFileWriter(folder)

    def add(tag, plugin, tensor, step):
        meta = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin))
        value = Summary.Value(tag=tag, metadata=meta, tensor=tensor)
        w.add_event(Event(wall_time=TIME, step=step, summary=Summary(value=[value])))

    add("loss", "scalars", make_tensor_proto(np.float32(0.25)), 1)
    add("loss", "scalars", make_tensor_proto(np.float64(0.125)), 2)
    add("count", "scalars", make_tensor_proto(np.int64(-12)), 2)
    add("half", "scalars", make_tensor_proto(np.float16(1.5)), 2)
    add("hist", "histograms", make_tensor_proto(np.array([[0, 1, 3], [1, 2, 4]], np.float64)), 1)
    w.close()
    return files(folder)


def make(build):
    with tempfile.TemporaryDirectory() as folder:
        return build(folder)


print(json.dumps({"time": TIME, **{f.__name__: make(f) for f in (pytorch, hparams, newer)}}, indent=1))
