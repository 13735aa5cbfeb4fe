/** Where the elements are that are not zero. */
import { OPEN, type Attrs } from "../graph/value.js";
import { int64 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { page } from "./family.js";
import { op, primitive } from "./record.js";
import { applySized } from "./sized.js";

const nonzeroPrimitive = primitive<Attrs>({
  name: "nonzero",
  infer: ([x]) => ({ shape: [OPEN, x!.shape.length], dtype: int64 }),
  grad: null,
  host: "nonzero",
});

/** Positions of the elements that are not zero, in C order: `[n, rank]`, int64. Runs what is recorded. */
export function positions(input: Tensor): Tensor {
  return applySized(nonzeroPrimitive, [input], {})[0]!;
}

/** The same as one tensor `[n]` per axis; a 0-d input counts as one element of one axis. */
export function positionsByAxis(input: Tensor): Tensor[] {
  const found = positions(input.ndim === 0 ? input.reshape(1) : input);
  return Array.from({ length: found._shape[1]! }, (_, axis) => found.select(1, axis));
}

export const nonzero = op(
  {
    signature: "nonzero(Tensor input, *, Tensor? out=None) -> Tensor",
    doc: `The positions of the elements that are not zero, in C order: \`[n, rank]\`, or with \`asTuple\` one tensor per axis. The size depends on the data, so what is recorded runs here.\n\n${page("nonzero")}`,
    call: (input) => positions(input),
  },
  {
    signature: "nonzero(Tensor input, *, bool as_tuple=False) -> any",
    call: (input, asTuple) => (asTuple ? positionsByAxis(input) : positions(input)),
  },
);
