/**
 * What PyTorch's CPU generator draws, as functions on typed arrays: the same words in the same order as the build
 * without MKL, so that equal seeds give equal tensors. Nothing here knows tensors or the engine; a `Draw` is plain data
 * and may be posted to another thread.
 *
 * A tensor is filled in the order of its memory: for one whose strides are not C-contiguous, draw, and place element i
 * of the result at memory position i (and give `contiguous: false` to a normal draw).
 */

import { RuntimeError } from "../errors.js";
import type { DTypeName, HostArray } from "../tensor/dtype.js";
import {
  checkUniform,
  fillCauchy,
  fillExponential,
  fillLogNormal,
  fillNormal,
  fillNormalTensor,
  fillRreluNoise,
  fillTruncNormal,
  fillUniform,
  requireFloat,
} from "./continuous.js";
import {
  fillBernoulli,
  fillBinomial,
  fillBernoulliTensor,
  fillGeometric,
  fillMultinomial,
  fillMultinomialWithoutReplacement,
  fillPoisson,
} from "./discrete.js";
import {
  checkPermutation,
  fillFullRange,
  fillPermutation,
  fillRange,
  integerRange,
  scalarTypeNames,
} from "./integers.js";
import type { Mt19937 } from "./mt19937.js";

/** The parameters of each kind of draw. Tensor parameters are host arrays, broadcast to `count` elements. */
export interface DrawParams {
  /** `rand`, `uniform_`. */
  readonly uniform: { readonly from: number; readonly to: number };
  /** `randn`, `normal_`; with tensors `torch.normal`. `contiguous: false` takes the scalar path at every size. */
  readonly normal: {
    readonly mean: number | HostArray;
    readonly std: number | HostArray;
    readonly contiguous?: boolean;
  };
  /** `log_normal_`. */
  readonly logNormal: { readonly mean: number; readonly std: number };
  /** `cauchy_`. */
  readonly cauchy: { readonly median: number; readonly sigma: number };
  /** `exponential_`. */
  readonly exponential: { readonly lambd: number };
  /** `geometric_`. */
  readonly geometric: { readonly p: number };
  /** `bernoulli_(p)`, `torch.bernoulli(p)`; a host array of one element is broadcast. Dropout keeps with p = 1 - rate. */
  readonly bernoulli: { readonly p: number | HostArray };
  /** `random_()`. */
  readonly random: Readonly<Record<never, never>>;
  /** `randint`, `random_(from, to)`; `to: null` is the largest value of the dtype, included. */
  readonly randint: { readonly from: number | bigint; readonly to: number | bigint | null };
  /** `randperm(count)`. */
  readonly randperm: Readonly<Record<never, never>>;
  /** `torch.multinomial`: `input` has `rows` distributions; `count` is rows times samples; the dtype is int64. */
  readonly multinomial: {
    readonly input: HostArray;
    readonly rows: number;
    readonly replacement: boolean;
  };
  /** `torch.poisson`. */
  readonly poisson: { readonly rate: HostArray };
  /** `torch.binomial`. */
  readonly binomial: { readonly trials: HostArray; readonly p: HostArray };
  /** `nn.init.trunc_normal_`. */
  readonly truncNormal: {
    readonly mean: number;
    readonly std: number;
    readonly a: number;
    readonly b: number;
  };
  /** The slopes of `rrelu` in training. */
  readonly rrelu: { readonly input: HostArray; readonly lower: number; readonly upper: number };
}

export type DrawKind = keyof DrawParams;

/** One request for random numbers: `count` elements of `dtype`. Structured-clonable. */
export type Draw = {
  readonly [K in DrawKind]: {
    readonly kind: K;
    readonly dtype: DTypeName;
    readonly count: number;
  } & DrawParams[K];
}[DrawKind];

interface Distribution<P> {
  /** Throws what PyTorch throws for a dtype or scalar arguments it refuses; draws nothing. */
  check(dtype: DTypeName, count: number, params: P): void;
  fill(gen: Mt19937, dtype: DTypeName, count: number, params: P): HostArray;
}

function refuse(condition: boolean, message: () => string): void {
  if (condition) throw new RuntimeError(message());
}

function refuseDtype(condition: boolean, kernel: string, dtype: DTypeName): void {
  refuse(condition, () => `"${kernel}" not implemented for '${scalarTypeNames[dtype]}'`);
}

/** The range of a `randint` draw. */
function rangeOf(dtype: DTypeName, { from, to }: DrawParams["randint"]): ReturnType<typeof integerRange> {
  return integerRange(dtype, BigInt(from), to === null ? null : BigInt(to));
}

