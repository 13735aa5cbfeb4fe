/**
 * Sizes, parameters and multiply-accumulates of convolutions and pools, from numbers alone. The rules and the error
 * texts are PyTorch's (1.13); a table made by PyTorch holds them to it.
 */
import { RuntimeError, ValueError } from "../errors.js";

/** Height and width. */
export type Pair = readonly [number, number];

/** Batch, channels, height and width. */
export type ImageShape = readonly [number, number, number, number];

/** The settings of `nn.Conv2d`, with every pair written out. */
export interface Conv2dOptions {
  readonly outChannels: number;
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair | "same" | "valid";
  readonly dilation: Pair;
  readonly groups: number;
}

/** The settings of `nn.ConvTranspose2d`, with every pair written out. */
export interface ConvTranspose2dOptions {
  readonly outChannels: number;
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly outputPadding: Pair;
  readonly dilation: Pair;
  readonly groups: number;
}

/** The settings of `nn.MaxPool2d`, with every pair written out. */
export interface MaxPool2dOptions {
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  readonly ceilMode: boolean;
}

/** How far a kernel reaches: `dilation · (kernel − 1) + 1`. */
export function kernelExtent(kernel: number, dilation = 1): number {
  return dilation * (kernel - 1) + 1;
}

/**
 * Output size of a convolution along one axis:
 * `⌊(input + 2 · padding − dilation · (kernel − 1) − 1) / stride⌋ + 1`.
 * Less than 1 where the kernel does not fit.
 *
 * https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
 */
export function convOutputSize(input: number, kernel: number, stride = 1, padding = 0, dilation = 1): number {
  return Math.floor((input + 2 * padding - kernelExtent(kernel, dilation)) / stride) + 1;
}

/**
 * Output size of a pool along one axis: `⌊(input + 2 · padding − dilation · (kernel − 1) − 1) / stride⌋ + 1`, with
 * `⌈…⌉` in ceil mode. There a last window that would start beyond the input and its left padding (that is, in the
 * right padding) is dropped.
 *
 * https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
 */
export function poolOutputSize(
  input: number,
  kernel: number,
  stride = kernel,
  padding = 0,
  dilation = 1,
  ceilMode = false,
): number {
  const size = poolWindows(input, kernel, stride, padding, dilation, ceilMode);
  return ceilMode && (size - 1) * stride >= input + padding ? size - 1 : size;
}

/** The windows of a pool before ceil mode's last one is dropped. */
export function poolWindows(
  input: number,
  kernel: number,
  stride = kernel,
  padding = 0,
  dilation = 1,
  ceilMode = false,
): number {
  const span = input + 2 * padding - kernelExtent(kernel, dilation);
  return (ceilMode ? Math.ceil(span / stride) : Math.floor(span / stride)) + 1;
}

/**
 * Output size of a transposed convolution along one axis:
 * `(input − 1) · stride − 2 · padding + dilation · (kernel − 1) + outputPadding + 1`.
 *
 * https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
 */
export function convTransposeOutputSize(
  input: number,
  kernel: number,
  stride = 1,
  padding = 0,
  outputPadding = 0,
  dilation = 1,
): number {
  return (input - 1) * stride - 2 * padding + kernelExtent(kernel, dilation) + outputPadding;
}

/**
 * What `padding="same"` adds before and after: `dilation · (kernel − 1)` in all, the odd one at the end.
 *
 * https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
 */
export function samePadding(kernel: number, dilation = 1): Pair {
  const total = dilation * (kernel - 1);
  const before = Math.floor(total / 2);
  return [before, total - before];
}

/** First input position an output reads, counted from the unpadded input's start: `index · stride − padding`. */
export function windowStart(index: number, stride: number, padding: number): number {
  return index * stride - padding;
}

/** Positions at the end of the padded input that no window reaches; 0 if the last window ends on or over the edge. */
export function unreadAtEnd(
  input: number,
  kernel: number,
  stride: number,
  paddings: Pair,
  dilation: number,
  output: number,
): number {
  const end = (output - 1) * stride + kernelExtent(kernel, dilation);
  return Math.max(0, input + paddings[0] + paddings[1] - end);
}

const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);

/**
 * Parameters of a convolution: `outChannels · inChannels / groups · ∏kernel`, and `outChannels` more with a bias.
 * The same for a transposed one.
 */
export function convParameterCount(
  inChannels: number,
  outChannels: number,
  kernel: readonly number[],
  groups = 1,
  bias = true,
): number {
  return ((outChannels * inChannels) / groups) * product(kernel) + (bias ? outChannels : 0);
}

