/** Every class of torch.nn: constructible, printed as PyTorch prints it, with PyTorch's initial state, which loads back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nn, torch } from "../../../runtime/index.js";
import { ask, noPython, same } from "./python.js";

/** Constructor arguments, in Python and ours; no Python where the class is not in 1.13. */
const classes: Readonly<Record<string, readonly [python: string | null, ours: readonly unknown[]]>> = {
  AdaptiveAvgPool1d: ["3", [3]],
  AdaptiveAvgPool2d: ["(3, None)", [[3, null]]],
  AdaptiveAvgPool3d: ["3", [3]],
  AdaptiveLogSoftmaxWithLoss: ["8, 20, [4, 10], div_value=2.", [8, 20, [4, 10], { divValue: 2 }]],
  AdaptiveMaxPool1d: ["3", [3]],
  AdaptiveMaxPool2d: ["(3, 2)", [[3, 2]]],
  AdaptiveMaxPool3d: ["3, return_indices=True", [3, { returnIndices: true }]],
  AlphaDropout: ["0.2", [0.2]],
  AvgPool1d: ["3, stride=2", [3, { stride: 2 }]],
  AvgPool2d: ["(3, 2)", [[3, 2]]],
  AvgPool3d: ["2", [2]],
  BCELoss: ["", []],
  BCEWithLogitsLoss: ["", []],
  BatchNorm1d: ["3", [3]],
  BatchNorm2d: ["3, momentum=None", [3, { momentum: null }]],
  BatchNorm3d: ["3, affine=False", [3, { affine: false }]],
  Bilinear: ["2, 3, 4", [2, 3, 4]],
  CELU: ["", []],
  CTCLoss: ["", []],
  ChannelShuffle: ["2", [2]],
  ConstantPad1d: ["2, 3.5", [2, 3.5]],
  ConstantPad2d: ["(1, 2, 3, 4), 0.", [[1, 2, 3, 4], 0]],
  ConstantPad3d: ["1, 0.5", [1, 0.5]],
  Container: ["", []],
  Conv1d: ["2, 4, 3, padding=1", [2, 4, 3, { padding: 1 }]],
  Conv2d: ["2, 4, (3, 2), groups=2, bias=False", [2, 4, [3, 2], { groups: 2, bias: false }]],
  Conv3d: ["1, 2, 2, dilation=2", [1, 2, 2, { dilation: 2 }]],
  ConvTranspose1d: ["2, 4, 3", [2, 4, 3]],
  ConvTranspose2d: ["2, 4, 3, stride=2, output_padding=1", [2, 4, 3, { stride: 2, outputPadding: 1 }]],
  ConvTranspose3d: ["1, 2, 2", [1, 2, 2]],
  CosineEmbeddingLoss: ["", []],
  CosineSimilarity: ["", []],
  CrossEntropyLoss: ["", []],
  CrossMapLRN2d: ["3", [3]],
  Dropout: ["0.1", [0.1]],
  Dropout1d: ["", []],
  Dropout2d: ["", []],
  Dropout3d: ["", []],
  ELU: ["", []],
  Embedding: ["5, 3, padding_idx=1", [5, 3, { paddingIdx: 1 }]],
  EmbeddingBag: ["5, 3, mode='sum'", [5, 3, { mode: "sum" }]],
  FeatureAlphaDropout: ["", []],
  Flatten: ["", []],
  Fold: ["(4, 5), 2", [[4, 5], 2]],
  FractionalMaxPool2d: ["2, output_size=3", [2, { outputSize: 3 }]],
  FractionalMaxPool3d: ["2, output_ratio=0.5", [2, { outputRatio: 0.5 }]],
  GELU: ["", []],
  GLU: ["", []],
  GRU: ["3, 4, bidirectional=True", [3, 4, { bidirectional: true }]],
  GRUCell: ["3, 4", [3, 4]],
  GaussianNLLLoss: ["", []],
  GroupNorm: ["2, 4", [2, 4]],
  Hardshrink: ["", []],
  Hardsigmoid: ["", []],
  Hardswish: ["", []],
  Hardtanh: ["", []],
  HingeEmbeddingLoss: ["", []],
  HuberLoss: ["", []],
  Identity: ["", []],
  InstanceNorm1d: ["3", [3]],
  InstanceNorm2d: ["3, affine=True", [3, { affine: true }]],
  InstanceNorm3d: ["3, track_running_stats=True", [3, { trackRunningStats: true }]],
  KLDivLoss: ["", []],
  L1Loss: ["", []],
  LPPool1d: ["2, 3", [2, 3]],
  LPPool2d: ["2, 3, stride=2", [2, 3, { stride: 2 }]],
  LSTM: ["3, 4, num_layers=2, proj_size=2", [3, 4, { numLayers: 2, projSize: 2 }]],
  LSTMCell: ["3, 4, bias=False", [3, 4, { bias: false }]],
  LayerNorm: ["(3, 4)", [[3, 4]]],
  LazyBatchNorm1d: ["", []],
  LazyBatchNorm2d: ["", []],
  LazyBatchNorm3d: ["", []],
  LazyConv1d: ["3, 2", [3, 2]],
  LazyConv2d: ["3, 2", [3, 2]],
  LazyConv3d: ["3, 2", [3, 2]],
  LazyConvTranspose1d: ["3, 2", [3, 2]],
  LazyConvTranspose2d: ["3, 2", [3, 2]],
  LazyConvTranspose3d: ["3, 2", [3, 2]],
  LazyInstanceNorm1d: ["", []],
  LazyInstanceNorm2d: ["", []],
  LazyInstanceNorm3d: ["", []],
  LazyLinear: ["3", [3]],
  LeakyReLU: ["", []],
  Linear: ["3, 4", [3, 4]],
  LinearCrossEntropyLoss: [null, [3, 4]],
  LocalResponseNorm: ["2", [2]],
  LogSigmoid: ["", []],
  LogSoftmax: ["1", [1]],
  MSELoss: ["", []],
  MarginRankingLoss: ["", []],
  MaxPool1d: ["3, stride=2", [3, { stride: 2 }]],
  MaxPool2d: ["(3, 2)", [[3, 2]]],
  MaxPool3d: ["2, ceil_mode=True", [2, { ceilMode: true }]],
  MaxUnpool1d: ["2", [2]],
  MaxUnpool2d: ["2, stride=1", [2, { stride: 1 }]],
  MaxUnpool3d: ["2", [2]],
  Mish: ["", []],
  ModuleDict: ["{'a': nn.Linear(1, 2)}", []],
  ModuleList: ["[nn.Linear(1, 2)]", []],
  MultiLabelMarginLoss: ["", []],
  MultiLabelSoftMarginLoss: ["", []],
  MultiMarginLoss: ["", []],
  MultiheadAttention: ["4, 2, kdim=3, add_bias_kv=True", [4, 2, { kdim: 3, addBiasKv: true }]],
  NLLLoss: ["", []],
  NLLLoss2d: ["", []],
  PReLU: ["3", [3]],
  PairwiseDistance: ["", []],
  ParameterDict: ["{'a': torch.ones(2)}", []],
  ParameterList: ["[torch.ones(2)]", []],
  PixelShuffle: ["2", [2]],
  PixelUnshuffle: ["2", [2]],
  PoissonNLLLoss: ["", []],
  RMSNorm: [null, [3]],
  RNN: ["3, 4, nonlinearity='relu'", [3, 4, { nonlinearity: "relu" }]],
  RNNBase: ["'GRU', 3, 4", ["GRU", 3, 4]],
  RNNCell: ["3, 4, nonlinearity='relu'", [3, 4, { nonlinearity: "relu" }]],
  RNNCellBase: ["3, 4, True, 2", [3, 4, true, 2]],
  RReLU: ["", []],
  ReLU: ["True", [true]],
  ReLU6: ["", []],
  ReflectionPad1d: ["2", [2]],
  ReflectionPad2d: ["(1, 2, 3, 4)", [[1, 2, 3, 4]]],
  ReflectionPad3d: ["1", [1]],
  ReplicationPad1d: ["2", [2]],
  ReplicationPad2d: ["1", [1]],
  ReplicationPad3d: ["1", [1]],
  SELU: ["", []],
  Sequential: ["nn.Linear(1, 2), nn.ReLU()", []],
  SiLU: ["", []],
  Sigmoid: ["", []],
  SmoothL1Loss: ["", []],
  SoftMarginLoss: ["", []],
  Softmax: ["1", [1]],
  Softmax2d: ["", []],
  Softmin: ["1", [1]],
  Softplus: ["", []],
  Softshrink: ["", []],
  Softsign: ["", []],
  SyncBatchNorm: ["3", [3]],
  Tanh: ["", []],
  Tanhshrink: ["", []],
  Threshold: ["0.1, 20.", [0.1, 20]],
  Transformer: [
    "4, 2, 1, 1, 8",
    [{ dModel: 4, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 8 }],
  ],
  TransformerDecoder: ["nn.TransformerDecoderLayer(4, 2, 8), 2", []],
  TransformerDecoderLayer: ["4, 2, 8", [4, 2, { dimFeedforward: 8 }]],
  TransformerEncoder: ["nn.TransformerEncoderLayer(4, 2, 8), 2", []],
  TransformerEncoderLayer: ["4, 2, 8, activation='gelu'", [4, 2, { dimFeedforward: 8, activation: "gelu" }]],
  TripletMarginLoss: ["", []],
  TripletMarginWithDistanceLoss: ["", []],
  Unflatten: ["1, (2, 5)", [1, [2, 5]]],
  Unfold: ["(3, 2), padding=1", [[3, 2], { padding: 1 }]],
  Upsample: ["scale_factor=2", [{ scaleFactor: 2 }]],
  UpsamplingBilinear2d: ["scale_factor=2", [{ scaleFactor: 2 }]],
  UpsamplingNearest2d: ["size=(3, 4)", [{ size: [3, 4] }]],
  ZeroPad2d: ["1", [1]],
};

