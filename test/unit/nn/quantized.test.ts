/** Quantization beside PyTorch: values agree to one quantum, parameters and printed forms exactly. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { deepcopy, nn, optim, planStats, torch, type Tensor } from "../../../runtime/index.js";
import { ask, noPython, same } from "./python.js";

const q = torch.ao.quantization;

const answers = ask(`
from torch.ao.quantization import *
import torch.ao.quantization as Q
torch.backends.quantized.engine = "qnnpack"
x = torch.tensor([[0.1, -0.5, 1.27], [3.0, 2.0, -7.0]])

@case("per tensor")
def _():
    t = torch.quantize_per_tensor(x, 0.1, 10, torch.quint8)
    return [str(t), t.int_repr(), t.dequantize(), str(t.relu()), str(torch.sigmoid(t)), str(torch.tanh(t))]
@case("per tensor dynamic")
def _():
    t = torch.quantize_per_tensor_dynamic(x, torch.quint8, False)
    return [t.int_repr(), t.q_scale(), t.q_zero_point()]
@case("per channel")
def _():
    t = torch.quantize_per_channel(x, torch.tensor([0.1, 0.05]), torch.tensor([0, 3]), 0, torch.qint8)
    return [str(t), t.int_repr(), t.dequantize(), str(t.qscheme()), t.q_per_channel_axis()]
@case("fake")
def _():
    t = ramp(4, 6, scale=1., requires_grad=True)
    y = torch.fake_quantize_per_tensor_affine(t, 0.3, 2, -8, 7)
    (y * ramp(4, 6)).sum().backward()
    g, t.grad = t.grad, None
    z = torch.fake_quantize_per_channel_affine(t, torch.tensor([.1, .2, .3, .4]), torch.tensor([0, 1, 2, -3], dtype=torch.int32), 0, -8, 7)
    (z * ramp(4, 6)).sum().backward()
    return [y, g, z, t.grad]

def observed(o, *shapes):
    for i in range(3):
        o(torch.randn(4, 6) * (i + 1))
    s, z = o.calculate_qparams()
    return [s, z, repr(o)]
case("MinMax")(lambda: observed(MinMaxObserver()))
case("MinMax symmetric")(lambda: observed(MinMaxObserver(dtype=torch.qint8, qscheme=torch.per_tensor_symmetric)))
case("MinMax reduced")(lambda: observed(MinMaxObserver(reduce_range=True)))
case("MinMax range")(lambda: observed(MinMaxObserver(quant_min=0, quant_max=127, qscheme=torch.per_tensor_symmetric)))
case("MovingAverage")(lambda: observed(MovingAverageMinMaxObserver(averaging_constant=0.1)))
case("PerChannel")(lambda: observed(PerChannelMinMaxObserver(ch_axis=1)))
case("MovingAveragePerChannel")(lambda: observed(MovingAveragePerChannelMinMaxObserver(dtype=torch.qint8, qscheme=torch.per_channel_symmetric)))

@case("Histogram")
def _():
    # 1.13 counts between whole numbers: the ends are such.
    o = HistogramObserver()
    out = []
    for end in [64, 64, 128]:
        t = torch.randn(5000).pow(3).clamp(-64, 64)
        t[0], t[1] = -end, end
        o(t)
        out += [o.histogram.sum(), *o.calculate_qparams()]
    return out

@case("FakeQuantize")
def _():
    f = FakeQuantize()
    out = [repr(f)]
    for i in range(3):
        t = torch.randn(4, 6)
        out.append(f(t))
    return out + [f.scale, f.zero_point, list(f.state_dict().keys())]

def static(m, x, per_channel=False):
    m.eval()
    m.qconfig = QConfig(activation=MinMaxObserver, weight=default_per_channel_weight_observer if per_channel else default_weight_observer)
    p = prepare(m)
    p(x)
    c = convert(p)
    return [repr(p), repr(c), c(x), c[-2].scale if hasattr(c[-2], "scale") else c[-3].scale]
@case("static")
def _():
    m = nn.Sequential(QuantStub(), nn.Conv2d(2, 4, 3, padding=1, stride=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3), DeQuantStub())
    return static(m, torch.randn(5, 2, 8, 8))
@case("static per channel")
def _():
    m = nn.Sequential(QuantStub(), nn.Conv2d(4, 6, 3, groups=2, bias=False), nn.ReLU(), nn.Conv2d(6, 4, 1), DeQuantStub())
    return static(m, torch.randn(3, 4, 6, 6), True)
@case("static linear")
def _():
    m = nn.Sequential(QuantStub(), nn.Linear(8, 5, bias=False), DeQuantStub())
    return static(m, torch.randn(2, 3, 8))
@case("dynamic")
def _():
    m = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4, bias=False))
    d = quantize_dynamic(m)
    x = torch.randn(5, 16)
    return [repr(d), d(x)]
`) as Readonly<Record<string, unknown[]>>;

const x = torch.tensor([
  [0.1, -0.5, 1.27],
  [3, 2, -7],
]);
const ramp = (...shape: number[]): Tensor => {
  const n = shape.reduce((a, b) => a * b, 1);
  return torch
    .arange(n)
    .mul(37)
    .add(11)
    .remainder(64)
    .sub(31.5)
    .div(4)
    .reshape(...shape);
};

suite("quantized tensors", () => {
  test("per tensor: integers, printed form, ReLU and functions of known range", { skip: noPython }, () => {
    const t = torch.quantizePerTensor(x, 0.1, 10, torch.quint8);
    const ours = [
      String(t),
      t.intRepr(),
      t.dequantize(),
      String(t.relu()),
      String(torch.sigmoid(t as never)),
      String(torch.tanh(t as never)),
    ];
    same(ours, answers["per tensor"]);
  });

  test("per channel", { skip: noPython }, () => {
    const scales = torch.tensor([0.1, 0.05]);
    const t = torch.quantizePerChannel(x, scales, torch.tensor([0, 3]), 0, torch.qint8);
    const ours = [String(t), t.intRepr(), t.dequantize(), String(t.qscheme()), t.qPerChannelAxis()];
    same(ours, answers["per channel"]);
  });

  test("views of them keep what they stand for; what has no quantized form says so", () => {
    const t = torch.quantizePerTensor(x, 0.1, 10, torch.quint8);
    assert.deepEqual(t.reshape(3, 2).transpose(0, 1).shape, [2, 3]);
    assert.equal(t.flatten().qScale(), 0.1);
    assert.ok(torch.dequantize(t).equal(t.dequantize()));
    assert.ok(t.equal(t.clone()) && !t.equal(t.relu()));
    assert.throws(() => torch.add(t as never, t as never), {
      name: "NotImplementedError",
      message: /add is not implemented for quantized tensors/,
    });
    assert.throws(() => t.qPerChannelScales(), { name: "RuntimeError" });
    assert.throws(() => torch.quantizePerTensor(x, 0.1, 300, torch.quint8), { name: "RuntimeError" });
    assert.throws(() => torch.quantizePerTensor(x.to(torch.int64), 0.1, 0, torch.quint8), {
      name: "RuntimeError",
      message: /only works on Float Tensor/,
    });
  });

  test("dynamic parameters", { skip: noPython }, () => {
    const t = torch.quantizePerTensorDynamic(x, torch.quint8, false);
    same([t.intRepr(), t.qScale(), t.qZeroPoint()], answers["per tensor dynamic"], 1e-6);
  });
});

suite("fake quantization", () => {
  test("values, and gradients that pass inside the range", { skip: noPython }, () => {
    const t = ramp(4, 6).requiresGrad_();
    const y = torch.fakeQuantizePerTensorAffine(t, 0.3, 2, -8, 7);
    y.mul(ramp(4, 6).mul(0.1)).sum().backward();
    const g = t.grad!.clone();
    t.grad = null;
    const zero = torch.tensor([0, 1, 2, -3], { dtype: torch.int32 });
    const z = torch.fakeQuantizePerChannelAffine(t, torch.tensor([0.1, 0.2, 0.3, 0.4]), zero, 0, -8, 7);
    z.mul(ramp(4, 6).mul(0.1)).sum().backward();
    same([y, g, z, t.grad], answers.fake);
  });

  test("the module: printed form, results, parameters, state", { skip: noPython }, () => {
    torch.manualSeed(0);
    const f = new q.FakeQuantize();
    const ours: unknown[] = [String(f)];
    for (let i = 0; i < 3; i++) ours.push(f(torch.randn(4, 6)));
    same([...ours, f.scale, f.zeroPoint, [...f.stateDict().keys()]], answers.FakeQuantize);
  });

  test("switched off it lets pass; training with it is one plan a step", () => {
    torch.manualSeed(0);
    const layer = new nn.Linear(4, 3);
    const weight = q.defaultWeightFakeQuant();
    const result = q.defaultFakeQuant();
    const optimizer = new optim.SGD(layer.parameters(), 0.1);
    const step = (): number => {
      optimizer.zeroGrad();
      const y = nn.functional.linear(torch.randn(8, 4), weight(layer.weight), layer.bias);
      const loss = result(y).pow(2).mean();
      loss.backward();
      optimizer.step();
      return loss.item();
    };
    const first = step();
    for (let i = 0; i < 3; i++) step();
    const { compiled } = planStats();
    let last = first;
    for (let i = 0; i < 20; i++) last = step();
    assert.equal(planStats().compiled, compiled);
    assert.ok(last < first);
    q.disableFakeQuant(result);
    const y = torch.randn(2, 3);
    assert.ok(result(y).equal(y));
  });
});

suite("observers", () => {
  const symmetric = { dtype: torch.qint8, qscheme: torch.perTensorSymmetric };
  const observers: Readonly<
    Record<string, () => InstanceType<typeof q.MinMaxObserver | typeof q.PerChannelMinMaxObserver>>
  > = {
    MinMax: () => new q.MinMaxObserver(),
    "MinMax symmetric": () => new q.MinMaxObserver(symmetric),
    "MinMax reduced": () => new q.MinMaxObserver({ reduceRange: true }),
    "MinMax range": () =>
      new q.MinMaxObserver({ quantMin: 0, quantMax: 127, qscheme: torch.perTensorSymmetric }),
    MovingAverage: () => new q.MovingAverageMinMaxObserver({ averagingConstant: 0.1 }),
    PerChannel: () => new q.PerChannelMinMaxObserver({ chAxis: 1 }),
    MovingAveragePerChannel: () =>
      new q.MovingAveragePerChannelMinMaxObserver({
        dtype: torch.qint8,
        qscheme: torch.perChannelSymmetric,
      }),
  };
  for (const [name, make] of Object.entries(observers)) {
    test(name, { skip: noPython }, () => {
      torch.manualSeed(0);
      const observer = make();
      for (let i = 0; i < 3; i++) observer(torch.randn(4, 6).mul(i + 1));
      const [scale, zero] = observer.calculateQparams();
      const [pythonScale, pythonZero] = answers[name]!;
      same([scale, zero], [pythonScale, pythonZero], 1e-6);
    });
  }

  test("Histogram: the same range is joined, a wider one spread over", { skip: noPython }, () => {
    torch.manualSeed(0);
    const observer = new q.HistogramObserver();
    const ours: Tensor[] = [];
    for (const end of [64, 64, 128]) {
      const t = torch.randn(5000).pow(3).clamp(-64, 64);
      t.setAt([torch.slice(0, 2)], torch.tensor([-end, end], { dtype: torch.float32 }));
      observer(t);
      ours.push(observer.histogram.sum(), ...observer.calculateQparams());
    }
    same(ours, answers.Histogram, 1e-4);
  });
});

suite("layers of integers", () => {
  type Layers = () => readonly [nn.Sequential, Tensor];
  const models: Readonly<Record<string, Layers>> = {
    static: () => [
      new nn.Sequential(
        new q.QuantStub(),
        new nn.Conv2d(2, 4, 3, { padding: 1, stride: 2 }),
        new nn.ReLU(),
        new nn.MaxPool2d(2),
        new nn.Flatten(),
        new nn.Linear(16, 3),
        new q.DeQuantStub(),
      ),
      torch.randn(5, 2, 8, 8),
    ],
    "static per channel": () => [
      new nn.Sequential(
        new q.QuantStub(),
        new nn.Conv2d(4, 6, 3, { groups: 2, bias: false }),
        new nn.ReLU(),
        new nn.Conv2d(6, 4, 1),
        new q.DeQuantStub(),
      ),
      torch.randn(3, 4, 6, 6),
    ],
    "static linear": () => [
      new nn.Sequential(new q.QuantStub(), new nn.Linear(8, 5, { bias: false }), new q.DeQuantStub()),
      torch.randn(2, 3, 8),
    ],
  };
  for (const [name, make] of Object.entries(models)) {
    test(name, { skip: noPython }, () => {
      torch.manualSeed(0);
      const [model, input] = make();
      model.eval();
      const weight = name.includes("channel") ? q.defaultPerChannelWeightObserver : q.defaultWeightObserver;
      model.qconfig = new q.QConfig({ activation: q.MinMaxObserver, weight });
      const prepared = q.prepare(model);
      prepared(input);
      const converted = q.convert(prepared) as nn.Sequential;
      const [preparedRepr, convertedRepr, result, scale] = answers[name]!;
      // The last digits differ, and QNNPACK's layers without a bias have one of zeros.
      const numbers = (text: string): string =>
        text.replace(/\d+\.\d{6,}/g, (n) => Number(n).toFixed(4)).replace(/, bias=False/g, "");
      assert.equal(numbers(String(prepared)), numbers(preparedRepr as string));
      assert.equal(numbers(String(converted)), numbers(convertedRepr as string));
      const ours = torch.noGrad(() => converted(input) as Tensor);
      const difference = ours
        .sub(torch.tensor(result as number[]))
        .abs()
        .max()
        .item();
      assert.ok(difference <= 1.001 * (scale as number), `${difference} with quanta of ${String(scale)}`);

      // The same from a copy, and from a state dict.
      assert.ok((deepcopy(converted)(input) as Tensor).equal(ours));
      torch.manualSeed(1);
      const [other, otherInput] = make();
      other.eval();
      other.qconfig = model.qconfig;
      const observed = q.prepare(other);
      observed(otherInput);
      const loaded = q.convert(observed) as nn.Sequential;
      loaded(input);
      loaded.loadStateDict(converted.stateDict());
      assert.ok((loaded(input) as Tensor).equal(ours));
    });
  }

  test("dynamic", { skip: noPython }, () => {
    torch.manualSeed(0);
    const model = new nn.Sequential(
      new nn.Linear(16, 8),
      new nn.ReLU(),
      new nn.Linear(8, 4, { bias: false }),
    );
    const quantized = q.quantizeDynamic(model) as nn.Sequential;
    const [repr, result] = answers.dynamic!;
    assert.equal(String(quantized), repr);
    const ours = quantized(torch.randn(5, 16)) as Tensor;
    const difference = ours
      .sub(torch.tensor(result as number[]))
      .abs()
      .max()
      .item();
    assert.ok(difference < 0.01, String(difference));
    assert.ok(model.at(0) instanceof nn.Linear, "the model itself stays");
  });

  test("dynamic convolutions are near the floating ones; other layers are refused by name", () => {
    torch.manualSeed(0);
    const classes = [nn.Conv1d, nn.Conv2d, nn.Conv3d] as const;
    classes.forEach((Conv, i) => {
      const conv = new Conv(4, 6, 3, { padding: 1, groups: 2, stride: 2 });
      const input = torch.randn([2, 4, ...Array.from({ length: i + 1 }, () => 6)]);
      const quantized = q.quantizeDynamic(new nn.Sequential(conv), [Conv]) as nn.Sequential;
      const error = (quantized(input) as Tensor).sub(conv(input)).abs().max().item();
      assert.ok(error > 0 && error < 0.03, `${Conv.name}: ${error}`);
    });
    assert.throws(() => q.quantizeDynamic(new nn.LSTM(2, 3), [nn.LSTM]), {
      name: "NotImplementedError",
      message: /LSTM/,
    });
  });

  test("a layer of integers says what it takes", () => {
    const layer = new nn.quantized.Linear(3, 2);
    assert.throws(() => layer(torch.ones(1, 3) as never), { message: /put a QuantStub before/ });
    const conv = new nn.quantized.Conv2d(1, 2, 3);
    assert.equal(conv.weight().dtype, torch.qint8);
    assert.deepEqual(
      [...conv.stateDict().keys()],
      ["weight", "weight_scale", "weight_zero_point", "bias", "scale", "zero_point"],
    );
  });
});
