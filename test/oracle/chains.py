"""Replays chains of operations, views and in-place updates in PyTorch.

Reads a JSON list of programs on standard input (test/chains/program.ts says what they are) and prints, for each, what
every step gave, the values of all tensors at the end, and the gradients of the leaves.
"""

import json
import math
import sys
import warnings

import torch

warnings.simplefilter("ignore")
torch.set_num_threads(1)


def decode(value, tensors):
    if isinstance(value, list):
        return [decode(v, tensors) for v in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    if "slice" in value:
        return slice(*value["slice"])
    if "long" in value:
        return torch.tensor(value["long"], dtype=torch.int64)
    if "bool" in value:
        return torch.tensor(value["bool"], dtype=torch.bool)
    return ...


def look(t):
    return {
        "shape": list(t.shape),
        "stride": list(t.stride()),
        "offset": t.storage_offset(),
        "dtype": str(t.dtype)[6:],
        "requiresGrad": t.requires_grad,
        "isView": t._is_view(),
        "version": t._version,
    }


def numbers(t):
    return [x if math.isfinite(x) else str(x) for x in t.detach().double().reshape(-1).tolist()]


def cotangent(t):
    i = torch.arange(t.numel(), dtype=torch.float64)
    return (((37 * i + 11) % 64 - 31.5) / 32).reshape(t.shape).to(t.dtype)


def call(step, tensors):
    args = [decode(a, tensors) for a in step["args"]]
    self = tensors[step["on"]]
    if step["op"] == "__getitem__":
        return self[tuple(args)]
    if step["op"] == "__setitem__":
        self[tuple(args[:-1])] = args[-1]
        return self
    if step["op"] in ("cat", "stack", "where"):
        return getattr(torch, step["op"])(*args)
    return getattr(self, step["op"])(*args)


def run(program):
    tensors = []
    for leaf in program["leaves"]:
        t = torch.tensor(leaf["values"], dtype=getattr(torch, program["dtype"])).reshape(leaf["shape"]).clone()
        tensors.append(t.requires_grad_() if leaf["requiresGrad"] else t)
    leaves = list(tensors)
    seen = []
    for step in program["steps"]:
        try:
            with torch.set_grad_enabled(step["grad"]):
                out = call(step, tensors)
            if step.get("pick") is not None:
                out = out[step["pick"]]
            tensors.append(out)
            seen.append(look(out))
        except Exception as error:
            tensors.append(None)
            seen.append({"error": type(error).__name__, "message": str(error)[:300]})
    end = [None if t is None else {**look(t), "values": numbers(t)} for t in tensors]
    terms, refused = [], []
    for i, t in enumerate(tensors):
        if t is None or not t.requires_grad:
            continue
        try:
            terms.append((t * cotangent(t)).sum())
        except Exception as error:
            refused.append([i, type(error).__name__])
    answer = {"steps": seen, "end": end, "refused": refused}
    if terms:
        try:
            sum(terms).backward()
            answer["grads"] = [None if t.grad is None else numbers(t.grad) for t in leaves]
        except Exception as error:
            answer["backward"] = {"error": type(error).__name__, "message": str(error)[:300]}
    return answer


json.dump([run(p) for p in json.load(sys.stdin)], sys.stdout)