type Make = new (...args: unknown[]) => nn.Module;

/** Arguments that are modules or tensors are made at the call, after the seed. */
const inner: Readonly<Record<string, () => readonly unknown[]>> = {
  ModuleDict: () => [{ a: new nn.Linear(1, 2) }],
  ModuleList: () => [[new nn.Linear(1, 2)]],
  ParameterDict: () => [{ a: torch.ones([2]) }],
  ParameterList: () => [[torch.ones([2])]],
  Sequential: () => [new nn.Linear(1, 2), new nn.ReLU()],
  TransformerDecoder: () => [new nn.TransformerDecoderLayer(4, 2, { dimFeedforward: 8 }), 2],
  TransformerEncoder: () => [new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 8 }), 2],
};

function make(name: string): nn.Module {
  torch.manualSeed(0);
  const Class = (nn as unknown as Readonly<Record<string, Make>>)[name]!;
  return new Class(...(inner[name]?.() ?? classes[name]![1]));
}

const lines = Object.entries(classes).flatMap(([name, [python]]) =>
  python === null ? [] : [`case("${name}")(lambda: describe(nn.${name}(${python})))`],
);
const answers = ask(`
def describe(m):
    state = {k: v for k, v in m.state_dict().items() if not torch.nn.parameter.is_lazy(v)}
    return {"repr": repr(m), "keys": list(m.state_dict()), "state": state}
${lines.join("\n")}
`) as Readonly<Record<string, { repr: string; keys: string[]; state: Record<string, unknown> }>>;

