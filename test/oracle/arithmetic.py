"""Writes arithmetic.json: output shapes, parameter counts and errors of PyTorch's convolutions and pools.

    /usr/bin/python3 test/oracle/arithmetic.py > test/oracle/golden/arithmetic.json

Made with PyTorch 1.13.1. A convolution with a kernel or dilation of 0 is left out: what is said about it depends on
the backend that happens to be chosen. Each row: [layer, input shape, options, output shape or "Class: message", parameters].
"""

import json
import random
import sys
import warnings

import torch
from torch import nn

warnings.simplefilter("ignore")
random.seed(20)


def pair(values):
    return [random.choice(values), random.choice(values)]


def odd(pick, rare, chance=0.04):
    """Mostly a plain value, sometimes one that PyTorch refuses."""
    return rare() if random.random() < chance else pick()


def conv():
    groups = odd(lambda: random.choice([1, 1, 1, 2, 3]), lambda: 0, 0.02)
    unit = max(groups, 1)
    options = {
        "outChannels": odd(lambda: unit * random.choice([1, 2, 4]), lambda: random.choice([0, 5])),
        "kernelSize": pair([1, 2, 3, 4, 5]),
        "stride": odd(lambda: pair([1, 1, 2, 3]), lambda: pair([0, 1, -1])),
        "padding": odd(
            lambda: random.choice([pair([0, 0, 1, 2, 3]), pair([0, 0, 1, 2, 3]), "same", "valid"]),
            lambda: pair([-1, 0]),
        ),
        "dilation": pair([1, 1, 2, 3]),
        "groups": groups,
    }
    if options["padding"] == "same" and random.random() < 0.9:
        options["stride"] = [1, 1]
    shape = [random.choice([1, 2]), unit * random.choice([1, 2]) + (random.random() < 0.02)]
    shape += pair([1, 4, 7, 8, 13, 16])
    return "Conv2d", shape, options


def transposed():
    groups = random.choice([1, 1, 2, 3])
    options = {
        "outChannels": groups * random.choice([1, 2]),
        "kernelSize": pair([1, 2, 3, 4]),
        "stride": odd(lambda: pair([1, 2, 3]), lambda: pair([0, 1]), 0.03),
        "padding": odd(lambda: pair([0, 0, 1, 2]), lambda: pair([-1, 0]), 0.03),
        "outputPadding": odd(lambda: pair([0, 0, 0, 1]), lambda: pair([-1, 2]), 0.03),
        "dilation": pair([1, 1, 2]),
        "groups": groups,
    }
    shape = [1, groups * random.choice([1, 2])] + pair([1, 2, 5, 8])
    return "ConvTranspose2d", shape, options


def pool():
    kernel = odd(lambda: pair([1, 2, 3, 4, 5]), lambda: pair([0, 2]))
    options = {
        "kernelSize": kernel,
        "stride": random.choice([kernel, odd(lambda: pair([1, 2, 3, 4]), lambda: pair([0, -1, 1]))]),
        "padding": odd(lambda: [random.randint(0, k // 2) for k in kernel], lambda: pair([-1, 0, 3])),
        "dilation": odd(lambda: pair([1, 1, 1, 2, 3]), lambda: pair([0, 1]), 0.02),
        "ceilMode": random.random() < 0.6,
    }
    return "MaxPool2d", [random.choice([1, 2]), 3] + pair([1, 2, 4, 5, 6, 7, 8, 13]), options


def snake(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def tuples(value):
    return tuple(value) if isinstance(value, list) else value


def run(layer, shape, options):
    kwargs = {snake(name): tuples(value) for name, value in options.items()}
    if layer != "MaxPool2d":
        kwargs["in_channels"] = shape[1]
    try:
        module = getattr(nn, layer)(**kwargs)
        output = list(module(torch.zeros(shape)).shape)
        return [layer, shape, options, output, sum(p.numel() for p in module.parameters())]
    except (RuntimeError, ValueError) as error:
        return [layer, shape, options, f"{type(error).__name__}: {error}", None]


rows = [run(*make()) for make, count in ((conv, 260), (transposed, 100), (pool, 260)) for _ in range(count)]
sys.stdout.write("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")
