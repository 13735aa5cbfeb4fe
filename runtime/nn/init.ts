/** Initialisation of parameters. @see https://pytorch.org/docs/stable/nn.init.html */
import { noGrad } from "../autograd/mode.js";
import { ValueError } from "../errors.js";
import { numel } from "../tensor/strides.js";
import { encode, fromData } from "../ops/leaf.js";
import { orthonormal } from "../ops/orthogonal.js";
import { drawn } from "../ops/random.js";
import { bool, float64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { torch } from "../torch.js";
import { warn } from "../warnings.js";
import { bound } from "./arguments.js";

/** Inputs and outputs of one unit of a weight `[out, in, k…]`. */
export function calculateFanInAndFanOut(t: Tensor): [number, number] {
  const shape = t.shape;
  if (shape.length < 2) {
    throw new ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
  }
  const field = numel(shape.slice(2));
  return [shape[1]! * field, shape[0]! * field];
}

/** The recommended gain of a nonlinearity. */
export function calculateGain(nonlinearity: string, param: number | null = null): number {
  switch (nonlinearity) {
    case "linear":
    case "conv1d":
    case "conv2d":
    case "conv3d":
    case "conv_transpose1d":
    case "conv_transpose2d":
    case "conv_transpose3d":
    case "sigmoid":
      return 1;
    case "tanh":
      return 5 / 3;
    case "relu":
      return Math.SQRT2;
    case "leaky_relu":
      return Math.sqrt(2 / (1 + (param ?? 0.01) ** 2));
    case "selu":
      return 3 / 4;
    default:
      throw new ValueError(`Unsupported nonlinearity ${nonlinearity}`);
  }
}

let skipping = false;

/** @internal Runs `body`, in which nothing is initialised: no random numbers are drawn. */
export function withoutInit<T>(body: () => T): T {
  const outer = skipping;
  skipping = true;
  try {
    return body();
  } finally {
    skipping = outer;
  }
}

function filled(tensor: Tensor, fill: () => Tensor): Tensor {
  return skipping ? tensor : noGrad(fill);
}

type Options = Readonly<Record<string, unknown>>;

/** Fills with uniform numbers in [a, b). */
export function uniform_(tensor: Tensor, ...args: (number | Options | undefined)[]): Tensor {
  const { a, b } = bound("uniform_(float a=0, float b=1) -> Tensor", args);
  return filled(tensor, () => tensor.uniform_(a, b));
}

/** Fills with normal numbers. */
export function normal_(tensor: Tensor, ...args: (number | Options | undefined)[]): Tensor {
  const { mean, std } = bound("normal_(float mean=0, float std=1) -> Tensor", args);
  return filled(tensor, () => tensor.normal_(mean, std));
}

/** Fills with normal numbers, drawn again when outside [a, b]. */
export function truncNormal_(tensor: Tensor, ...args: (number | Options | undefined)[]): Tensor {
  const { mean, std, a, b } = bound(
    "trunc_normal_(float mean=0, float std=1, float a=-2, float b=2) -> Tensor",
    args,
  );
  return filled(tensor, () =>
    tensor.copy_(drawn({ kind: "truncNormal", mean, std, a, b }, tensor.shape, tensor.dtype)),
  );
}

export function constant_(tensor: Tensor, val: number): Tensor {
  return filled(tensor, () => tensor.fill_(val));
}

export function ones_(tensor: Tensor): Tensor {
  return constant_(tensor, 1);
}

export function zeros_(tensor: Tensor): Tensor {
  return filled(tensor, () => tensor.zero_());
}

/** Fills a matrix with the identity. */
export function eye_(tensor: Tensor): Tensor {
  if (tensor.ndim !== 2) throw new ValueError("Only tensors with 2 dimensions are supported");
  const [n, m] = tensor.shape as [number, number];
  const rows = Array.from({ length: n }, (_, i) => Array.from({ length: m }, (_, j) => Number(i === j)));
  return copyNumbers(tensor, rows.flat());
}

function copyNumbers(tensor: Tensor, values: readonly number[]): Tensor {
  return filled(tensor, () =>
    tensor.copy_(fromData(encode(values, tensor.dtype), tensor.shape, tensor.dtype)),
  );
}

/** Xavier/Glorot: uniform in ±gain · √(6 / (fanIn + fanOut)). */
export function xavierUniform_(tensor: Tensor, ...args: (number | Options | undefined)[]): Tensor {
  const { gain } = bound("xavier_uniform_(float gain=1) -> Tensor", args);
  const [fanIn, fanOut] = calculateFanInAndFanOut(tensor);
  const limit = Math.sqrt(3) * gain * Math.sqrt(2 / (fanIn + fanOut));
  return uniform_(tensor, -limit, limit);
}

/** Xavier/Glorot: normal with deviation gain · √(2 / (fanIn + fanOut)). */
export function xavierNormal_(tensor: Tensor, ...args: (number | Options | undefined)[]): Tensor {
  const { gain } = bound("xavier_normal_(float gain=1) -> Tensor", args);
  const [fanIn, fanOut] = calculateFanInAndFanOut(tensor);
  return normal_(tensor, 0, gain * Math.sqrt(2 / (fanIn + fanOut)));
}

const kaimingSignature = "kaiming_(float a=0, str mode='fan_in', str nonlinearity='leaky_relu') -> Tensor";

function kaimingStd(tensor: Tensor, args: readonly unknown[]): number {
  const { a, mode, nonlinearity } = bound(kaimingSignature, args);
  if (mode !== "fan_in" && mode !== "fan_out") {
    throw new ValueError(`Mode ${mode} not supported, please use one of ['fan_in', 'fan_out']`);
  }
  const [fanIn, fanOut] = calculateFanInAndFanOut(tensor);
  return calculateGain(nonlinearity, a) / Math.sqrt(mode === "fan_in" ? fanIn : fanOut);
}

/** Kaiming/He: uniform in ±gain · √(3 / fan). */
export function kaimingUniform_(tensor: Tensor, ...args: (number | string | Options | undefined)[]): Tensor {
  if (tensor.numel() === 0) return tensor;
  const limit = Math.sqrt(3) * kaimingStd(tensor, args);
  return uniform_(tensor, -limit, limit);
}

/** Kaiming/He: normal with deviation gain / √fan. */
export function kaimingNormal_(tensor: Tensor, ...args: (number | string | Options | undefined)[]): Tensor {
  if (tensor.numel() === 0) return tensor;
  return normal_(tensor, 0, kaimingStd(tensor, args));
}

/**
 * Fills a convolution's weight with the identity: channel i of the output is channel i of the input, in every group.
 * @throws ValueError for other ranks than 3, 4 and 5, and rows that groups do not divide.
 */
export function dirac_(tensor: Tensor, ...args: (number | Options | undefined)[]): Tensor {
  const { groups } = bound("dirac_(int groups=1) -> Tensor", args);
  if (tensor.ndim < 3 || tensor.ndim > 5) {
    throw new ValueError("Only tensors with 3, 4, or 5 dimensions are supported");
  }
  const [rows, columns, ...kernel] = tensor.shape as [number, number, ...number[]];
  if (rows % groups !== 0) throw new ValueError("dim 0 must be divisible by groups");
  const field = numel(kernel);
  const middle = kernel.reduce((at, k) => at * k + Math.floor(k / 2), 0);
  const values = new Array<number>(rows * columns * field).fill(0);
  const each = rows / groups;
  for (let row = 0; row < rows; row++) {
    const channel = row % each;
    if (channel < columns) values[(row * columns + channel) * field + middle] = 1;
  }
  return copyNumbers(tensor, values);
}

/**
 * Fills with a (semi-)orthogonal matrix, axes behind the first taken together.
 * @throws ValueError for fewer than two axes.
 */
export function orthogonal_(tensor: Tensor, ...args: (number | Options | undefined)[]): Tensor {
  const { gain } = bound("orthogonal_(float gain=1) -> Tensor", args);
  if (tensor.ndim < 2) throw new ValueError("Only tensors with 2 or more dimensions are supported");
  if (tensor.numel() === 0) return tensor;
  const rows = tensor.shape[0]!;
  const columns = tensor.numel() / rows;
  return filled(tensor, () => {
    const draws = torch.empty([rows, columns], { dtype: tensor.dtype, device: tensor.device }).normal_();
    const wide = tensor.dtype === float64 ? draws : draws.float();
    const q = rows < columns ? orthonormal(wide.t().clone()).t() : orthonormal(wide);
    return tensor.copy_(q.reshape(tensor.shape)).mul_(gain);
  });
}

/**
 * Fills a matrix with normal numbers, a share of each column with zeros.
 * @throws ValueError for other ranks than 2.
 */
export function sparse_(tensor: Tensor, sparsity: number, ...args: (number | Options | undefined)[]): Tensor {
  const { std } = bound("sparse_(float std=0.01) -> Tensor", args);
  if (tensor.ndim !== 2) throw new ValueError("Only tensors with 2 dimensions are supported");
  const [rows, columns] = tensor.shape as [number, number];
  const zeros = Math.ceil(sparsity * rows);
  return filled(tensor, () => {
    tensor.normal_(0, std);
    const marks = Array.from({ length: columns }, () => {
      const chosen = torch.randperm(rows, { device: tensor.device }).narrow(0, 0, zeros);
      return torch.zeros([rows], { dtype: bool, device: tensor.device }).indexFill(0, chosen, true);
    });
    return columns === 0 ? tensor : tensor.maskedFill_(torch.stack(marks, 1), 0);
  });
}

type Initializer = (tensor: Tensor, ...args: never[]) => Tensor;

/** The old name of an initializer: warns, then calls it. */
function deprecated<F extends Initializer>(name: string, initializer: F): F {
  return ((tensor: Tensor, ...args: never[]) => {
    warn(`nn.init.${name} is now deprecated in favor of nn.init.${name}_.`);
    return initializer(tensor, ...args);
  }) as F;
}

/** @deprecated Use `uniform_`. */
export const uniform = deprecated("uniform", uniform_);
/** @deprecated Use `normal_`. */
export const normal = deprecated("normal", normal_);
/** @deprecated Use `constant_`. */
export const constant = deprecated("constant", constant_);
/** @deprecated Use `eye_`. */
export const eye = deprecated("eye", eye_);
/** @deprecated Use `dirac_`. */
export const dirac = deprecated("dirac", dirac_);
/** @deprecated Use `xavierUniform_`. */
export const xavierUniform = deprecated("xavierUniform", xavierUniform_);
/** @deprecated Use `xavierNormal_`. */
export const xavierNormal = deprecated("xavierNormal", xavierNormal_);
/** @deprecated Use `kaimingUniform_`. */
export const kaimingUniform = deprecated("kaimingUniform", kaimingUniform_);
/** @deprecated Use `kaimingNormal_`. */
export const kaimingNormal = deprecated("kaimingNormal", kaimingNormal_);
/** @deprecated Use `orthogonal_`. */
export const orthogonal = deprecated("orthogonal", orthogonal_);
/** @deprecated Use `sparse_`. */
export const sparse = deprecated("sparse", sparse_);
