/** Empty tensors of a given layout. */
import { getDefaultDtype, type DType } from "../tensor/dtype.js";
import { numel } from "../tensor/strides.js";
import type { Tensor } from "../tensor/tensor.js";
import { filled, marked } from "./create.js";
import { page } from "./family.js";
import { op } from "./record.js";
import { reach, stridedView } from "./strided.js";

/** Memory as far as the strides reach, seen through them. */
function emptyStrided(size: readonly number[], stride: readonly number[], dtype: DType): Tensor {
  const layout = { strides: stride, offset: 0 };
  const memory = size.length === stride.length && numel(size) > 0 ? reach(size, layout) : 0;
  return stridedView(filled([memory], 0, dtype), size, layout);
}

const stridedTail =
  "*, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False";
type StridedTail =
  "*, dtype? dtype=None, any layout=None, device? device=None, bool pin_memory=False, bool requires_grad=False";

export const emptyStrided_ = op({
  signature:
    `empty_strided(int[] size, int[] stride, ${stridedTail}) -> Tensor` as `empty_strided(int[] size, int[] stride, ${StridedTail}) -> Tensor`,
  doc: `A tensor of this size and these strides, to be filled; it holds zeros.\n\n${page("empty_strided")}`,
  call: (size, stride, dtype, _l, _d, _p, requiresGrad) =>
    marked(emptyStrided(size, stride, dtype ?? getDefaultDtype()), requiresGrad),
});

export const newEmptyStrided = op({
  signature:
    `new_empty_strided(Tensor self, int[] size, int[] stride, ${stridedTail}) -> Tensor` as `new_empty_strided(Tensor self, int[] size, int[] stride, ${StridedTail}) -> Tensor`,
  on: ["Tensor"],
  doc: "A tensor of this size and these strides with the dtype of this one, to be filled; it holds zeros.",
  call: (self, size, stride, dtype, _l, _d, _p, requiresGrad) =>
    marked(emptyStrided(size, stride, dtype ?? self.dtype), requiresGrad),
});
