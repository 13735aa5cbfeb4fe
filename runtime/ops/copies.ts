/** What PyTorch has of every view as a copy: `torch.permuteCopy` and so on. */
import { contiguousFormat } from "../tensor/memoryFormat.js";
import { Tensor } from "../tensor/tensor.js";
import { t } from "./arrange.js";
import { diagonal } from "./diagonal.js";
import { detach } from "./memory.js";
import { op, type OpFunction, type OpRecord } from "./record.js";
import { unfold } from "./shape.js";
import { slice } from "./slice.js";
import { split, splitWithSizes, unbind } from "./split.js";
import { asStrided } from "./strided.js";
import { expand, permute, select, squeeze, transpose, unsqueeze, view } from "./view.js";

const copy = (view: Tensor): Tensor => view.clone({ memoryFormat: contiguousFormat });

/** The op that copies what a view op gives; it takes the view's arguments. */
function copyOf<const S extends string>(of: { readonly record: OpRecord }, signature: S): OpFunction<S> {
  const call = (...args: unknown[]): unknown => {
    const result = of.record.invoke(...args);
    return result instanceof Tensor ? copy(result) : (result as Tensor[]).map(copy);
  };
  return op({
    signature: signature as string,
    on: ["torch"],
    doc: `\`${of.record.name}\` as a copy.`,
    call: call as never,
  }) as OpFunction<S>;
}

export const aliasCopy = op({
  signature: "alias_copy(Tensor input, *, Tensor? out=None) -> Tensor",
  on: ["torch"],
  doc: "A copy in C order.",
  call: copy,
});
export const detachCopy = copyOf(detach, "detach_copy(Tensor input, *, Tensor? out=None) -> Tensor");
export const asStridedCopy = copyOf(
  asStrided,
  "as_strided_copy(Tensor input, int[] size, int[] stride, int? storage_offset=None, *, Tensor? out=None) -> Tensor",
);
export const diagonalCopy = copyOf(
  diagonal,
  "diagonal_copy(Tensor input, int offset=0, int dim1=0, int dim2=1, *, Tensor? out=None) -> Tensor",
);
export const expandCopy = copyOf(
  expand,
  "expand_copy(Tensor input, int[] size, *, Tensor? out=None) -> Tensor",
);
export const permuteCopy = copyOf(
  permute,
  "permute_copy(Tensor input, int[] dims, *, Tensor? out=None) -> Tensor",
);
export const selectCopy = copyOf(
  select,
  "select_copy(Tensor input, int dim, int index, *, Tensor? out=None) -> Tensor",
);
export const sliceCopy = copyOf(
  slice,
  "slice_copy(Tensor input, int dim=0, int? start=None, int? end=None, int step=1, *, Tensor? out=None) -> Tensor",
);
export const splitCopy = copyOf(
  split,
  "split_copy(Tensor input, int split_size, int dim=0, *, Tensor[]? out=None) -> Tensor[]",
);
export const splitWithSizesCopy = copyOf(
  splitWithSizes,
  "split_with_sizes_copy(Tensor input, int[] split_sizes, int dim=0, *, Tensor[]? out=None) -> Tensor[]",
);
export const squeezeCopy = op(
  {
    signature: "squeeze_copy(Tensor input, *, Tensor? out=None) -> Tensor",
    on: ["torch"],
    doc: "`squeeze` as a copy.",
    call: (input) => copy(squeeze(input)),
  },
  {
    signature: "squeeze_copy(Tensor input, int dim, *, Tensor? out=None) -> Tensor",
    call: (input, dim) => copy(squeeze(input, [dim])),
  },
);
export const tCopy = copyOf(t, "t_copy(Tensor input, *, Tensor? out=None) -> Tensor");
export const transposeCopy = copyOf(
  transpose,
  "transpose_copy(Tensor input, int dim0, int dim1, *, Tensor? out=None) -> Tensor",
);
export const unbindCopy = copyOf(
  unbind,
  "unbind_copy(Tensor input, int dim=0, *, Tensor[]? out=None) -> Tensor[]",
);
export const unfoldCopy = copyOf(
  unfold,
  "unfold_copy(Tensor input, int dimension, int size, int step, *, Tensor? out=None) -> Tensor",
);
export const unsqueezeCopy = copyOf(
  unsqueeze,
  "unsqueeze_copy(Tensor input, int dim, *, Tensor? out=None) -> Tensor",
);
export const viewCopy = op(
  {
    signature: "view_copy(Tensor input, int[] size, *, Tensor? out=None) -> Tensor",
    on: ["torch"],
    doc: "`view` as a copy.",
    call: (input, size) => copy(view(input, size)),
  },
  {
    signature: "view_copy(Tensor input, dtype dtype, *, Tensor? out=None) -> Tensor",
    call: (input, dtype) => copy(view(input, dtype)),
  },
);
