/** Operations whose results' sizes depend on the elements: `nonzero`, `unique`, `masked_select`, `repeat_interleave`. */
import { computeNow } from "../graph/executor.js";
import { record } from "../graph/record.js";
import type { Attrs } from "../graph/value.js";
import { Tensor } from "../tensor/tensor.js";
import { attachHistory } from "./apply.js";
import type { OpPrimitive } from "./record.js";

/**
 * Applies a primitive whose `infer` leaves sizes `OPEN`: what is recorded so far runs at once, and the results have
 * the sizes that its lowering or host kernel (a `ShapedResult`) gave. From there on they are tensors like any other;
 * the primitive's `grad` sees the sizes too.
 *
 * Most such ops need no primitive of their own: they are positions from `nonzero` (integers, without a gradient) and
 * then an ordinary gather, which has one.
 * @throws NeedsDataError while only shapes are computed: a size that depends on data ends the trace.
 */
export function applySized<A extends Attrs>(
  op: OpPrimitive<A>,
  inputs: readonly Tensor[],
  attrs: A,
): Tensor[] {
  const generic = op as unknown as OpPrimitive;
  const values = record(
    generic,
    inputs.map((t) => t._value),
    attrs,
  );
  computeNow(values);
  const results = values.map((v) => new Tensor(v));
  attachHistory(generic, inputs, attrs, results);
  return results;
}
