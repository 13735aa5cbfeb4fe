/** Max pooling over windows of pseudorandom places. @see https://arxiv.org/abs/1412.6071 */
import { RuntimeError, ValueError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { applyAll } from "./apply.js";
import { requireFloat } from "./elementwise.js";
import { page } from "./family.js";
import { placeAt, withOrWithout } from "./max-pool.js";
import { checkPoolRank, perAxis, withBatch } from "./pool-window.js";
import { drawn } from "./random.js";
import { op, primitive } from "./record.js";
import { named } from "./results.js";

interface FractionalAttrs extends Attrs {
  readonly kernel: readonly number[];
  readonly out: readonly number[];
}

const fractionalPrimitive = primitive<FractionalAttrs>({
  name: "fractional_max_pool",
  infer: ([x], { out }) => {
    const shape = [...x!.shape.slice(0, 2), ...out];
    return [
      { shape, dtype: x!.dtype },
      { shape, dtype: int64 },
    ];
  },
  grad: (ctx, g) => [placeAt(g, ctx.output(1), ctx.inputMeta(0).shape, true), null],
  host: "fractional_max_pool",
});

function fractional(
  nd: 2 | 3,
  input: Tensor,
  kernelSize: readonly number[],
  outputSize: readonly number[] | null,
  outputRatio: readonly number[] | null,
  samples: Tensor | null,
): [Tensor, Tensor] {
  const name = `fractional_max_pool${String(nd)}d`;
  if (outputSize === null && outputRatio === null) {
    throw new ValueError(`${name} requires specifying either an output_size or an output_ratio`);
  }
  checkPoolRank(name, input, nd);
  requireFloat(name, input.dtype);
  const { batched, unbatch } = withBatch(input, nd);
  const [n, c, ...size] = batched._shape as number[];
  const out = outputSize
    ? perAxis(outputSize, nd, name, "output_size")
    : perAxis(outputRatio!, nd, name, "output_ratio").map((r, i) => Math.trunc(size[i]! * r));
  const kernel = perAxis(kernelSize, nd, name, "kernel_size");
  size.forEach((d, i) => {
    if (out[i]! + kernel[i]! - 1 > d || out[i]! <= 0) {
      throw new RuntimeError(
        `${name}: pool size ${String(kernel[i])} too large relative to input size ${String(d)} for an output of ${String(out[i])}, at spatial axis ${String(i)}`,
      );
    }
  });
  const starts = samples ?? drawn({ kind: "uniform", from: 0, to: 1 }, [n!, c!, nd], input.dtype);
  if (starts.ndim !== 3 || starts._shape[0]! < n! || starts._shape[1]! < c! || starts._shape[2] !== nd) {
    throw new RuntimeError(
      `Expect _random_samples of [${[n, c, nd].join(", ")}], but got [${starts._shape.join(", ")}]`,
    );
  }
  if (starts.dtype !== input.dtype) {
    throw new RuntimeError(
      `Expect _random_samples to have the same dtype as input: ${String(input.dtype)}, but got ${String(starts.dtype)}`,
    );
  }
  const [values, indices] = applyAll(fractionalPrimitive, [batched, starts], { kernel, out }) as [
    Tensor,
    Tensor,
  ];
  return [unbatch(values), unbatch(indices)];
}

function fractionalOps<const N extends 2 | 3>(nd: N) {
  const name = `fractional_max_pool${String(nd)}d`;
  const tail = `(Tensor input, int[${String(nd)}] kernel_size, int[]? output_size=None, float[]? output_ratio=None, bool return_indices=False, Tensor? _random_samples=None)`;
  const doc = `The largest element of windows at pseudorandom places, as many as \`outputSize\`, or \`outputRatio\` times the input's size, asks for.\n\n${page(`nn.functional.${name}`)}`;
  const plain = op({
    signature:
      `${name}${tail} -> Tensor` as "fractional_max_pool(Tensor input, int[] kernel_size, int[]? output_size=None, float[]? output_ratio=None, bool return_indices=False, Tensor? _random_samples=None) -> Tensor",
    on: ["F"],
    doc,
    call: (input, kernel, size, ratio, returnIndices, samples) =>
      withOrWithout(...fractional(nd, input, kernel, size, ratio, samples), returnIndices),
  });
  const withIndices = op({
    signature:
      `${name}_with_indices${tail} -> (Tensor output, Tensor indices)` as "fractional_max_pool(Tensor input, int[] kernel_size, int[]? output_size=None, float[]? output_ratio=None, bool return_indices=False, Tensor? _random_samples=None) -> (Tensor output, Tensor indices)",
    on: ["F"],
    doc: `${doc}\n\nAlso gives where in its plane each one stood.`,
    call: (input, kernel, size, ratio, _, samples) => {
      const [output, indices] = fractional(nd, input, kernel, size, ratio, samples);
      return named({ output, indices });
    },
  });
  return { plain, withIndices };
}

const { plain: fractionalMaxPool2d, withIndices: fractionalMaxPool2dWithIndices } = fractionalOps(2);
const { plain: fractionalMaxPool3d, withIndices: fractionalMaxPool3dWithIndices } = fractionalOps(3);
export {
  fractionalMaxPool2d,
  fractionalMaxPool2dWithIndices,
  fractionalMaxPool3d,
  fractionalMaxPool3dWithIndices,
};
