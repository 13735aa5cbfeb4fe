/** Differences of neighbours, gradients on a grid, and integrals by trapezoids. */
import { IndexError, RuntimeError } from "../errors.js";
import { bool, uint8 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { wrapDim, wrapDims } from "./dims.js";
import { asFloat } from "./elementwise.js";
import { page } from "./family.js";
import { concat } from "./join.js";
import { op } from "./record.js";
import { filled } from "./create.js";
import type { Scalar } from "./schema.js";
import { sliceOf } from "./view.js";

const text = (t: Tensor): string => `[${t._shape.join(", ")}]`;

/** Elements from … to along an axis, counted from the end where negative. */
function cut(x: Tensor, dim: number, from: number, to: number | null = null): Tensor {
  const n = x._shape[dim]!;
  const at = (i: number): number => Math.min(Math.max(i < 0 ? i + n : i, 0), n);
  const [a, b] = [at(from), at(to ?? n)];
  return sliceOf(x, dim, a, Math.max(a, b));
}

function checkEdge(x: Tensor, edge: Tensor | null, dim: number): void {
  if (!edge) return;
  if (edge.ndim !== x.ndim) {
    throw new RuntimeError(
      `diff expects prepend or append to be the same dimension as input: ${text(edge)} for ${text(x)}`,
    );
  }
  if (edge._shape.some((d, i) => i !== dim && d !== x._shape[i])) {
    throw new RuntimeError(
      "diff expects the shape of tensor to prepend or append to match that of input except along the differencing " +
        `dimension; ${text(edge)} for ${text(x)} along ${String(dim)}`,
    );
  }
}

function difference(x: Tensor, n: number, dim: number): Tensor {
  if (n <= 0) return x.clone();
  let y = x;
  for (let i = Math.min(n, x._shape[dim]!); i > 0 && y._shape[dim]! > 0; i--) {
    const [high, low] = [cut(y, dim, 1), cut(y, dim, 0, -1)];
    y = y.dtype === bool ? high.logicalXor(low) : high.sub(low);
  }
  return y;
}

export const diff = op({
  signature:
    "diff(Tensor input, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None, *, Tensor? out=None) -> Tensor",
  doc: `Differences of neighbours along \`dim\`, \`n\` times over; \`prepend\` and \`append\` are joined on before.\n\n${page("diff")}`,
  call: (input, n, dim, prepend, append) => {
    if (input.ndim === 0) throw new RuntimeError("diff expects input to be at least one-dimensional");
    const d = wrapDim(dim, input.ndim);
    checkEdge(input, prepend, d);
    checkEdge(input, append, d);
    if (n <= 0 || (!prepend && !append)) return difference(input, n, d);
    const parts = [prepend, input, append].filter((t): t is Tensor => t !== null);
    return difference(concat(parts, d), n, d);
  },
});

function gradientChecks(
  input: Tensor,
  count: number | null,
  dim: readonly number[] | null,
  edgeOrder: number,
): number[] {
  if (input.dtype === uint8) throw new RuntimeError("torch.gradient does not support uint8 input.");
  if (edgeOrder !== 1 && edgeOrder !== 2) {
    throw new RuntimeError("torch.gradient only supports edgeOrder=1 and edgeOrder=2.");
  }
  const dims = wrapDims(dim, input.ndim, false);
  if (count !== null && count !== dims.length) {
    throw new RuntimeError(
      "torch.gradient expected spacing to be unspecified, a scalar, or a list of as many as there are dimensions, " +
        `${String(dims.length)}, but got ${String(count)}.`,
    );
  }
  for (const d of dims) {
    if (input._shape[d]! < edgeOrder + 1) {
      throw new RuntimeError(
        `torch.gradient expected each dimension size to be at least edgeOrder+1: ${text(input)} for edgeOrder ${String(edgeOrder)}`,
      );
    }
  }
  return dims;
}

/** Central differences inside, one-sided ones of the wanted order at both ends. */
function evenGradient(x: Tensor, dim: number, step: Scalar, edgeOrder: number): Tensor {
  const inner = cut(x, dim, 2)
    .sub(cut(x, dim, 0, -2))
    .div(step)
    .div(2);
  if (edgeOrder === 1) {
    const first = cut(x, dim, 1, 2)
      .sub(cut(x, dim, 0, 1))
      .div(step);
    const last = cut(x, dim, -1)
      .sub(cut(x, dim, -2, -1))
      .div(step);
    return concat([first, inner, last], dim);
  }
  const first = cut(x, dim, 0, 1)
    .mul(-1.5)
    .add(cut(x, dim, 1, 2).mul(2))
    .add(cut(x, dim, 2, 3).mul(-0.5));
  const last = cut(x, dim, -3, -2)
    .mul(0.5)
    .add(cut(x, dim, -2, -1).mul(-2))
    .add(cut(x, dim, -1).mul(1.5));
  return concat([first.div(step), inner, last.div(step)], dim);
}

/** The same for points at any distance: the derivative of the parabola through three of them. */
function unevenGradient(x: Tensor, dim: number, points: Tensor, edgeOrder: number): Tensor {
  const shape = x._shape.map((_, i) => (i === dim ? -1 : 1));
  const steps = difference(points, 1, 0);
  const [h, k] = [cut(steps, 0, 0, -1), cut(steps, 0, 1)];
  const sum = h.add(k);
  const weighted = (parts: readonly (readonly [Tensor, Tensor])[]): Tensor =>
    parts.map(([w, part]) => w.reshape(shape).mul(part)).reduce((a, b) => a.add(b));
  const inner = weighted([
    [k.neg().div(h.mul(sum)), cut(x, dim, 0, -2)],
    [k.sub(h).div(h.mul(k)), cut(x, dim, 1, -1)],
    [h.div(k.mul(sum)), cut(x, dim, 2)],
  ]);
  if (edgeOrder === 1) {
    const first = cut(x, dim, 1, 2)
      .sub(cut(x, dim, 0, 1))
      .div(steps.select(0, 0));
    const last = cut(x, dim, -1)
      .sub(cut(x, dim, -2, -1))
      .div(steps.select(0, -1));
    return concat([first, inner, last], dim);
  }
  const [h0, k0] = [cut(h, 0, 0, 1), cut(k, 0, 0, 1)];
  const first = weighted([
    [
      h0
        .mul(2)
        .add(k0)
        .neg()
        .div(h0.mul(h0.add(k0))),
      cut(x, dim, 0, 1),
    ],
    [h0.add(k0).div(h0.mul(k0)), cut(x, dim, 1, 2)],
    [h0.neg().div(k0.mul(h0.add(k0))), cut(x, dim, 2, 3)],
  ]);
  const [h1, k1] = [cut(h, 0, -1), cut(k, 0, -1)];
  const last = weighted([
    [k1.div(h1.mul(h1.add(k1))), cut(x, dim, -3, -2)],
    [h1.add(k1).neg().div(h1.mul(k1)), cut(x, dim, -2, -1)],
    [
      k1
        .mul(2)
        .add(h1)
        .div(k1.mul(h1.add(k1))),
      cut(x, dim, -1),
    ],
  ]);
  return concat([first, inner, last], dim);
}

export const gradient = op(
  {
    signature:
      "gradient(Tensor input, *, Scalar? spacing=None, int[]? dim=None, int edge_order=1) -> Tensor[]",
    on: ["torch"],
    doc: `The derivative of samples along each axis of \`dim\`, to second order inside and to \`edgeOrder\` at the ends. \`spacing\`: one step, one for each axis, or the coordinates of the points on each.\n\n${page("gradient")}`,
    call: (input, spacing, dim, edgeOrder) =>
      gradientChecks(input, null, dim, edgeOrder).map((d) => evenGradient(input, d, spacing ?? 1, edgeOrder)),
  },
  {
    signature: "gradient(Tensor input, *, Scalar[] spacing, int[]? dim=None, int edge_order=1) -> Tensor[]",
    call: (input, spacing, dim, edgeOrder) =>
      gradientChecks(input, spacing.length, dim, edgeOrder).map((d, i) =>
        evenGradient(input, d, spacing[i]!, edgeOrder),
      ),
  },
  {
    signature: "gradient(Tensor input, *, Tensor[] spacing, int[]? dim=None, int edge_order=1) -> Tensor[]",
    call: (input, spacing, dim, edgeOrder) =>
      gradientChecks(input, spacing.length, dim, edgeOrder).map((d, i) => {
        const points = spacing[i]!;
        if (points.ndim !== 1 || points._shape[0] !== input._shape[d]) {
          throw new RuntimeError(
            `torch.gradient expected one coordinate for each of the ${String(input._shape[d])} points of dim ${String(d)}, but got ${text(points)}`,
          );
        }
        return unevenGradient(input, d, points, edgeOrder);
      }),
  },
);

function requireAxis(name: string, y: Tensor, dim: number): number {
  if (y.ndim === 0) {
    throw new IndexError(`${name}: dimension specified as ${String(dim)} but tensor has no dimensions`);
  }
  return wrapDim(dim, y.ndim);
}

function refuseBool(name: string, ...tensors: readonly Tensor[]): void {
  if (tensors.some((t) => t.dtype === bool)) {
    throw new RuntimeError(`${name}: received a bool input for \`x\` or \`y\`, but bool is not supported`);
  }
}

/** Widths of the intervals between sample points, shaped to broadcast with `y`. */
function widths(name: string, y: Tensor, x: Tensor, dim: number): Tensor {
  let points = x;
  if (x.ndim === 1) {
    if (x._shape[0] !== y._shape[dim]) {
      throw new RuntimeError(
        `${name}: There must be one \`x\` value for each sample point: ${text(x)} for dim ${String(dim)} of ${text(y)}`,
      );
    }
    points = x.reshape(y._shape.map((_, i) => (i === dim ? x._shape[0]! : 1)));
  } else if (x.ndim < y.ndim) {
    points = x.reshape([...y._shape.slice(x.ndim).map(() => 1), ...x._shape]);
  }
  return cut(points, dim, 1).sub(cut(points, dim, 0, -1));
}

const pairs = (y: Tensor, dim: number): Tensor => cut(y, dim, 0, -1).add(cut(y, dim, 1));

const without = (y: Tensor, dim: number): number[] => y._shape.filter((_, i) => i !== dim);

function integral(y: Tensor, x: Tensor, dim: number): Tensor {
  const d = requireAxis("trapezoid", y, dim);
  if (y._shape[d] === 0) return filled(without(y, d), 0, y.dtype);
  refuseBool("trapezoid", x, y);
  return pairs(y, d)
    .mul(widths("trapezoid", y, x, d))
    .sum(d)
    .div(2);
}

/** At even steps: dx (Σ y - (first + last) / 2). */
function evenIntegral(y: Tensor, dx: Scalar, dim: number): Tensor {
  const d = requireAxis("trapezoid", y, dim);
  if (y._shape[d] === 0) return filled(without(y, d), 0, y.dtype);
  refuseBool("trapezoid", y);
  const ends = y.select(d, 0).add(y.select(d, -1)).mul(0.5);
  return y.sum(d).sub(ends).mul(stepOf("trapezoid", dx));
}

function stepOf(name: string, dx: Scalar): number {
  if (typeof dx === "boolean") {
    throw new RuntimeError(`${name}: Currently, we only support dx as a real number.`);
  }
  return Number(dx);
}

const integralDoc = (rest: string, name: string): string =>
  `The integral of samples \`y\` along \`dim\` by the trapezoidal rule, at the points \`x\` or at steps of \`dx\`${rest}.\n\n${page(name)}`;

export const trapezoid = op(
  {
    signature: "trapezoid(Tensor y, Tensor x, *, int dim=-1) -> Tensor",
    on: ["torch"],
    aliases: ["trapz"],
    doc: integralDoc("", "trapezoid"),
    call: integral,
  },
  {
    signature: "trapezoid(Tensor y, *, Scalar dx=1, int dim=-1) -> Tensor",
    call: evenIntegral,
  },
);

export const cumulativeTrapezoid = op(
  {
    signature: "cumulative_trapezoid(Tensor y, Tensor x, *, int dim=-1) -> Tensor",
    on: ["torch"],
    doc: integralDoc(", up to every point but the first", "cumulative_trapezoid"),
    call: (y, x, dim) => {
      const d = requireAxis("cumulative_trapezoid", y, dim);
      refuseBool("cumulative_trapezoid", x, y);
      return pairs(y, d)
        .mul(widths("cumulative_trapezoid", y, x, d))
        .cumsum(d)
        .div(2);
    },
  },
  {
    signature: "cumulative_trapezoid(Tensor y, *, Scalar dx=1, int dim=-1) -> Tensor",
    call: (y, dx, dim) => {
      const d = requireAxis("cumulative_trapezoid", y, dim);
      refuseBool("cumulative_trapezoid", y);
      return asFloat(pairs(y, d))
        .mul(stepOf("cumulative_trapezoid", dx) / 2)
        .cumsum(d);
    },
  },
);
