/** Slices along an axis, by Python's bounds. */
import { RuntimeError } from "../errors.js";
import { wrapDim } from "./dims.js";
import { sliceBounds, sliceOf } from "./view.js";
import { op } from "./record.js";

/** `x[…, start:end:step, …]` along `dim`; not a function of `torch`, where `slice` makes an index. */
export const slice = op({
  signature: "slice(Tensor self, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor",
  on: [],
  doc: "A view of a slice along `dim`.",
  call: (self, dim, start, end, step) => {
    if (step <= 0) throw new RuntimeError("slice step must be positive");
    const d = wrapDim(dim, self.ndim);
    const [from, to] = sliceBounds(self._shape[d]!, start, end);
    return sliceOf(self, d, from, to, step);
  },
});
