/** Where values belong in sorted sequences. */
import { RuntimeError } from "../errors.js";
import { bool, int32, int64 } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { castTo } from "./convert.js";
import { notImplementedFor } from "./elementwise.js";
import { page } from "./family.js";
import { titled } from "./inplace.js";
import { operand, resultType } from "./promote.js";
import { op, primitive } from "./record.js";
import type { Scalar } from "./schema.js";

const searchPrimitive = primitive<{ readonly right: boolean; readonly narrow: boolean }>({
  name: "searchsorted",
  infer: ([, values], { narrow }) => ({ shape: values!.shape, dtype: narrow ? int32 : int64 }),
  grad: null,
  host: "sort.search",
});

const text = (t: Tensor): string => `[${t._shape.join(", ")}]`;

function checkShapes(sequence: Tensor, values: Tensor | Scalar): void {
  const rank = values instanceof Tensor ? values.ndim : 0;
  if (rank === 0 && sequence.ndim !== 1) {
    throw new RuntimeError(
      "searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1, but we got boundaries " +
        `tensor ${text(sequence)}`,
    );
  }
  if (sequence.ndim === 1 || !(values instanceof Tensor)) return;
  const rows = sequence._shape.slice(0, -1);
  if (rank !== sequence.ndim || rows.some((d, i) => d !== values._shape[i])) {
    throw new RuntimeError(
      "searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and " +
        `input value tensor must match, but we got boundaries tensor ${text(sequence)} and input value tensor ${text(values)}`,
    );
  }
}

function checkSorter(sequence: Tensor, sorter: Tensor): void {
  if (sorter._shape.join() !== sequence._shape.join()) {
    throw new RuntimeError(
      `searchsorted(): boundary and sorter must have the same size, but got boundary tensor ${text(sequence)} and got sorter tensor ${text(sorter)}`,
    );
  }
  if (sorter.dtype !== int64) {
    throw new RuntimeError(
      `searchsorted(): sorter must be a tensor of long dtype but got dtype ${titled(sorter)}`,
    );
  }
}

function searchIn(
  sequence: Tensor,
  values: Tensor | Scalar,
  narrow: boolean,
  right: boolean,
  sorter: Tensor | null = null,
): Tensor {
  checkShapes(sequence, values);
  if (sorter) checkSorter(sequence, sorter);
  const dtype = resultType(sequence, values);
  if (dtype === bool) notImplementedFor("searchsorted_out_cpu", bool);
  const inputs = [castTo(sequence.detach(), dtype), operand(values, dtype).detach()];
  return apply(searchPrimitive, sorter ? [...inputs, sorter] : inputs, { right, narrow });
}

export const searchsorted = op({
  signature:
    "searchsorted(Tensor sorted_sequence, Tensor|Scalar input, *, bool out_int32=False, bool right=False, str? side=None, Tensor? sorter=None, Tensor? out=None) -> Tensor",
  on: ["torch"],
  outDtype: "exact",
  doc: `Where to insert \`input\` into the sorted rows of \`sortedSequence\` \`[…, n]\` so that they stay sorted: before equal elements, or, with \`right\`, after them.\n\n${page("searchsorted")}`,
  call: (sequence, values, narrow, right, side, sorter) => {
    if (side !== null && side !== "left" && side !== "right") {
      throw new RuntimeError(`searchsorted(): side can only be 'left' or 'right' but got ${side}`);
    }
    if (side === "left" && right) {
      throw new RuntimeError(
        "searchsorted(): side and right can't be set to opposites, got side of left while right was true",
      );
    }
    return searchIn(sequence, values, narrow, right || side === "right", sorter);
  },
});

export const bucketize = op({
  signature:
    "bucketize(Tensor|Scalar input, Tensor boundaries, *, bool out_int32=False, bool right=False, Tensor? out=None) -> Tensor",
  on: ["torch"],
  outDtype: "exact",
  doc: `The index of the bucket of \`boundaries\` \`[n]\` that each element falls into: boundaries[i-1] < x ≤ boundaries[i], or, with \`right\`, ≤ and <.\n\n${page("bucketize")}`,
  call: (input, boundaries, narrow, right) => {
    if (boundaries.ndim !== 1) {
      throw new RuntimeError(`boundaries tensor must be 1 dimension, but got ${text(boundaries)}`);
    }
    return searchIn(boundaries, input, narrow, right);
  },
});