/**
 * Multiply-accumulates of a convolution with this output shape (batch and channels first):
 * `∏output · inChannels / groups · ∏kernel`. Taps that fall on padding count, the bias does not.
 */
export function convMacs(
  output: readonly number[],
  inChannels: number,
  kernel: readonly number[],
  groups = 1,
): number {
  return product(output) * (inChannels / groups) * product(kernel);
}

/**
 * Multiply-accumulates of a transposed convolution: every input element meets every tap of every output channel of its
 * group, `∏input · outChannels / groups · ∏kernel`, whatever is cropped afterwards.
 */
export function convTransposeMacs(
  input: readonly number[],
  outChannels: number,
  kernel: readonly number[],
  groups = 1,
): number {
  return product(input) * (outChannels / groups) * product(kernel);
}

const list = (sizes: readonly number[]) => `[${sizes.join(", ")}]`;
const negative = (pair: Pair) => pair.some((size) => size < 0);

function checkChannels(inChannels: number, outChannels: number, groups: number): void {
  if (groups <= 0) throw new ValueError("groups must be a positive integer");
  if (inChannels % groups !== 0) throw new ValueError("in_channels must be divisible by groups");
  if (outChannels % groups !== 0) throw new ValueError("out_channels must be divisible by groups");
}

function checkWeight(shape: readonly number[]): void {
  const size = shape.find((n) => n < 0);
  if (size !== undefined) {
    throw new RuntimeError(`Trying to create tensor with negative dimension ${size}: ${list(shape)}`);
  }
}

/**
 * Output shape of `nn.Conv2d` on an input of shape `[N, C, H, W]`, where `inChannels` is `C`.
 *
 * @throws ValueError what the constructor refuses: groups that do not divide the channels, `"same"` with a stride
 * @throws RuntimeError what the call refuses: a kernel larger than the padded input, a stride below 1, …
 *
 * https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
 */
export function conv2dShape(input: ImageShape, options: Conv2dOptions): ImageShape {
  const { outChannels, kernelSize, stride, dilation, groups } = options;
  const [batch, inChannels, height, width] = input;
  checkChannels(inChannels, outChannels, groups);
  if (options.padding === "same" && stride.some((step) => step !== 1)) {
    throw new ValueError("padding='same' is not supported for strided convolutions");
  }
  const weight = [outChannels, inChannels / groups, ...kernelSize];
  checkWeight(weight);
  const paddings = conv2dPadding(options);
  if (options.padding !== "same" && paddings.some(negative)) {
    throw new RuntimeError("negative padding is not supported");
  }
  if (stride.some((step) => step <= 0)) throw new RuntimeError("non-positive stride is not supported");
  if (outChannels < groups) {
    throw new RuntimeError(
      `Given groups=${groups}, expected weight to be at least ${groups} at dimension 0, ` +
        `but got weight of size ${list(weight)} instead`,
    );
  }
  const padded = [height + paddings[0][0] + paddings[0][1], width + paddings[1][0] + paddings[1][1]] as const;
  const extent = [
    kernelExtent(kernelSize[0], dilation[0]),
    kernelExtent(kernelSize[1], dilation[1]),
  ] as const;
  if (padded[0] < extent[0] || padded[1] < extent[1]) {
    throw new RuntimeError(
      `Calculated padded input size per channel: (${padded.join(" x ")}). ` +
        `Kernel size: (${extent.join(" x ")}). Kernel size can't be greater than actual input size`,
    );
  }
  if (kernelSize.some((size) => size <= 0)) {
    throw new RuntimeError(
      "kernel size should be greater than zero, but got " +
        `kernel_height: ${kernelSize[0]} kernel_width: ${kernelSize[1]}`,
    );
  }
  if (dilation.some((step) => step <= 0)) {
    throw new RuntimeError(`dilation should be greater than zero, but got ${list(dilation)}`);
  }
  return [
    batch,
    outChannels,
    Math.floor((padded[0] - extent[0]) / stride[0]) + 1,
    Math.floor((padded[1] - extent[1]) / stride[1]) + 1,
  ];
}

/** Padding before and after, for rows and for columns, with `"same"` and `"valid"` resolved. */
export function conv2dPadding(
  options: Pick<Conv2dOptions, "kernelSize" | "padding" | "dilation">,
): readonly [Pair, Pair] {
  const { kernelSize, padding, dilation } = options;
  if (padding === "same") {
    return [samePadding(kernelSize[0], dilation[0]), samePadding(kernelSize[1], dilation[1])];
  }
  if (padding === "valid") {
    return [
      [0, 0],
      [0, 0],
    ];
  }
  return [
    [padding[0], padding[0]],
    [padding[1], padding[1]],
  ];
}

