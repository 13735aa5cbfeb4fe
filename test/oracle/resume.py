"""Trains in PyTorch what test/unit/io/resume.test.ts trains: two sides of one checkpoint.

    resume.py start FILE OPTIMIZER    begins, writes a checkpoint after 5 steps, prints the next 10 losses
    resume.py go FILE OPTIMIZER       goes on from a checkpoint, prints 10 losses
"""

import json
import sys

import torch
from torch import nn

torch.set_num_threads(1)
optimizers = {
    "SGD": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda p: torch.optim.Adam(p, 0.02, amsgrad=True),
    "AdamW": lambda p: torch.optim.AdamW([{"params": p[:2]}, {"params": p[2:], "lr": 0.01}], 0.02),
    "RMSprop": lambda p: torch.optim.RMSprop(p, 0.01, centered=True, momentum=0.5),
    "Adagrad": lambda p: torch.optim.Adagrad(p, 0.05),
    "Adadelta": lambda p: torch.optim.Adadelta(p, 0.5),
    "Adamax": lambda p: torch.optim.Adamax(p, 0.02),
    "NAdam": lambda p: torch.optim.NAdam(p, 0.02),
    "RAdam": lambda p: torch.optim.RAdam(p, 0.02),
    "Rprop": lambda p: torch.optim.Rprop(p, 0.01),
    "ASGD": lambda p: torch.optim.ASGD(p, 0.05),
}


def numbers(rows, columns, phase):
    n = rows * columns
    flat = [((37 * i + 11 * phase) % 64 - 31.5) / 32 for i in range(n)]
    return torch.tensor(flat).reshape(rows, columns)


def main(mode, file, name):
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            p.copy_(numbers(1, p.numel(), i + 1).reshape(p.shape) * 0.5)
    optimizer = optimizers[name](list(model.parameters()))
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.7)

    def steps(first, count):
        losses = []
        for t in range(first, first + count):
            optimizer.zero_grad()
            loss = (model(numbers(6, 4, t)) - numbers(6, 2, t + 1)).square().mean()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        return losses

    if mode == "start":
        steps(0, 5)
        torch.save(
            {
                "model_state_dict": model.state_dict(),
                "optimizer_state_dict": optimizer.state_dict(),
                "scheduler_state_dict": scheduler.state_dict(),
            },
            file,
        )
    else:
        checkpoint = torch.load(file)
        model.load_state_dict(checkpoint["model_state_dict"])
        optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
        scheduler.load_state_dict(checkpoint["scheduler_state_dict"])
    return steps(5, 10)


mode, folder, *names = sys.argv[1:]
print(json.dumps({name: main(mode, f"{folder}/{name}.pth", name) for name in names or optimizers}))
