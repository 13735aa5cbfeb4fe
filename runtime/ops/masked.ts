/** Elements picked by a mask, repeated, and combined. */
import { IndexError, RuntimeError } from "../errors.js";
import { OPEN } from "../graph/value.js";
import { bool, int32, int64, uint8 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { wrapDim } from "./dims.js";
import { broadcastShapes, page } from "./family.js";
import { titled } from "./inplace.js";
import { positions } from "./nonzero.js";
import { op, primitive } from "./record.js";
import { applySized } from "./sized.js";
import { expandTo } from "./view.js";

export const argwhere = op({
  signature: "argwhere(Tensor input) -> Tensor",
  doc: `The positions of the elements that are not zero: \`[n, rank]\`.\n\n${page("argwhere")}`,
  call: (input) => positions(input),
});

export const maskedSelect = op({
  signature: "masked_select(Tensor input, Tensor mask, *, Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: `The elements where \`mask\` holds, broadcast, as \`[n]\`. The size depends on the data, so what is recorded runs here.\n\n${page("masked_select")}`,
  call: (input, mask) => {
    if (mask.dtype !== bool && mask.dtype !== uint8) {
      throw new RuntimeError(
        `masked_select: expected BoolTensor or ByteTensor for mask, not ${titled(mask)}Tensor`,
      );
    }
    const shape = broadcastShapes(input._shape, mask._shape);
    const found = positions(expandTo(mask.detach(), shape).reshape(-1)).squeeze(1);
    return expandTo(input, shape).reshape(-1).indexSelect(0, found);
  },
});

const repeatedIndices = primitive<{ readonly size: number | null }>({
  name: "repeat_interleave",
  infer: (_, { size }) => ({ shape: [size ?? OPEN], dtype: int64 }),
  grad: null,
  host: "repeated",
});

function indicesFor(repeats: Tensor, size: number | null): Tensor {
  if (repeats.ndim !== 1) {
    throw new RuntimeError(
      `repeat_interleave only accept 1D vector as repeat, not [${repeats._shape.join(", ")}]`,
    );
  }
  if (repeats.dtype !== int64 && repeats.dtype !== int32) {
    throw new RuntimeError(`repeats has to be Long or Int tensor, not ${titled(repeats)}`);
  }
  // With the size known beforehand nothing has to run yet.
  return size === null
    ? applySized(repeatedIndices, [repeats], { size })[0]!
    : apply(repeatedIndices, [repeats], { size });
}

function repeated(input: Tensor, repeats: Tensor, dim: number | null, size: number | null): Tensor {
  if (repeats.ndim > 1) {
    throw new RuntimeError(`repeats must be 0-dim or 1-dim tensor, not [${repeats._shape.join(", ")}]`);
  }
  const x = dim === null ? input.reshape(-1) : input;
  const d = dim === null ? 0 : wrapDim(dim, x.ndim);
  if (x.ndim === 0) throw new IndexError("repeat_interleave: a 0-d tensor has no dimension to repeat along");
  const length = x._shape[d]!;
  const one = repeats.ndim === 0 || (repeats.ndim === 1 && repeats._shape[0] === 1);
  const each = one ? expandTo(repeats.reshape(1), [length]) : repeats;
  if (!one && repeats.ndim === 1 && repeats._shape[0] !== length) {
    throw new RuntimeError(
      `repeats must have the same size as input along dim, but got repeats of [${repeats._shape.join(", ")}] and ${String(length)} elements along dim ${String(d)}`,
    );
  }
  return x.indexSelect(d, indicesFor(each, size));
}

/** Every element the same number of times, as views and one copy. */
function repeatedEvenly(input: Tensor, times: number, dim: number | null): Tensor {
  if (times < 0) throw new RuntimeError(`Repeats must be non-negative, not ${String(times)}`);
  const x = dim === null ? input.reshape(-1) : input;
  const d = dim === null ? 0 : wrapDim(dim, x.ndim);
  if (x.ndim === 0) throw new IndexError("repeat_interleave: a 0-d tensor has no dimension to repeat along");
  const shape = x.shape;
  const spread = expandTo(x.unsqueeze(d + 1), [...shape.slice(0, d + 1), times, ...shape.slice(d + 1)]);
  return spread.reshape(shape.map((n, i) => (i === d ? n * times : n)));
}

export const repeatInterleave = op(
  {
    signature:
      "repeat_interleave(Tensor input, int repeats, int? dim=None, *, int? output_size=None) -> Tensor",
    doc: `Every element along \`dim\` (of all, when there is none) repeated in place, \`repeats\` times or each as often as the tensor \`repeats\` says; of \`repeats\` alone, its indices so repeated. Give \`outputSize\` where it is known: else what is recorded runs here.\n\n${page("repeat_interleave")}`,
    call: (input, times, dim) => repeatedEvenly(input, times, dim),
  },
  {
    signature:
      "repeat_interleave(Tensor input, Tensor repeats, int? dim=None, *, int? output_size=None) -> Tensor",
    call: repeated,
  },
  {
    signature: "repeat_interleave(Tensor repeats, *, int? output_size=None) -> Tensor",
    call: indicesFor,
  },
);