const distributions: { readonly [K in DrawKind]: Distribution<DrawParams[K]> } = {
  uniform: {
    check: (dtype, _, { from, to }) => checkUniform(dtype, from, to),
    fill(gen, dtype, count, { from, to }) {
      requireFloat(dtype, "check_uniform_bounds");
      return fillUniform(gen, dtype, count, from, to);
    },
  },
  normal: {
    check(dtype, _, { std }) {
      refuse(typeof std === "number" && !(std >= 0), () => `normal expects std >= 0.0, but found std ${std}`);
      requireFloat(dtype, "normal_kernel_cpu");
    },
    fill(gen, dtype, count, { mean, std, contiguous = true }) {
      requireFloat(dtype, "normal_kernel_cpu");
      return typeof mean === "number" && typeof std === "number"
        ? fillNormal(gen, dtype, count, mean, std, contiguous)
        : fillNormalTensor(gen, dtype, count, mean, std);
    },
  },
  logNormal: {
    check(dtype, _, { std }) {
      refuse(!(std > 0), () => `log_normal_ expects std > 0.0, but found std=${std}`);
      requireFloat(dtype, "log_normal_cpu");
    },
    fill(gen, dtype, count, { mean, std }) {
      requireFloat(dtype, "log_normal_cpu");
      return fillLogNormal(gen, dtype, count, mean, std);
    },
  },
  cauchy: {
    check: (dtype) => requireFloat(dtype, "cauchy_cpu"),
    fill(gen, dtype, count, { median, sigma }) {
      requireFloat(dtype, "cauchy_cpu");
      return fillCauchy(gen, dtype, count, median, sigma);
    },
  },
  exponential: {
    check(dtype, _, { lambd }) {
      refuse(!(lambd >= 0), () => `exponential_ expects lambda >= 0.0, but found lambda=${lambd}`);
      requireFloat(dtype, "exponential_cpu");
    },
    fill(gen, dtype, count, { lambd }) {
      requireFloat(dtype, "exponential_cpu");
      return fillExponential(gen, dtype, count, lambd);
    },
  },
  geometric: {
    check(dtype, _, { p }) {
      refuse(!(0 < p && p < 1), () => `geometric_ expects p to be in (0, 1), but got p=${p}`);
      refuseDtype(dtype === "bool", "geometric_cpu", dtype);
    },
    fill: (gen, dtype, count, { p }) => fillGeometric(gen, dtype, count, p),
  },
  bernoulli: {
    check(dtype, _, { p }) {
      if (typeof p === "number") {
        refuse(!(0 <= p && p <= 1), () => `bernoulli_ expects p to be in [0, 1], but got p=${p}`);
      }
      const kernel = typeof p === "number" ? "bernoulli_scalar_cpu_" : "bernoulli_tensor_cpu_self_";
      refuseDtype(dtype === "float16", kernel, dtype);
    },
    fill: (gen, dtype, count, { p }) =>
      typeof p === "number" ? fillBernoulli(gen, dtype, count, p) : fillBernoulliTensor(gen, dtype, count, p),
  },
  random: {
    check: () => undefined,
    fill: (gen, dtype, count) => fillFullRange(gen, dtype, count),
  },
  randint: {
    check: (dtype, _, params) => void rangeOf(dtype, params),
    fill: (gen, dtype, count, params) => fillRange(gen, dtype, count, rangeOf(dtype, params)),
  },
  randperm: {
    check: (dtype, count) => checkPermutation(dtype, count),
    fill: (gen, dtype, count) => fillPermutation(gen, dtype, count),
  },
  multinomial: {
    check(dtype, count, { input, rows, replacement }) {
      const samples = count / rows;
      refuse(dtype !== "int64", () => `multinomial expects Long tensor out, got: ${scalarTypeNames[dtype]}`);
      refuse(!(samples > 0), () => "cannot sample n_sample <= 0 samples");
      refuse(
        !replacement && samples > input.length / rows,
        () => "cannot sample n_sample > prob_dist.size(-1) samples without replacement",
      );
      refuse(input.length / rows > 2 ** 24, () => "number of categories cannot exceed 2^24");
    },
    fill: (gen, _, count, { input, rows, replacement }) =>
      replacement
        ? fillMultinomial(gen, input, rows, count / rows)
        : fillMultinomialWithoutReplacement(gen, input, rows, count / rows),
  },
  poisson: {
    check(dtype) {
      requireFloat(dtype, "poisson_cpu");
      refuseDtype(dtype === "float16", "poisson_cpu", dtype);
    },
    fill(gen, dtype, _, { rate }) {
      requireFloat(dtype, "poisson_cpu");
      return fillPoisson(gen, dtype, rate);
    },
  },
  binomial: {
    check(dtype) {
      requireFloat(dtype, "binomial_cpu");
      refuseDtype(dtype === "float16" || dtype === "bfloat16", "binomial_cpu", dtype);
    },
    fill(gen, dtype, _, { trials, p }) {
      requireFloat(dtype, "binomial_cpu");
      return fillBinomial(gen, dtype, trials, p);
    },
  },
  truncNormal: {
    check: (dtype) => requireFloat(dtype, "check_uniform_bounds"),
    fill(gen, dtype, count, { mean, std, a, b }) {
      requireFloat(dtype, "check_uniform_bounds");
      return fillTruncNormal(gen, dtype, count, mean, std, a, b);
    },
  },
  rrelu: {
    check: (dtype) => requireFloat(dtype, "rrelu_with_noise_out_cpu"),
    fill(gen, dtype, _, { input, lower, upper }) {
      requireFloat(dtype, "rrelu_with_noise_out_cpu");
      return fillRreluNoise(gen, dtype, input, lower, upper);
    },
  },
};

/**
 * Refuses what PyTorch refuses at the call, with its message: a dtype without the kernel, scalar arguments out of range.
 * Values inside tensor parameters are checked while drawing.
 */
export function checkDraw(request: Draw): void {
  const distribution = distributions[request.kind] as Distribution<Draw>;
  distribution.check(request.dtype, request.count, request);
}

/** Draws `count` elements of `dtype`; float16 and bfloat16 come as their bits. */
export function draw<K extends DrawKind>(
  kind: K,
  gen: Mt19937,
  dtype: DTypeName,
  count: number,
  params: DrawParams[K],
): HostArray {
  const distribution: Distribution<DrawParams[K]> = distributions[kind];
  distribution.check(dtype, count, params);
  return distribution.fill(gen, dtype, count, params);
}

/** Draws what `request` asks for: one array for each tensor of the result. */
export function fillDraw(gen: Mt19937, request: Draw): HostArray[] {
  checkDraw(request);
  const distribution = distributions[request.kind] as Distribution<Draw>;
  return [distribution.fill(gen, request.dtype, request.count, request)];
}
