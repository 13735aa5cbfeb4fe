/** Quantiles: elements by their share of the sorted order, and what lies between them. */
import { RuntimeError } from "../errors.js";
import { isTracing, read } from "../graph/executor.js";
import { float32, float64, int64 } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { lerp } from "./combine.js";
import { lt } from "./compare.js";
import { castTo } from "./convert.js";
import { wrapDim } from "./dims.js";
import { page } from "./family.js";
import { titled } from "./inplace.js";
import { constant } from "./promote.js";
import { op } from "./record.js";
import { sortAlong } from "./sorting.js";
import { isnan } from "./special-values.js";
import { expandTo } from "./view.js";

const modes = ["linear", "lower", "higher", "midpoint", "nearest"];

function checkQuantile(input: Tensor, q: Tensor | number, mode: string): void {
  if (input.numel() === 0) throw new RuntimeError("quantile() input tensor must be non-empty");
  if (input.dtype !== float32 && input.dtype !== float64) {
    throw new RuntimeError(
      `quantile() input tensor must be either float or double dtype, not ${titled(input)}`,
    );
  }
  if (!modes.includes(mode)) {
    throw new RuntimeError(`quantile() interpolation must be one of ${modes.join(", ")}, but got ${mode}`);
  }
  if (!(q instanceof Tensor)) {
    if (q >= 0 && q <= 1) return;
    throw new RuntimeError(`quantile() q must be in the range [0, 1] but got ${String(q)}`);
  }
  if (q.ndim > 1) {
    throw new RuntimeError(`quantile() q must be a scalar or 1D tensor, not [${q._shape.join(", ")}]`);
  }
  if (q.dtype !== input.dtype) {
    throw new RuntimeError(
      `quantile() q tensor must be same dtype as the input tensor: ${titled(q)} for ${titled(input)}`,
    );
  }
  if (isTracing()) return;
  if (!(read(q._value) as Float32Array).every((v) => v >= 0 && v <= 1)) {
    throw new RuntimeError("quantile() q values must be in the range [0, 1]");
  }
}

/** The rank of every quantile in its sorted row: a NaN in the row is its last element, and the quantile. */
function ranksIn(sorted: Tensor, q: Tensor, ignoreNan: boolean): Tensor {
  const last = sorted._shape.at(-1)! - 1;
  const nan = isnan(sorted);
  if (ignoreNan) {
    const count = castTo(nan.logicalNot(), int64).sum(-1, { keepdim: true });
    const ranks = q.mul(count.sub(1));
    return ranks.maskedFill(lt(ranks, 0), 0);
  }
  const any = nan.any(-1, { keepdim: true });
  const shape = [...sorted._shape.slice(0, -1), q.numel()];
  return expandTo(q.mul(last), shape).maskedFill(any, last);
}

function quantiles(
  input: Tensor,
  q: Tensor | number,
  dim: number | null,
  keepdim: boolean,
  mode: string,
  ignoreNan: boolean,
): Tensor {
  checkQuantile(input, q, mode);
  const d = dim === null ? null : wrapDim(dim, input.ndim);
  const share = q instanceof Tensor ? q : constant(q, input.dtype);
  const rows = d === null || input.ndim === 0 ? input.reshape(-1) : input.movedim(d, -1);
  const sorted = sortAlong(rows, -1);
  let ranks = ranksIn(sorted, share.reshape(-1), ignoreNan);
  if (mode === "lower") ranks = ranks.floor();
  if (mode === "higher") ranks = ranks.ceil();
  if (mode === "nearest") ranks = ranks.round();
  const below = castTo(ranks.detach(), int64);
  let values = sorted.gather(-1, below);
  if (mode === "linear" || mode === "midpoint") {
    const above = sorted.gather(-1, castTo(ranks.detach().ceil(), int64));
    values = lerp(values, above, mode === "midpoint" ? constant(0.5, input.dtype) : ranks.sub(below));
  }
  // [rows …, quantiles] → [quantiles, rows …], with the reduced axis back in its place.
  let out = share.ndim === 0 ? values.squeeze(-1) : values.movedim(-1, 0);
  if (keepdim) {
    const lead = share.ndim;
    if (d === null) out = out.reshape([...out._shape, ...input._shape.map(() => 1)]);
    else if (input.ndim > 0) out = out.unsqueeze(d + lead);
  }
  return out;
}

const doc = (rest: string, name: string): string =>
  `The element at each share \`q\` (a number or a \`[k]\` tensor, in [0, 1]) of the sorted elements, of all or along \`dim\`; between two elements by \`interpolation\`: \`"linear"\`, \`"lower"\`, \`"higher"\`, \`"midpoint"\` or \`"nearest"\`. ${rest}\n\n${page(name)}`;

export const quantile = op({
  signature:
    "quantile(Tensor input, Tensor|Scalar q, int? dim=None, bool keepdim=False, *, str interpolation='linear', Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: doc("NaN where there is a NaN.", "quantile"),
  call: (input, q, dim, keepdim, mode) =>
    quantiles(input, q instanceof Tensor ? q : Number(q), dim, keepdim, mode, false),
});

export const nanquantile = op({
  signature:
    "nanquantile(Tensor input, Tensor|Scalar q, int? dim=None, bool keepdim=False, *, str interpolation='linear', Tensor? out=None) -> Tensor",
  outDtype: "exact",
  doc: doc("NaNs are left out.", "nanquantile"),
  call: (input, q, dim, keepdim, mode) =>
    quantiles(input, q instanceof Tensor ? q : Number(q), dim, keepdim, mode, true),
});
