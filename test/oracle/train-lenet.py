"""The first 30 losses of examples/train-lenet.ts, in PyTorch.

Reads the drawn digits on standard input: the pictures' bytes, then one byte a label. The seed, the order of the calls
that draw random numbers and the optimizer are the example's.

    node -e 'import("./out/runtime/index.js").then(({ datasets }) => {
      const s = [...new datasets.Digits({ size: 1920 })];
      process.stdout.write(Buffer.concat([...s.map(([i]) => i.data), Uint8Array.from(s, ([, d]) => d)]));
    })' | python3 test/oracle/train-lenet.py > test/oracle/golden/train-lenet.json
"""

import json
import sys

import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = torch.flatten(x, 1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


data = bytearray(sys.stdin.buffer.read())
count = len(data) // 785
pictures = torch.frombuffer(data, dtype=torch.uint8, count=count * 784).view(count, 1, 28, 28).float() / 255
labels = torch.frombuffer(data, dtype=torch.uint8, offset=count * 784).long()

torch.manual_seed(0)
loader = DataLoader(TensorDataset(pictures, labels), batch_size=64, shuffle=True)
model = LeNet()
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=2e-3)
losses = []
for x, y in loader:
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
json.dump({"torch": torch.__version__, "losses": losses[:30]}, sys.stdout)
print()
