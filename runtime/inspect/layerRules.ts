/** What a layer computes, and how its output's shape comes about, in this call's numbers. From names and numbers alone. */
import { convOutputSize, poolOutputSize } from "./arithmetic.js";
import type { SnapshotShape } from "./snapshot.js";

/** A layer as a snapshot has it. */
export interface LayerFacts {
  readonly className: string;
  /** PyTorch's: `1, 6, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2)`. */
  readonly extraRepr: string;
  readonly inputShapes?: readonly SnapshotShape[];
  readonly outputShapes?: readonly SnapshotShape[];
}

/** By class; the first that matches. The formulas are those of PyTorch's pages. */
const formulas: readonly [layers: RegExp, formula: string][] = [
  [/^Linear$/, "y = x Wᵀ + b"],
  [/^Bilinear$/, "yₒ = x₁ᵀ Wₒ x₂ + bₒ"],
  [/^Conv\dd$/, "yₒ = bₒ + Σᵢ wₒᵢ ⋆ xᵢ"],
  [/^ConvTranspose\dd$/, "y = b + wᵀ ⋆ x (the gradient of a convolution)"],
  [/^MaxPool\dd$/, "y = max over each window"],
  [/^AvgPool\dd$/, "y = mean over each window"],
  [/^AdaptiveAvgPool\dd$/, "y = mean over as many windows as the output has places"],
  [/^(Batch|Instance)Norm/, "y = (x − E[x]) / √(Var[x] + ε) · γ + β, per channel"],
  [/^(LayerNorm|GroupNorm)$/, "y = (x − E[x]) / √(Var[x] + ε) · γ + β"],
  [/^RMSNorm$/, "y = x / √(mean(x²) + ε) · γ"],
  [/^Dropout/, "y = x · m / (1 − p), m ∼ Bernoulli(1 − p) in training; y = x in evaluation"],
  [/^Embedding$/, "y = W[x]"],
  [/^ReLU$/, "y = max(0, x)"],
  [/^LeakyReLU$/, "y = max(0, x) + slope · min(0, x)"],
  [/^GELU$/, "y = x · Φ(x)"],
  [/^SiLU$/, "y = x · σ(x)"],
  [/^Sigmoid$/, "y = 1 / (1 + e⁻ˣ)"],
  [/^Tanh$/, "y = tanh x"],
  [/^Softmax$/, "yᵢ = e^xᵢ / Σⱼ e^xⱼ"],
  [/^LSTM(Cell)?$/, "c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh c'"],
  [/^GRU(Cell)?$/, "h' = (1 − z) ⊙ n + z ⊙ h"],
  [/^RNN(Cell)?$/, "h' = tanh(W x + b + U h + c)"],
  [/^MultiheadAttention$/, "softmax(Q Kᵀ / √d) V in every head, joined and projected"],
];

export function formulaOf(className: string): string | undefined {
  return formulas.find(([layers]) => layers.test(className))?.[1];
}

/** PyTorch's page about a layer of the library. */
export function pageOf(className: string): string {
  return `https://pytorch.org/docs/stable/generated/torch.nn.${className}.html`;
}

function numbers(extraRepr: string, name: string): number[] | undefined {
  const found = new RegExp(`\\b${name}=\\(?(-?\\d+(?:, -?\\d+)*)`).exec(extraRepr);
  return found?.[1]?.split(", ").map(Number);
}

/** One line for every size that is computed: `H: ⌊(28 + 2·2 − 1·(5 − 1) − 1) / 1⌋ + 1 = 28`. */
export function shapeRule(layer: LayerFacts): string[] {
  const { className, extraRepr } = layer;
  const [input] = layer.inputShapes ?? [];
  const [output] = layer.outputShapes ?? [];
  if (input === undefined || output === undefined) return [];
  const windowed = /^(Conv|MaxPool|AvgPool)(\d)d$/.exec(className);
  if (windowed === null) return [];
  const dims = Number(windowed[2]);
  const isConv = windowed[1] === "Conv";
  const kernel = numbers(extraRepr, "kernel_size");
  if (kernel === undefined || /padding=(same|valid)|ceil_mode=True/.test(extraRepr)) return [];
  const of = (name: string, fallback: readonly number[]): readonly number[] =>
    numbers(extraRepr, name) ?? fallback;
  const one = (list: readonly number[], i: number): number => list[i] ?? list[0]!;
  const [stride, padding, dilation] = [
    of("stride", isConv ? [1] : kernel),
    of("padding", [0]),
    of("dilation", [1]),
  ];
  return Array.from({ length: dims }, (_, i) => {
    const axis = "DHW".slice(3 - Math.min(dims, 3))[i]!;
    const size = input.at(i - dims);
    const [k, s, p, d] = [one(kernel, i), one(stride, i), one(padding, i), one(dilation, i)];
    const name = dims === 1 ? "L" : axis;
    const got =
      typeof size !== "number"
        ? String(output.at(i - dims))
        : String(isConv ? convOutputSize(size, k, s, p, d) : poolOutputSize(size, k, s, p, d));
    return `${name}: ⌊(${size} + 2·${p} − ${d}·(${k} − 1) − 1) / ${s}⌋ + 1 = ${got}`;
  });
}
