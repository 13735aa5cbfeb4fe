/** Sliding blocks as columns, and columns added up to an image. */
import { RuntimeError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { requireFloat } from "./elementwise.js";
import { page } from "./family.js";
import { op } from "./record.js";
import { resample, type Windowing } from "./resample.js";

interface Blocks {
  readonly kernel: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: readonly number[];
  readonly stride: readonly number[];
}

const text = (list: readonly number[]): string => list.join(", ");

/** @throws RuntimeError for what PyTorch refuses */
function checkBlocks({ kernel, dilation, padding, stride }: Blocks): void {
  const settings = { kernel_size: kernel, dilation, stride, padding };
  for (const [name, value] of Object.entries(settings)) {
    if (value.length !== 2) {
      throw new RuntimeError(`It is expected ${name} equals to 2, but got size ${String(value.length)}`);
    }
    const least = name === "padding" ? 0 : 1;
    if (value.some((v) => v < least)) {
      throw new RuntimeError(
        `${name} should be ${least ? "greater than zero" : "non-negative"}, but got [${text(value)}]`,
      );
    }
  }
}

/** How many blocks fit along each axis. @throws RuntimeError when none does */
function blockCounts(size: readonly number[], b: Blocks): number[] {
  const counts = size.map((n, i) => {
    const reach = b.dilation[i]! * (b.kernel[i]! - 1) + 1;
    return Math.floor((n + 2 * b.padding[i]! - reach) / b.stride[i]!) + 1;
  });
  if (counts.some((c) => c < 1)) {
    throw new RuntimeError(
      `Given an input with spatial size (${text(size)}), kernel_size=(${text(b.kernel)}), dilation=(${text(b.dilation)}), ` +
        `padding=(${text(b.padding)}), stride=(${text(b.stride)}), calculated shape of the array of sliding blocks as ` +
        `(${text(counts)}), but its components must be at least one.`,
    );
  }
  return counts;
}

function axis(i: number, from: number, count: number, b: Blocks): Windowing {
  const [kernel, stride] = [b.kernel[i]!, b.stride[i]!];
  const [padding, dilation] = [b.padding[i]!, b.dilation[i]!];
  return { filter: "windows", from, to: kernel * count, kernel, stride, padding, dilation };
}

/** `[N, C, H, W]` to columns `[N, C·kh·kw, L]`, L the number of blocks. */
function toColumns(input: Tensor, b: Blocks): Tensor {
  checkBlocks(b);
  const valid =
    (input.ndim === 3 || input.ndim === 4) && input._shape.slice(input.ndim - 3).every((d) => d > 0);
  if (!valid) {
    throw new RuntimeError(
      `Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: [${text(input._shape)}]`,
    );
  }
  requireFloat("im2col_out_cpu", input.dtype);
  const x = input.ndim === 4 ? input : input.unsqueeze(0);
  const [n, c, h, w] = x._shape as [number, number, number, number];
  const [kh, kw] = b.kernel as [number, number];
  const [oh, ow] = blockCounts([h, w], b) as [number, number];
  const wide = resample(x, 3, axis(1, w, ow, b));
  const both = resample(wide, 2, axis(0, h, oh, b));
  const columns = both
    .reshape(n, c, kh, oh, kw, ow)
    .permute(0, 1, 2, 4, 3, 5)
    .reshape(n, c * kh * kw, oh * ow);
  return input.ndim === 4 ? columns : columns.squeeze(0);
}

function toImage(input: Tensor, size: readonly number[], b: Blocks): Tensor {
  checkBlocks(b);
  if (size.length !== 2) {
    throw new RuntimeError(`It is expected output_size equals to 2, but got size ${String(size.length)}`);
  }
  const valid =
    (input.ndim === 2 || input.ndim === 3) && input._shape.slice(input.ndim - 2).every((d) => d > 0);
  if (!valid) {
    throw new RuntimeError(
      `Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, but got: [${text(input._shape)}]`,
    );
  }
  requireFloat("col2im_out_cpu", input.dtype);
  const x = input.ndim === 3 ? input : input.unsqueeze(0);
  const [n, rows, blocks] = x._shape as [number, number, number];
  const [kh, kw] = b.kernel as [number, number];
  if (rows % (kh * kw) !== 0) {
    throw new RuntimeError(
      `Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)=${String(rows)} and kernel_size=(${text(b.kernel)}).`,
    );
  }
  const [oh, ow] = blockCounts(size, b) as [number, number];
  if (oh * ow !== blocks) {
    throw new RuntimeError(
      `Given output_size=(${text(size)}), kernel_size=(${text(b.kernel)}), dilation=(${text(b.dilation)}), padding=(${text(b.padding)}), ` +
        `stride=(${text(b.stride)}), expected size of input's dimension 2 to match the calculated number of sliding blocks ` +
        `${String(oh)} * ${String(ow)} = ${String(oh * ow)}, but got input.size(2)=${String(blocks)}.`,
    );
  }
  const c = rows / (kh * kw);
  const spread = x
    .reshape(n, c, kh, kw, oh, ow)
    .permute(0, 1, 2, 4, 3, 5)
    .reshape(n, c, kh * oh, kw * ow);
  const tall = resample(spread, 2, axis(0, size[0]!, oh, b), true);
  const image = resample(tall, 3, axis(1, size[1]!, ow, b), true);
  return input.ndim === 3 ? image : image.squeeze(0);
}

export const unfold = op({
  signature:
    "unfold(Tensor input, int[2] kernel_size, int[2] dilation=1, int[2] padding=0, int[2] stride=1) -> Tensor",
  on: ["F"],
  doc: `The sliding blocks of images \`[N, C, H, W]\` as columns \`[N, C·kh·kw, L]\`.\n\n${page("nn.functional.unfold")}`,
  call: (input, kernel, dilation, padding, stride) => toColumns(input, { kernel, dilation, padding, stride }),
});

export const fold = op({
  signature:
    "fold(Tensor input, int[2] output_size, int[2] kernel_size, int[2] dilation=1, int[2] padding=0, int[2] stride=1) -> Tensor",
  on: ["F"],
  doc: `Adds columns \`[N, C·kh·kw, L]\` up to images \`[N, C, H, W]\` of \`outputSize\`: what \`F.unfold\` took apart, summed where blocks overlap.\n\n${page("nn.functional.fold")}`,
  call: (input, size, kernel, dilation, padding, stride) =>
    toImage(input, size, { kernel, dilation, padding, stride }),
});
