"""Answers draws with PyTorch's own generator.

Reads a JSON list of cases {seed, draws} on standard input (test/unit/random/cases.ts prints one) and writes, for each,
the bytes of every result in base64, the CRC of the generator state after the last draw (all of it, and without the
cached normal at its end) and, where asked, that state.

    node out/test/unit/random/cases.js | python3 test/oracle/rng.py > test/oracle/golden/rng.json
"""

import base64
import json
import sys
import zlib

import torch

torch.set_num_threads(1)


def tensor(value):
    if isinstance(value, dict):
        return torch.tensor(value["data"], dtype=getattr(torch, value["dtype"]))
    return value


def run(d):
    dtype = getattr(torch, d["dtype"])
    n = d["count"]
    kind = d["kind"]
    empty = torch.empty(n, dtype=dtype)
    if kind == "uniform":
        return empty.uniform_(d["from"], d["to"])
    if kind == "normal":
        mean, std = tensor(d["mean"]), tensor(d["std"])
        if torch.is_tensor(mean) or torch.is_tensor(std):
            return torch.normal(*(x if torch.is_tensor(x) else float(x) for x in (mean, std)))
        if d.get("contiguous", True):
            return empty.normal_(mean, std)
        spaced = torch.empty(2 * n, dtype=dtype)[::2]
        return spaced.normal_(mean, std).contiguous()
    if kind == "logNormal":
        return empty.log_normal_(d["mean"], d["std"])
    if kind == "cauchy":
        return empty.cauchy_(d["median"], d["sigma"])
    if kind == "exponential":
        return empty.exponential_(d["lambd"])
    if kind == "geometric":
        return empty.geometric_(d["p"])
    if kind == "bernoulli":
        return empty.bernoulli_(tensor(d["p"]))
    if kind == "random":
        return empty.random_()
    if kind == "randint":
        to = d["to"]
        return empty.random_(int(d["from"]), None if to is None else int(to))
    if kind == "randperm":
        return torch.randperm(n, dtype=dtype)
    if kind == "multinomial":
        weights = tensor(d["input"]).reshape(d["rows"], -1)
        return torch.multinomial(weights, n // d["rows"], d["replacement"])
    if kind == "poisson":
        return torch.poisson(tensor(d["rate"]))
    if kind == "binomial":
        return torch.binomial(tensor(d["trials"]), tensor(d["p"]))
    if kind == "truncNormal":
        return torch.nn.init.trunc_normal_(empty, d["mean"], d["std"], d["a"], d["b"])
    if kind == "rrelu":
        noise = torch.empty(n, dtype=dtype)
        torch._C._nn.rrelu_with_noise(tensor(d["input"]), noise, d["lower"], d["upper"], True)
        return noise
    raise ValueError(kind)


def encode(t):
    if t.dtype == torch.bfloat16:
        t = t.view(torch.int16)
    return base64.b64encode(t.contiguous().numpy().tobytes()).decode()


answers = []
for case in json.load(sys.stdin):
    torch.manual_seed(int(case["seed"]))
    answer = {"out": [encode(run(d)) for d in case["draws"]]}
    state = torch.get_rng_state().numpy().tobytes()
    answer["crc"] = zlib.crc32(state)
    answer["words"] = zlib.crc32(state[:5016])
    if case.get("state"):
        answer["state"] = base64.b64encode(state).decode()
    answers.append(answer)
json.dump({"torch": torch.__version__, "answers": answers}, sys.stdout, separators=(",", ":"))
print()
