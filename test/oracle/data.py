"""Answers with the order in which PyTorch's samplers and loaders go through a data set.

Reads a JSON list of cases {seed, actions} on standard input (test/unit/data/cases.ts prints one) and writes, for each
action, the indices it gives and the number that the default generator gives next.

    node out/test/unit/data/cases.js | python3 test/oracle/data.py > test/oracle/golden/data.json
"""

import json
import sys
import warnings

import torch
from torch.utils.data import (
    DataLoader,
    RandomSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    random_split,
)

warnings.simplefilter("ignore")


def perform(a):
    generator = torch.Generator().manual_seed(7) if a["own"] else None
    kind = a["do"]
    if kind == "loader":
        loader = DataLoader(
            TensorDataset(torch.arange(a["n"])),
            batch_size=a["batchSize"],
            shuffle=a["shuffle"],
            drop_last=a["dropLast"],
            generator=generator,
        )
        return [[x.tolist() for (x,) in loader] for _ in range(2)]
    if kind == "random":
        sampler = RandomSampler(range(a["n"]), a["replacement"], a["numSamples"], generator)
    elif kind == "subset":
        sampler = SubsetRandomSampler(a["indices"], generator)
    elif kind == "weighted":
        sampler = WeightedRandomSampler(a["weights"], a["numSamples"], a["replacement"], generator)
    elif kind == "split":
        return [s.indices for s in random_split(range(a["n"]), a["lengths"], generator)]
    else:
        raise ValueError(kind)
    return [list(sampler) for _ in range(2)]


answers = []
for case in json.load(sys.stdin):
    torch.manual_seed(case["seed"])
    answers.append(
        [{"indices": perform(a), "next": torch.randint(1 << 30, ()).item()} for a in case["actions"]]
    )
json.dump({"torch": torch.__version__, "answers": answers}, sys.stdout, separators=(",", ":"))
print()
