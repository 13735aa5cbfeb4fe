"""PyTorch's side of training.bench.ts: answers each line "MODEL OPTIMIZER STEPS" with milliseconds per step."""
import sys
import time

import torch
from torch import nn

torch.manual_seed(0)


def mlp():
    net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    return net, torch.randn(128, 784), torch.randint(0, 10, (128,))


def lenet():
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )
    return net, torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,))


models = {"mlp": mlp, "lenet": lenet}
optimizers = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01),
    "adam": lambda p: torch.optim.Adam(p, lr=0.001),
}
ready = {}
for line in sys.stdin:
    model, optimizer, steps = line.split()
    if (model, optimizer) not in ready:
        net, x, y = models[model]()
        ready[model, optimizer] = net, x, y, optimizers[optimizer](net.parameters())
    net, x, y, opt = ready[model, optimizer]
    start = time.perf_counter()
    for _ in range(int(steps)):
        opt.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
    loss.item()
    print((time.perf_counter() - start) / int(steps) * 1e3, flush=True)