for (const [name, [python]] of Object.entries(classes)) {
  test(name, { skip: python === null ? false : noPython }, () => {
    const module = make(name);
    const state = module.stateDict();
    const answer = answers[name];
    if (answer) {
      assert.equal(String(module), answer.repr);
      assert.deepEqual([...state.keys()], answer.keys);
      const settled = new Map([...state].filter(([, t]) => !nn.isLazy(t)));
      same(settled, answer.state, 1e-6, name);
    }
    const report = make(name).loadStateDict(state);
    assert.deepEqual(report, { missingKeys: [], unexpectedKeys: [] });
  });
}

test("a given table is the weight of an embedding; a frozen one does not learn", () => {
  const table = torch
    .tensor([
      [1, 2],
      [3, 4],
    ])
    .float();
  const kept = nn.Embedding.fromPretrained(table);
  assert.deepEqual(kept(torch.tensor([1])).tolist(), [[3, 4]]);
  assert.equal(kept.weight.requiresGrad, false);
  assert.equal(nn.EmbeddingBag.fromPretrained(table, { freeze: false }).weight.requiresGrad, true);
});

test("LinearCrossEntropyLoss is a linear layer and CrossEntropyLoss, gradients too", () => {
  torch.manualSeed(0);
  const loss = new nn.LinearCrossEntropyLoss(3, 4, { outFeatures: [2], bias: true, labelSmoothing: 0.1 });
  const x = torch.randn(5, 3);
  const y = torch.randint(0, 4, [5, 2]);
  const one = loss(x, y);
  const scores = loss.linear(x).reshape(5, 4, 2);
  const two = new nn.CrossEntropyLoss({ labelSmoothing: 0.1 })(scores, y);
  assert.ok(Math.abs(one.item() - two.item()) < 1e-6);
  const grad = (l: typeof one): unknown => torch.autograd.grad(l, [loss.linear.weight])[0]!.tolist();
  assert.deepEqual(grad(one), grad(two));
  assert.deepEqual([...loss.stateDict().keys()], ["linear.weight", "linear.bias"]);
});
