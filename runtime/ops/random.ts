/** Random tensors, from PyTorch's generator: the same seed gives its numbers. */
import { RuntimeError } from "../errors.js";
import { queueDraw } from "../graph/draws.js";
import { numel } from "../graph/value.js";
import { checkDraw, type Draw } from "../random/distributions.js";
import { getDefaultDtype, int64, type DType, type HostArray } from "../tensor/dtype.js";
import { defaultGenerator, Generator } from "../tensor/generator.js";
import { isTracing, read } from "../graph/executor.js";
import { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { movedTo } from "./convert.js";
import { deviceOfCall } from "./depth.js";
import { zerosFor } from "./elementwise.js";
import { broadcastShapes, page } from "./family.js";
import { inPlace } from "./inplace.js";
import { op, primitive } from "./record.js";
import { expandTo } from "./view.js";

type Spec = Draw extends infer D ? (D extends Draw ? Omit<D, "dtype" | "count"> : never) : never;

function generatorOf(generator: object | null): Generator {
  if (generator === null) return defaultGenerator;
  if (generator instanceof Generator) return generator;
  throw new TypeError("generator must be a torch.Generator");
}

/** A tensor of random numbers, drawn in program order; refuses at once what PyTorch refuses. */
export function drawn(
  spec: Spec,
  shape: readonly number[],
  dtype: DType,
  generator: object | null = null,
): Tensor {
  for (const d of shape) {
    if (d < 0)
      throw new RuntimeError(
        `Trying to create tensor with negative dimension ${String(d)}: [${shape.join(", ")}]`,
      );
  }
  const request = Object.assign({ dtype: dtype.name, count: numel(shape) }, spec) as Draw;
  if (!Object.values(spec).includes(noElements)) checkDraw(request);
  const values = queueDraw(generatorOf(generator)._id, request, [{ shape: [...shape], dtype }]);
  return movedTo(new Tensor(values[0]!), deviceOfCall());
}

/** Overwrites a tensor with draws, in the order of its memory. */
function drawInto(name: string, self: Tensor, spec: Spec, generator: object | null): Tensor {
  return inPlace(name, self, () => {
    if (self.isContiguous()) return drawn(spec, self._shape, self.dtype, generator);
    // Memory order: draw over the axes as they lie, then bring them back.
    const order = [...self._shape.keys()].sort((a, b) => self._strides[b]! - self._strides[a]!);
    const laid = order.map((a) => self._shape[a]!);
    const scalarPath = spec.kind === "normal" ? ({ ...spec, contiguous: false } as Spec) : spec;
    const t = drawn(scalarPath, laid, self.dtype, generator);
    const back = order.map((_, i) => order.indexOf(i));
    return t.permute(back);
  });
}

/** The numbers a distribution depends on. While only shapes are computed there are none, and nothing is drawn. */
const elements = (t: Tensor): HostArray => (isTracing() ? noElements : read(t._value));
const noElements = new Float64Array(0);

/** What a draw takes from a tensor of parameters has no gradient but zero; PyTorch records it all the same. */
const parametrized = primitive({
  name: "draw",
  infer: (inputs) => inputs.at(-1)!,
  grad: (ctx) => Array.from({ length: ctx.inputs - 1 }, (_, i) => () => zerosFor(ctx.inputMeta(i))),
  lower: (_, inputs) => inputs.at(-1)!,
  moves: true,
});

function drawnFrom(parameters: readonly Tensor[], result: Tensor): Tensor {
  return parameters.some((t) => t.requiresGrad) ? apply(parametrized, [...parameters, result], {}) : result;
}

interface FactoryTail {
  readonly dtype: DType | null;
  readonly requiresGrad: boolean;
  readonly generator: object | null;
}

function factory(
  spec: Spec,
  size: readonly number[],
  { dtype, requiresGrad, generator }: FactoryTail,
): Tensor {
  const t = drawn(spec, size, dtype ?? getDefaultDtype(), generator);
  return requiresGrad ? t.requiresGrad_() : t;
}

export const rand = op({
  signature:
    "rand(int... size, *, generator? generator=None, Tensor? out=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
  doc: `Uniform numbers in [0, 1).\n\n${page("rand")}`,
  call: (size, generator, dtype, _l, _d, _p, requiresGrad) =>
    factory({ kind: "uniform", from: 0, to: 1 }, size, { dtype, requiresGrad, generator }),
});

export const randn = op({
  signature:
    "randn(int... size, *, generator? generator=None, Tensor? out=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
  doc: `Normal numbers of mean 0 and variance 1.\n\n${page("randn")}`,
  call: (size, generator, dtype, _l, _d, _p, requiresGrad) =>
    factory({ kind: "normal", mean: 0, std: 1 }, size, { dtype, requiresGrad, generator }),
});

export const randLike = op({
  signature:
    "rand_like(Tensor input, *, memory_format? memory_format=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
  on: ["torch"],
  doc: `Uniform numbers in [0, 1), in the shape of \`input\`.\n\n${page("rand_like")}`,
  call: (input, _m, dtype, _l, _d, _p, requiresGrad) =>
    factory({ kind: "uniform", from: 0, to: 1 }, input._shape, {
      dtype: dtype ?? input.dtype,
      requiresGrad,
      generator: null,
    }),
});

export const randnLike = op({
  signature:
    "randn_like(Tensor input, *, memory_format? memory_format=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
  on: ["torch"],
  doc: `Normal numbers of mean 0 and variance 1, in the shape of \`input\`.\n\n${page("randn_like")}`,
  call: (input, _m, dtype, _l, _d, _p, requiresGrad) =>
    factory({ kind: "normal", mean: 0, std: 1 }, input._shape, {
      dtype: dtype ?? input.dtype,
      requiresGrad,
      generator: null,
    }),
});

export const randint = op(
  {
    signature:
      "randint(int low, int high, int[] size, *, generator? generator=None, Tensor? out=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
    doc: `Integers from \`low\` (0 when left out) up to \`high\`, which is not reached; int64 unless said.\n\n${page("randint")}`,
    call: (low, high, size, generator, dtype, _l, _d, _p, requiresGrad) =>
      factory({ kind: "randint", from: low, to: high }, size, {
        dtype: dtype ?? int64,
        requiresGrad,
        generator,
      }),
  },
  {
    signature:
      "randint(int high, int[] size, *, generator? generator=None, Tensor? out=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
    call: (high, size, generator, dtype, _l, _d, _p, requiresGrad) =>
      factory({ kind: "randint", from: 0, to: high }, size, {
        dtype: dtype ?? int64,
        requiresGrad,
        generator,
      }),
  },
);

const likeTail =
  "*, memory_format? memory_format=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False";

export const randintLike = op(
  {
    signature:
      `randint_like(Tensor input, int low, int high, ${likeTail}) -> Tensor` as "randint_like(Tensor input, int low, int high, *, memory_format? memory_format=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
    on: ["torch"],
    doc: `Integers from \`low\` up to \`high\`, in the shape and dtype of \`input\`.\n\n${page("randint_like")}`,
    call: (input, low, high, _m, dtype, _l, _d, _p, requiresGrad) =>
      factory({ kind: "randint", from: low, to: high }, input._shape, {
        dtype: dtype ?? input.dtype,
        requiresGrad,
        generator: null,
      }),
  },
  {
    signature:
      `randint_like(Tensor input, int high, ${likeTail}) -> Tensor` as "randint_like(Tensor input, int high, *, memory_format? memory_format=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
    call: (input, high, _m, dtype, _l, _d, _p, requiresGrad) =>
      factory({ kind: "randint", from: 0, to: high }, input._shape, {
        dtype: dtype ?? input.dtype,
        requiresGrad,
        generator: null,
      }),
  },
);

export const randperm = op({
  signature:
    "randperm(int n, *, generator? generator=None, Tensor? out=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
  doc: `The integers below \`n\` in random order.\n\n${page("randperm")}`,
  call: (n, generator, dtype, _l, _d, _p, requiresGrad) =>
    factory({ kind: "randperm" }, [n], { dtype: dtype ?? int64, requiresGrad, generator }),
});

export const normal = op(
  {
    signature: "normal(Tensor mean, Tensor std, *, generator? generator=None, Tensor? out=None) -> Tensor",
    on: ["torch"],
    doc: `Normal numbers with the given means and standard deviations.\n\n${page("normal")}`,
    call: (mean, std, generator) => {
      const shape = broadcastShapes(mean._shape, std._shape);
      const spec = {
        kind: "normal",
        mean: elements(expandTo(mean, shape)),
        std: elements(expandTo(std, shape)),
      } as const;
      return drawnFrom([mean, std], drawn(spec, shape, mean.dtype, generator));
    },
  },
  {
    signature: "normal(Tensor mean, float std=1, *, generator? generator=None, Tensor? out=None) -> Tensor",
    call: (mean, std, generator) =>
      drawnFrom(
        [mean],
        drawn({ kind: "normal", mean: elements(mean), std }, mean._shape, mean.dtype, generator),
      ),
  },
  {
    signature: "normal(float mean, Tensor std, *, generator? generator=None, Tensor? out=None) -> Tensor",
    call: (mean, std, generator) =>
      drawnFrom([std], drawn({ kind: "normal", mean, std: elements(std) }, std._shape, std.dtype, generator)),
  },
  {
    signature:
      "normal(float mean, float std, int[] size, *, generator? generator=None, Tensor? out=None, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False) -> Tensor",
    call: (mean, std, size, generator, dtype, _l, _d, _p, requiresGrad) =>
      factory({ kind: "normal", mean, std }, size, { dtype, requiresGrad, generator }),
  },
);

export const bernoulli = op(
  {
    signature: "bernoulli(Tensor input, *, generator? generator=None, Tensor? out=None) -> Tensor",
    doc: `Ones with the probabilities in \`input\`, else zeros.\n\n${page("bernoulli")}`,
    call: (input, generator) =>
      drawnFrom(
        [input],
        drawn({ kind: "bernoulli", p: elements(input) }, input._shape, input.dtype, generator),
      ),
  },
  {
    signature: "bernoulli(Tensor input, float p, *, generator? generator=None, Tensor? out=None) -> Tensor",
    call: (input, p, generator) =>
      drawnFrom([input], drawn({ kind: "bernoulli", p }, input._shape, input.dtype, generator)),
  },
);

export const multinomial = op({
  signature:
    "multinomial(Tensor input, int num_samples, bool replacement=False, *, generator? generator=None, Tensor? out=None) -> Tensor",
  doc: `Indices drawn with the weights in \`input\`, \`[k]\` or \`[rows, k]\`.\n\n${page("multinomial")}`,
  call: (input, samples, replacement, generator) => {
    if (input.ndim !== 1 && input.ndim !== 2) throw new RuntimeError("prob_dist must be 1 or 2 dim");
    const rows = input.ndim === 2 ? input._shape[0]! : 1;
    const shape = input.ndim === 2 ? [rows, samples] : [samples];
    return drawn({ kind: "multinomial", input: elements(input), rows, replacement }, shape, int64, generator);
  },
});

export const poisson = op({
  signature: "poisson(Tensor input, generator? generator=None) -> Tensor",
  on: ["torch"],
  doc: `Poisson numbers with the rates in \`input\`.\n\n${page("poisson")}`,
  call: (input, generator) =>
    drawnFrom(
      [input],
      drawn({ kind: "poisson", rate: elements(input) }, input._shape, input.dtype, generator),
    ),
});

export const binomial = op({
  signature: "binomial(Tensor count, Tensor prob, generator? generator=None) -> Tensor",
  on: ["torch"],
  doc: "How many of `count` trials succeed, each with probability `prob`, broadcast.",
  call: (count, prob, generator) => {
    if (count.dtype !== prob.dtype) {
      throw new RuntimeError(
        `binomial: expected count and prob to have the same dtype, but got ${String(count.dtype)} and ${String(prob.dtype)}`,
      );
    }
    const shape = broadcastShapes(count._shape, prob._shape);
    const spec = {
      kind: "binomial",
      trials: elements(expandTo(count, shape)),
      p: elements(expandTo(prob, shape)),
    } as const;
    return drawnFrom([count, prob], drawn(spec, shape, count.dtype, generator));
  },
});

const overwrites = (what: string): string => `Overwrites this tensor with ${what}.`;

export const uniform_ = op({
  signature: "uniform_(Tensor self, float from=0, float to=1, *, generator? generator=None) -> Tensor",
  on: ["Tensor"],
  doc: overwrites("uniform numbers in [from, to)"),
  call: (self, from, to, generator) => drawInto("uniform_", self, { kind: "uniform", from, to }, generator),
});

export const normal_ = op({
  signature: "normal_(Tensor self, float mean=0, float std=1, *, generator? generator=None) -> Tensor",
  on: ["Tensor"],
  doc: overwrites("normal numbers"),
  call: (self, mean, std, generator) => drawInto("normal_", self, { kind: "normal", mean, std }, generator),
});

export const logNormal_ = op({
  signature: "log_normal_(Tensor self, float mean=1, float std=2, *, generator? generator=None) -> Tensor",
  on: ["Tensor"],
  doc: overwrites("numbers whose logarithm is normal"),
  call: (self, mean, std, generator) =>
    drawInto("log_normal_", self, { kind: "logNormal", mean, std }, generator),
});

export const cauchy_ = op({
  signature: "cauchy_(Tensor self, float median=0, float sigma=1, *, generator? generator=None) -> Tensor",
  on: ["Tensor"],
  doc: overwrites("Cauchy numbers"),
  call: (self, median, sigma, generator) =>
    drawInto("cauchy_", self, { kind: "cauchy", median, sigma }, generator),
});

export const exponential_ = op({
  signature: "exponential_(Tensor self, float lambd=1, *, generator? generator=None) -> Tensor",
  on: ["Tensor"],
  doc: overwrites("exponential numbers of rate `lambd`"),
  call: (self, lambd, generator) => drawInto("exponential_", self, { kind: "exponential", lambd }, generator),
});

export const geometric_ = op({
  signature: "geometric_(Tensor self, float p, *, generator? generator=None) -> Tensor",
  on: ["Tensor"],
  doc: overwrites("numbers of trials until a success of probability `p`"),
  call: (self, p, generator) => drawInto("geometric_", self, { kind: "geometric", p }, generator),
});

export const random_ = op(
  {
    signature: "random_(Tensor self, *, generator? generator=None) -> Tensor",
    on: ["Tensor"],
    doc: overwrites("integers from `from` up to `to`, or over the dtype's whole range"),
    call: (self, generator) => drawInto("random_", self, { kind: "random" }, generator),
  },
  {
    signature: "random_(Tensor self, int to, *, generator? generator=None) -> Tensor",
    call: (self, to, generator) => drawInto("random_", self, { kind: "randint", from: 0, to }, generator),
  },
  {
    signature: "random_(Tensor self, int from, int? to, *, generator? generator=None) -> Tensor",
    call: (self, from, to, generator) => drawInto("random_", self, { kind: "randint", from, to }, generator),
  },
);

export const bernoulli_ = op(
  {
    signature: "bernoulli_(Tensor self, float p=0.5, *, generator? generator=None) -> Tensor",
    on: ["Tensor"],
    doc: overwrites("ones with probability `p`, else zeros"),
    call: (self, p, generator) => drawInto("bernoulli_", self, { kind: "bernoulli", p }, generator),
  },
  {
    signature: "bernoulli_(Tensor self, Tensor p, *, generator? generator=None) -> Tensor",
    call: (self, p, generator) =>
      drawInto("bernoulli_", self, { kind: "bernoulli", p: elements(expandTo(p, self._shape)) }, generator),
  },
);
