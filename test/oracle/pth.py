"""Writes pth.json: files of torch.save in base64, with what PyTorch finds in them.

    /usr/bin/python3 test/oracle/pth.py > test/oracle/golden/pth.json

With arguments, loads those files and prints what PyTorch finds in each.
"""

import base64
import collections
import io
import json
import sys

import torch
from torch import nn


def told(value, storages):
    if isinstance(value, torch.Tensor):
        storage = storages.setdefault(value.storage().data_ptr() or id(value), len(storages))
        flat = value.detach().contiguous().reshape(-1)
        if flat.dtype == torch.bool:
            flat = flat.to(torch.uint8)
        raw = flat.view(torch.uint8) if flat.numel() else flat
        return {
            "tensor": str(value.dtype),
            "shape": list(value.shape),
            "stride": list(value.stride()),
            "offset": value.storage_offset(),
            "storage": storage if value.numel() else None,
            "size": len(value.storage()),
            "requiresGrad": value.requires_grad,
            "parameter": isinstance(value, nn.Parameter),
            "bytes": bytes(raw.tolist() if value.numel() else []).hex(),
        }
    if isinstance(value, collections.OrderedDict):
        state = getattr(value, "_metadata", None)
        out = {"ordered": [[told(k, storages), told(v, storages)] for k, v in value.items()]}
        return out if state is None else {**out, "metadata": {k: dict(v) for k, v in state.items()}}
    if isinstance(value, dict):
        return {"dict": [[told(k, storages), told(v, storages)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"list": [told(v, storages) for v in value]}
    if isinstance(value, (set, frozenset)):
        return {"set": sorted(value)}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, (torch.dtype, torch.device, torch.memory_format, torch.layout)):
        return {"torch": str(value)}
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step or 1]}
    number = float(value) if isinstance(value, float) else value
    if isinstance(number, int) or number == int(number) if number == number and abs(number) != float("inf") else False:
        return {"number": str(int(number))}
    return {"number": repr(number)}


def values():
    torch.manual_seed(0)
    base = torch.arange(24.0).reshape(4, 6)
    dtypes = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16]
    dtypes += [torch.int8, torch.uint8, torch.bool]
    yield "dtypes", {str(d): (torch.arange(6) - 2).to(d).reshape(2, 3) for d in dtypes}
    odd = torch.tensor([float("nan"), float("inf"), -0.0, 1e-45])
    yield "odd", [odd, odd.half(), odd.bfloat16(), odd.double(), torch.tensor([2**63 - 1, -(2**63)])]
    yield "views", {
        "base": base,
        "row": base[1],
        "t": base.t(),
        "step": base[:, ::2],
        "last": base[-1, -1],
        "flat": base.view(-1)[5:20],
        "wide": base[:1].expand(3, 6),
        "again": base,
    }
    yield "layouts", [
        torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        torch.randn(3, 4).t(),
        torch.randn(3, 4)[:, 1:],
        torch.empty(0, 3),
        torch.tensor(3),
        torch.randn(1, 1, 3).transpose(0, 2),
    ]
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    yield "tied", tied.state_dict()
    yield "parameters", [tied[0].weight, tied[1].weight, nn.Parameter(torch.ones(2), requires_grad=False)]
    yield "leaves", [torch.ones(2, requires_grad=True), torch.zeros(2)]
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    for optimizer in (
        torch.optim.Adam([{"params": model[0].parameters()}, {"params": model[3].parameters(), "lr": 0.1}]),
        torch.optim.SGD(model.parameters(), 0.1, momentum=0.9),
    ):
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.randn(2, 1, 4, 4)).square().mean().backward()
            optimizer.step()
            scheduler.step()
        yield type(optimizer).__name__, {
            "epoch": 3,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
            "rng": torch.get_rng_state()[:64].clone(),
        }
    yield "plain", {
        "ints": [0, 255, 256, 65535, 65536, -1, 2**31, -(2**31), 2**53, 2**70, -(2**70), -128, -129],
        "floats": [0.5, -0.0, 1.5e-300, float("nan"), float("inf"), float("-inf")],
        "texts": ["", "a", "héllo ☃ 𝄞", "a" * 300],
        "others": [None, True, False, b"", b"\x00\xff", 1 - 2j, {1, 2}, slice(1, None, 2)],
        "torch": [torch.float16, torch.device("cpu"), torch.device("cpu", 0), torch.strided],
        "dicts": [{}, {1: "a", 2: "b"}, {"a": {"b": []}}, collections.OrderedDict(a=1)],
        "tuple": (1, (2, 3)),
    }
    yield "empty", {}
    yield "one", torch.ones(3)
    yield "many", {f"k{i}": torch.tensor([i]) for i in range(300)}


def write():
    files = []
    for name, value in values():
        for legacy in (False, True):
            out = io.BytesIO()
            torch.save(value, out, _use_new_zipfile_serialization=not legacy)
            if name == "many" and legacy:
                continue
            files.append([name, "legacy" if legacy else "zip", base64.b64encode(out.getvalue()).decode(), told(value, {})])
    json.dump(files, sys.stdout)
    print()


if len(sys.argv) > 1:
    json.dump([told(torch.load(path), {}) for path in sys.argv[1:]], sys.stdout)
else:
    write()
