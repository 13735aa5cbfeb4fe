"""Answers calls of torch functions with PyTorch's own results and gradients.

Reads a JSON list of calls on standard input (test/unit/ops/oracle.ts writes it) and prints, for each, the class of the
error it raises, or its results and the gradients of the tensors that require one, with bytes in base64; where "twice" is
asked for, also the gradients of those gradients (each null where PyTorch cannot give them). The cotangent of every result's element i is
((37 i + 11) mod 64 - 31.5) / 32.
"""

import base64
import json
import sys
import warnings

import numpy
import torch

warnings.simplefilter("ignore")
torch.set_num_threads(1)


def decode(value):
    if isinstance(value, list):
        return [decode(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "float" in value:
        return float(value["float"])
    if "int" in value:
        return int(value["int"])
    if "dtype" in value and "bytes" not in value:
        return getattr(torch, value["dtype"])
    dtype = getattr(torch, value["dtype"])
    data = bytearray(base64.b64decode(value["bytes"]))
    tensor = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
    tensor = tensor.reshape(value["shape"]).clone()
    if value.get("axes") is not None:
        tensor = tensor.permute(value["axes"])
    return tensor.requires_grad_() if value.get("requiresGrad") else tensor


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def encode(tensor):
    if tensor is None:
        return None
    # A tensor of zeros that has no memory is only written by a copy.
    tensor = tensor.detach().clone().contiguous()
    raw = tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 and tensor.ndim else tensor
    if raw.dtype == torch.bfloat16:
        raw = raw.reshape(1).view(torch.int16)
    data = numpy.ascontiguousarray(raw.numpy()).tobytes()
    return {
        "dtype": str(tensor.dtype).split(".")[1],
        "shape": list(tensor.shape),
        "bytes": base64.b64encode(data).decode(),
    }


def tensors(value):
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in tensors(v)]
    return [torch.tensor(value)] if isinstance(value, (bool, int, float)) else []


def cotangent(tensor):
    i = torch.arange(tensor.numel(), dtype=torch.float64)
    return (((37 * i + 11) % 64 - 31.5) / 32).reshape(tensor.shape).to(tensor.dtype)


def run(call):
    args = decode(call["args"])
    options = {snake(k): decode(v) for k, v in call["options"].items()}
    function = torch
    for part in call["name"].split("."):
        function = getattr(function, part)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(call.get("seed", 0))
            out = function(*args, **options)
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}
    results = tensors(out)
    if any(d < 0 for r in results for d in r.shape):
        return {"error": "RuntimeError", "message": "PyTorch made a tensor of negative size"}
    inputs = [t for t in tensors(args) + tensors(list(options.values())) if t.requires_grad]
    differentiable = [r for r in results if r.requires_grad]
    grads = [None] * len(inputs)
    second = [None] * len(inputs)
    if inputs and differentiable:
        twice = bool(call.get("twice"))
        try:
            cotangents = [cotangent(r) for r in differentiable]
            grads = torch.autograd.grad(differentiable, inputs, cotangents, allow_unused=True, create_graph=twice)
        except (RuntimeError, IndexError):
            steps = [r.grad_fn and r.grad_fn.name() for r in results]
            return {"out": [encode(r) for r in results], "steps": steps, "grads": None}
        again = [g for g in grads if g is not None and g.requires_grad]
        if twice and again:
            try:
                second = torch.autograd.grad(again, inputs, [cotangent(g) for g in again], allow_unused=True)
            except RuntimeError as error:
                if "is not implemented" not in str(error):
                    raise
                second = None
    return {
        "out": [encode(r) for r in results],
        "steps": [r.grad_fn and r.grad_fn.name() for r in results],
        "grads": [encode(g) for g in grads],
        "second": second and [encode(g) for g in second],
    }


json.dump([run(call) for call in json.load(sys.stdin)], sys.stdout)
