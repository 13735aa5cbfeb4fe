/** RNN, LSTM, GRU and their cells beside PyTorch: values, gradients of both orders, packed sequences. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nn, torch, type Tensor } from "../../../runtime/index.js";
import { ask, noPython, same } from "./python.js";

const { packPaddedSequence, padPackedSequence, packSequence, unpackSequence } = nn.utils.rnn;

type Packed = InstanceType<typeof nn.utils.rnn.PackedSequence>;

/** The same numbers as `ramp` in Python. */
function ramp(shape: number[], scale = 0.1): Tensor {
  const n = shape.reduce((a, b) => a * b, 1);
  return torch
    .tensor(
      Array.from({ length: n }, (_, i) => ((((i * 37 + 11) % 64) - 31.5) * scale) / 4),
      { dtype: torch.float32 },
    )
    .reshape(shape);
}

const answers = ask(`
def grads(m, x, loss):
    loss.backward()
    return [x.grad] + [p.grad for p in m.parameters()]

def layer(kind, **o):
    m = getattr(nn, kind)(3, 4, **o)
    x = ramp(5, 2, 3, requires_grad=True)
    y, _ = m(x)
    return y, grads(m, x, (y ** 2).sum())

def second(kind, **o):
    m = getattr(nn, kind)(3, 4, **o)
    x = ramp(4, 2, 3, requires_grad=True)
    y, _ = m(x)
    g, = torch.autograd.grad((y ** 2).sum(), x, create_graph=True)
    return grads(m, x, (g ** 2).sum())

def packed(kind, **o):
    m = getattr(nn, kind)(3, 4, **o)
    x = ramp(5, 3, 3, requires_grad=True)
    p = nn.utils.rnn.pack_padded_sequence(x, [2, 5, 3], enforce_sorted=False)
    y, h = m(p)
    y, n = nn.utils.rnn.pad_packed_sequence(y)
    last = h[0] if isinstance(h, tuple) else h
    return y, n, last, grads(m, x, (y ** 2).sum() + last.sum())

for kind, o in [("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("LSTM", {"num_layers": 2}), ("LSTM", {"proj_size": 2, "bidirectional": True}), ("GRU", {"bidirectional": True}), ("GRU", {"bias": False})]:
    key = kind + json.dumps(o, sort_keys=True)
    case("layer " + key)(lambda: layer(kind, **o))
    case("second " + key)(lambda: second(kind, **o))
    case("packed " + key)(lambda: packed(kind, **o))

@case("dropout")
def _():
    m = nn.LSTM(3, 4, num_layers=3, dropout=0.5)
    return m(ramp(5, 2, 3))[0]

@case("dropout packed")
def _():
    m = nn.GRU(3, 4, num_layers=2, dropout=0.5)
    return m(nn.utils.rnn.pack_padded_sequence(ramp(5, 3, 3), [5, 3, 2]))[0].data
`);

const settings = [
  ["RNN", {}, {}],
  ["RNN", { nonlinearity: "relu" }, { nonlinearity: "relu" }],
  ["LSTM", { num_layers: 2 }, { numLayers: 2 }],
  ["LSTM", { bidirectional: true, proj_size: 2 }, { bidirectional: true, projSize: 2 }],
  ["GRU", { bidirectional: true }, { bidirectional: true }],
  ["GRU", { bias: false }, { bias: false }],
] as const;

type Layer = nn.Module & ((x: unknown) => [unknown, Tensor | [Tensor, Tensor]]);

function make(kind: "RNN" | "LSTM" | "GRU", options: object): Layer {
  torch.manualSeed(0);
  return new (nn[kind] as unknown as new (i: number, h: number, o: object) => Layer)(3, 4, options);
}

function grads(m: nn.Module, x: Tensor, loss: Tensor): (Tensor | null)[] {
  loss.backward();
  return [x.grad, ...Array.from(m.parameters(), (p) => p.grad)];
}

const python = (o: object): string => JSON.stringify(o).replaceAll(":", ": ").replaceAll(",", ", ");

for (const [kind, theirs, ours] of settings) {
  const key = `${kind}${python(theirs)}`;

  test(`${key}: outputs and gradients`, { skip: noPython }, () => {
    const m = make(kind, ours);
    const x = ramp([5, 2, 3]).requiresGrad_();
    const [y] = m(x) as [Tensor, unknown];
    same([y, grads(m, x, y.square().sum())], answers[`layer ${key}`]);
  });

  test(`${key}: gradients of gradients`, { skip: noPython }, () => {
    const m = make(kind, ours);
    const x = ramp([4, 2, 3]).requiresGrad_();
    const [y] = m(x) as [Tensor, unknown];
    const [g] = torch.autograd.grad(y.square().sum(), x, { createGraph: true }) as [Tensor];
    same(grads(m, x, g.square().sum()), answers[`second ${key}`]);
  });

  test(`${key}: packed sequences that come unsorted`, { skip: noPython }, () => {
    const m = make(kind, ours);
    const x = ramp([5, 3, 3]).requiresGrad_();
    const [packed, h] = m(packPaddedSequence(x, [2, 5, 3], { enforceSorted: false }));
    const [y, n] = padPackedSequence(packed as Packed);
    const last = Array.isArray(h) ? h[0] : h;
    same([y, n, last, grads(m, x, y.square().sum().add(last.sum()))], answers[`packed ${key}`]);
  });
}

test("dropout between layers draws PyTorch's numbers", { skip: noPython }, () => {
  const m = make("LSTM", { numLayers: 3, dropout: 0.5 });
  same(m(ramp([5, 2, 3]))[0], answers["dropout"]);
});

test("over packed sequences only their own rows are drawn for", { skip: noPython }, () => {
  const m = make("GRU", { numLayers: 2, dropout: 0.5 });
  const [y] = m(packPaddedSequence(ramp([5, 3, 3]), [5, 3, 2]));
  same((y as Packed).data, answers["dropout packed"]);
});

test("packing and unpacking give the sequences back", () => {
  const sequences = [ramp([2, 3]), ramp([4, 3]), ramp([1, 3])];
  const back = unpackSequence(packSequence(sequences, { enforceSorted: false }));
  assert.deepEqual(
    back.map((t) => t.tolist()),
    sequences.map((t) => t.tolist()),
  );
});

test("lengths that do not fit are refused", () => {
  const x = ramp([4, 2, 3]);
  assert.throws(() => packPaddedSequence(x, [1, 2]), {
    name: "RuntimeError",
    message: /sorted in decreasing/,
  });
  assert.throws(() => packPaddedSequence(x, [2, 0]), { name: "RuntimeError", message: /greater than 0/ });
  assert.throws(() => packPaddedSequence(x, [2]), { name: "RuntimeError", message: /batch_size/ });
});

test("inputs and states of the wrong size are refused", () => {
  const m = new nn.LSTM(3, 4);
  assert.throws(() => m(ramp([5, 2, 2])), {
    name: "RuntimeError",
    message: "input.size(-1) must be equal to input_size. Expected 3, got 2",
  });
  assert.throws(() => m(ramp([5, 2, 3]), [ramp([1, 1, 4]), ramp([1, 2, 4])]), {
    name: "RuntimeError",
    message: "Expected hidden[0] size (1, 2, 4), got [1, 1, 4]",
  });
  assert.throws(() => new nn.GRU(3, 4, { projSize: 2 } as object), { name: "ValueError" });
});
