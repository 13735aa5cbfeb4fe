"""Writes printing.json: what PyTorch prints for tensors of many kinds.

    /usr/bin/python3 test/oracle/printing.py > test/oracle/golden/printing.json

Made with PyTorch 1.13.1. Each row: [dtype, shape, bytes in base64 or a formula, print options, requires_grad, text].
The formulas ("arange", "sevenths") keep the large ones out of the file.
"""

import base64
import json
import random
import sys

import torch

random.seed(5)
torch.manual_seed(5)
rows = []


def values(text, dtype, shape):
    n = 1
    for d in shape:
        n *= d
    if text == "arange":
        return torch.arange(n, dtype=torch.float64).to(dtype).reshape(shape)
    return (torch.arange(n, dtype=torch.float64) / 7 - 20).to(dtype).reshape(shape)


def add(t, options=None, grad=False, formula=None):
    options = options or {}
    torch.set_printoptions(profile="default", sci_mode=None)
    torch.set_printoptions(**options)
    shown = t.clone().requires_grad_() if grad else t
    raw = t.contiguous().view(torch.int16) if t.dtype in (torch.bfloat16, torch.float16) and t.numel() and t.dim() else t
    data = formula or base64.b64encode(raw.contiguous().numpy().tobytes()).decode()
    rows.append([str(t.dtype)[6:], list(t.shape), data, options, grad, str(shown)])


floats = [
    [0.0, -0.0], [1.0, 2.0, 3.0], [1.5, -2.25, 1000.0], [1e-5, 1.0], [1e5, 1.5], [1e9, 1.0], [123456.0, 1.0],
    [float("nan")], [float("inf"), -1.0], [float("-inf"), float("nan"), 0.25], [0.0001, 0.001], [0.00009, 0.001],
    [0.03125, 0.09375, 0.15625], [99999.5, 1.5], [-1e-10, 0.0], [1.0, float("nan")], [1e8, 1e8], [1.0001e8, 1e6],
    [3e38, 1e-38], [0.5], [100.0, 0.1], [1000.0, 1.0], [1001.0, 1.0], [2.5, 3.5, 4.5],
]
for v in floats:
    add(torch.tensor(v))
    add(torch.tensor(v, dtype=torch.float64), grad=True)
    add(torch.tensor(v), {"precision": 2})
    add(torch.tensor(v), {"sci_mode": True})
    add(torch.tensor(v), {"sci_mode": False})
for v in (0.1, 3.0, 1e-7, 123456789.0, float("nan")):
    add(torch.tensor(v))
    add(torch.tensor(v, dtype=torch.float64))
    add(torch.tensor([v]).half())
    add(torch.tensor([v]).bfloat16())
for dtype in (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8):
    add(torch.tensor([[1, 2], [100, 3]], dtype=dtype))
    add(torch.tensor(5, dtype=dtype))
add(torch.tensor([2**62, -(2**63)]))
add(torch.tensor([True, False]))
add(torch.tensor(True))
for shape in ([0], [0, 3], [2, 0], [1, 0, 4]):
    for dtype in (torch.float32, torch.float64, torch.int64, torch.bool, torch.float16):
        add(torch.zeros(shape, dtype=dtype))
add(torch.zeros(0), grad=True)
for shape in ([7], [30], [3, 4], [2, 3, 4], [2, 1, 3, 2], [1, 1], [25, 2], [2, 25]):
    t = torch.randn(shape)
    add(t)
    add(t, grad=True)
    add(t.double(), grad=True)
    add((t * 3).round().long())
    add(t.half(), {"linewidth": 40})
    add(t, {"profile": "short"})
for shape in ([1001], [2000], [40, 50], [5, 300], [300, 5], [7, 8, 9, 10], [2, 600], [1, 1, 1200]):
    for formula in ("arange", "sevenths"):
        for dtype in (torch.float32, torch.int64, torch.bfloat16):
            if formula == "sevenths" and dtype != torch.float32:
                continue
            t = values(formula, dtype, shape)
            add(t, formula=formula)
    add(values("sevenths", torch.float64, shape), {"edgeitems": 1, "linewidth": 60}, grad=True, formula="sevenths")
    add(values("arange", torch.int32, shape), {"threshold": 5000, "precision": 2}, formula="arange")
add(values("sevenths", torch.float32, [6, 7]), {"threshold": 10}, formula="sevenths")
add(values("sevenths", torch.float32, [6, 7]), {"threshold": 10, "edgeitems": 4}, formula="sevenths")
sys.stdout.write("[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows) + "\n]\n")