/**
 * Output shape of `nn.ConvTranspose2d` on an input of shape `[N, C, H, W]`, where `inChannels` is `C`.
 *
 * @throws ValueError groups that do not divide the channels
 * @throws RuntimeError an output padding that is not below stride or dilation, an empty output, …
 *
 * https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
 */
export function convTranspose2dShape(input: ImageShape, options: ConvTranspose2dOptions): ImageShape {
  const { outChannels, kernelSize, stride, padding, outputPadding, dilation, groups } = options;
  const [batch, inChannels, height, width] = input;
  checkChannels(inChannels, outChannels, groups);
  checkWeight([inChannels, outChannels / groups, ...kernelSize]);
  if (negative(padding)) throw new RuntimeError("negative padding is not supported");
  if (negative(outputPadding)) throw new RuntimeError("negative output_padding is not supported");
  if (stride.some((step) => step <= 0)) throw new RuntimeError("non-positive stride is not supported");
  if (kernelSize.some((size) => size <= 0)) {
    throw new RuntimeError(
      "kernel size should be greater than zero, but got " +
        `kernel_height: ${kernelSize[0]} kernel_width: ${kernelSize[1]}`,
    );
  }
  if (dilation.some((step) => step <= 0)) {
    throw new RuntimeError(
      "dilation should be greater than zero, but got " +
        `dilation_height: ${dilation[0]}, dilation_width: ${dilation[1]}`,
    );
  }
  if (outputPadding.some((extra, axis) => extra >= stride[axis]! && extra >= dilation[axis]!)) {
    const values = { output_padding: outputPadding, stride, dilation };
    const text = Object.entries(values).map(([name, [h, w]]) => `${name}_height: ${h} ${name}_width: ${w}`);
    throw new RuntimeError(
      `output padding must be smaller than either stride or dilation, but got ${text.join(" ")}`,
    );
  }
  const size = (axis: 0 | 1, length: number) =>
    convTransposeOutputSize(
      length,
      kernelSize[axis],
      stride[axis],
      padding[axis],
      outputPadding[axis],
      dilation[axis],
    );
  const output = [size(0, height), size(1, width)] as const;
  if (output[0] < 1 || output[1] < 1) {
    throw new RuntimeError(
      `Given input size per channel: (${height} x ${width}). ` +
        `Calculated output size per channel: (${output.join(" x ")}). Output size is too small`,
    );
  }
  return [batch, outChannels, ...output];
}

function checkPoolAxis(kernel: number, stride: number, padding: number): void {
  if (stride === 0) throw new RuntimeError("stride should not be zero");
  if (padding < 0) throw new RuntimeError(`pad must be non-negative, but got pad: ${padding}`);
  if (padding > Math.trunc(kernel / 2)) {
    throw new RuntimeError(
      `pad should be at most half of kernel size, but got pad=${padding} and kernel_size=${kernel}`,
    );
  }
}

/**
 * Output shape of `nn.MaxPool2d` on an input of shape `[N, C, H, W]`.
 *
 * @throws RuntimeError a padding beyond half the kernel, an empty output, a stride or dilation below 1, …
 *
 * https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
 */
export function maxPool2dShape(input: ImageShape, options: MaxPool2dOptions): ImageShape {
  const { kernelSize, stride, padding, dilation, ceilMode } = options;
  const [batch, channels, height, width] = input;
  checkPoolAxis(kernelSize[0], stride[0], padding[0]);
  checkPoolAxis(kernelSize[1], stride[1], padding[1]);
  const positive = (pair: Pair, what: string, names: readonly [string, string]) => {
    if (pair[0] > 0 && pair[1] > 0) return;
    throw new RuntimeError(
      `${what} should be greater than zero, but got ${names[0]}: ${pair[0]} ${names[1]}: ${pair[1]}`,
    );
  };
  positive(kernelSize, "kernel size", ["kH", "kW"]);
  positive(stride, "stride", ["dH", "dW"]);
  positive(dilation, "dilation", ["dilationH", "dilationW"]);
  const output = [
    poolOutputSize(height, kernelSize[0], stride[0], padding[0], dilation[0], ceilMode),
    poolOutputSize(width, kernelSize[1], stride[1], padding[1], dilation[1], ceilMode),
  ] as const;
  if (channels <= 0 || height <= 0 || width <= 0) {
    throw new RuntimeError(
      `Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:${list(input)}`,
    );
  }
  if (output[0] < 1 || output[1] < 1) {
    throw new RuntimeError(
      `Given input size: (${channels}x${height}x${width}). ` +
        `Calculated output size: (${channels}x${output.join("x")}). Output size is too small`,
    );
  }
  return [batch, channels, ...output];
}
