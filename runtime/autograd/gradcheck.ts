/** Derivatives against finite differences. */
import { RuntimeError, ValueError } from "../errors.js";
import { asLibrary, asUser } from "../ops/depth.js";
import { encode, fromData } from "../ops/leaf.js";
import { randn } from "../ops/random.js";
import { float64 } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { grad } from "./backward.js";
import { constantLike } from "./like.js";
import { withGradMode } from "./mode.js";
import type { TensorFunction } from "./functional.js";

/** Thrown when derivatives are not what finite differences say. */
export class GradcheckError extends RuntimeError {
  override name = "GradcheckError";
}

export interface GradcheckOptions {
  /** Step of the finite differences. */
  readonly eps?: number | undefined;
  readonly atol?: number | undefined;
  readonly rtol?: number | undefined;
  /** With `false`, gives `false` instead of throwing. */
  readonly raiseException?: boolean | undefined;
  /** How much backward may differ from one run to the next. */
  readonly nondetTol?: number | undefined;
  /** Whether backward must do without a gradient of every output. */
  readonly checkUndefinedGrad?: boolean | undefined;
}

export interface GradgradcheckOptions extends GradcheckOptions {
  /** Draws `gradOutputs` that are views. */
  readonly genNonContigGradOutputs?: boolean | undefined;
}

/** Inputs as leaves of the check, numbers known. */
interface Checked {
  readonly inputs: readonly Tensor[];
  readonly numbers: readonly Float64Array[];
}

const differentiable = (t: Tensor): boolean => t.requiresGrad && t.dtype.isFloatingPoint;

function prepare(inputs: Tensor | readonly Tensor[]): Checked {
  const list = inputs instanceof Tensor ? [inputs] : [...inputs];
  if (!list.some((t) => t instanceof Tensor && differentiable(t))) {
    throw new ValueError(
      "gradcheck expects at least one input tensor to require gradient, but none of them have requiresGrad=true.",
    );
  }
  list.forEach((t, i) => {
    if (!(t instanceof Tensor) || !differentiable(t) || t.dtype === float64) return;
    process.emitWarning(
      `gradcheck: input #${String(i)} requires gradient and is not a double precision floating point: ` +
        "finite differences will be too coarse.",
    );
  });
  return {
    inputs: list,
    numbers: list.map((t) =>
      t instanceof Tensor && differentiable(t)
        ? Float64Array.from(t.detach().numpy() as Float64Array)
        : empty,
    ),
  };
}

const empty = new Float64Array(0);

function outputsOf(fn: TensorFunction, inputs: readonly Tensor[]): Tensor[] {
  const result = asUser(() => fn(...inputs));
  return (result instanceof Tensor ? [result] : [...result]).filter((o) => o instanceof Tensor);
}

const numbersOf = (t: Tensor): Float64Array => Float64Array.from(t.detach().numpy() as Float64Array);

/** One row per element of the input, one column per element of the output: [f(x + ε) - f(x - ε)] / 2ε. */
function numerical(
  fn: TensorFunction,
  { inputs, numbers }: Checked,
  k: number,
  eps: number,
): Float64Array[][] {
  const x = inputs[k]!;
  const at = (shift: number, i: number): Float64Array[] => {
    const data = numbers[k]!.slice();
    data[i]! += shift;
    const moved = fromData(encode(data, x.dtype), x._shape, x.dtype, x.device);
    return withGradMode(false, () =>
      outputsOf(
        fn,
        inputs.map((y, j) => (j === k ? moved : y instanceof Tensor ? y.detach() : y)),
      ).map(numbersOf),
    );
  };
  return Array.from({ length: x.numel() }, (_, i) => {
    const up = at(eps, i);
    const down = at(-eps, i);
    return up.map((u, o) => u.map((v, j) => (v - down[o]![j]!) / (2 * eps)));
  });
}

/** The same from backward: one run per element of the output. */
function analytical(output: Tensor, inputs: readonly Tensor[]): (Tensor | null)[][] {
  const flat = output.reshape(-1);
  return Array.from({ length: output.numel() }, (_, j) =>
    output.requiresGrad
      ? grad([flat.select(0, j)], inputs, { retainGraph: true, allowUnused: true })
      : inputs.map(() => null),
  );
}

function show(jacobian: readonly (readonly number[])[]): string {
  const rows = jacobian.slice(0, 12).map(
    (r) =>
      `[${r
        .slice(0, 12)
        .map((v) => v.toPrecision(6))
        .join(", ")}]`,
  );
  return `[${rows.join(",\n ")}${jacobian.length > 12 ? ", …" : ""}]`;
}

/**
 * Compares gradients computed by backward with finite differences; use float64 inputs.
 * @throws GradcheckError when they differ, unless `raiseException` is false.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
 */
export function gradcheck(
  fn: TensorFunction,
  inputs: Tensor | readonly Tensor[],
  options: GradcheckOptions = {},
): boolean {
  try {
    asLibrary(() => {
      withGradMode(true, () => {
        check(fn, prepare(inputs), options);
      });
    });
    return true;
  } catch (error) {
    if (error instanceof GradcheckError && options.raiseException === false) return false;
    throw error;
  }
}

function check(fn: TensorFunction, checked: Checked, options: GradcheckOptions): void {
  const { eps = 1e-6, atol = 1e-5, rtol = 1e-3, nondetTol = 0, checkUndefinedGrad = true } = options;
  const leaves = checked.inputs.map((t) =>
    t instanceof Tensor && differentiable(t) ? t.detach().requiresGrad_() : t,
  );
  const wanted = leaves.map((_, k) => k).filter((k) => checked.numbers[k] !== empty);
  const variables = wanted.map((k) => leaves[k]!);
  const outputs = outputsOf(fn, leaves);
  const backward = outputs.map((o) => analytical(o, variables));
  wanted.forEach((k, w) => {
    const rows = numerical(fn, checked, k, eps);
    outputs.forEach((o, i) => {
      if (!o.dtype.isFloatingPoint) return;
      const columns = backward[i]!.map((grads) => (grads[w] ? numbersOf(grads[w]) : null));
      const numeric = rows.map((r) => Array.from(r[i]!));
      const analytic = numeric.map((r, a) => r.map((_, b) => columns[b]?.[a] ?? 0));
      const close = numeric.every((r, a) =>
        r.every((n, b) => Math.abs(n - analytic[a]![b]!) <= atol + rtol * Math.abs(n)),
      );
      if (close) return;
      throw new GradcheckError(
        `Jacobian mismatch for output ${String(i)} with respect to input ${String(k)},\n` +
          `numerical:${show(numeric)}\nanalytical:${show(analytic)}\n`,
      );
    });
  });
  checkRepeats(outputs, variables, backward, nondetTol);
  checkScaling(outputs, variables);
  if (checkUndefinedGrad) checkUndefined(outputs, variables);
}

/** Backward gives the same numbers when it runs again. */
function checkRepeats(
  outputs: readonly Tensor[],
  variables: readonly Tensor[],
  first: readonly (readonly (readonly (Tensor | null)[])[])[],
  tolerance: number,
): void {
  outputs.forEach((o, i) => {
    if (!o.requiresGrad || o.numel() === 0) return;
    const again = grad([o.reshape(-1).select(0, 0)], variables, { retainGraph: true, allowUnused: true });
    again.forEach((g, w) => {
      const before = first[i]![0]![w];
      if (!g || !before) return;
      const [a, b] = [numbersOf(before), numbersOf(g)];
      if (a.every((v, j) => Object.is(v, b[j]) || Math.abs(v - b[j]!) <= tolerance)) return;
      throw new GradcheckError(
        `Backward is not reentrant, i.e., running backward with same input and grad_output multiple times gives different ` +
          `values, for output ${String(i)} and input ${String(w)}, although analytical gradient matches numerical gradient. ` +
          `The tolerance for nondeterminism was ${String(tolerance)}.`,
      );
    });
  });
}

/** A gradient of zeros gives zeros. */
function checkScaling(outputs: readonly Tensor[], variables: readonly Tensor[]): void {
  const used = outputs.filter((o) => o.requiresGrad);
  if (used.length === 0) return;
  const zeros = used.map((o) => constantLike(o, 0));
  for (const g of grad(used, variables, { gradOutputs: zeros, retainGraph: true, allowUnused: true })) {
    if (g && !numbersOf(g).every((v) => v === 0)) {
      throw new GradcheckError("backward not multiplied by grad_output");
    }
  }
}

/** No output's gradient is needed to go on. */
function checkUndefined(outputs: readonly Tensor[], variables: readonly Tensor[]): void {
  const used = outputs.filter((o) => o.requiresGrad && o.dtype.isFloatingPoint);
  if (used.length < 2) return;
  for (const o of used) {
    const given = constantLike(o, 1);
    try {
      grad([o], variables, { gradOutputs: [given], retainGraph: true, allowUnused: true });
    } catch (error) {
      throw new GradcheckError(
        `Expected backward function to handle undefined output grads: ${(error as Error).message}`,
      );
    }
  }
}

/**
 * Compares second derivatives with finite differences of the first.
 * @param gradOutputs weights of the outputs; drawn when not given.
 * @throws GradcheckError when they differ, unless `raiseException` is false.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradgradcheck.html
 */
export function gradgradcheck(
  fn: TensorFunction,
  inputs: Tensor | readonly Tensor[],
  gradOutputs?: Tensor | readonly Tensor[] | null | GradgradcheckOptions,
  options: GradgradcheckOptions = {},
): boolean {
  const isGiven = gradOutputs instanceof Tensor || Array.isArray(gradOutputs) || !gradOutputs;
  if (!isGiven) return gradgradcheck(fn, inputs, null, gradOutputs as GradgradcheckOptions);
  const list = inputs instanceof Tensor ? [inputs] : [...inputs];
  const weights = gradOutputs
    ? gradOutputs instanceof Tensor
      ? [gradOutputs]
      : [...(gradOutputs as readonly Tensor[])]
    : drawnFor(fn, list);
  const first: TensorFunction = (...args) => {
    const xs = args
      .slice(0, list.length)
      .map((x, i) => (differentiable(list[i]!) && !x.requiresGrad ? x.requiresGrad_() : x));
    const gs = args.slice(list.length);
    return withGradMode(true, () => {
      const outputs = outputsOf(fn, xs).filter((o) => o.requiresGrad);
      const wanted = xs.filter((x) => x instanceof Tensor && differentiable(x));
      const grads = grad(outputs, wanted, { gradOutputs: gs, createGraph: true, allowUnused: true });
      return grads.map((g, i) => g ?? constantLike(wanted[i]!, 0));
    });
  };
  return gradcheck(first, [...list, ...weights.map((w) => w.detach().requiresGrad_())], options);
}

function drawnFor(fn: TensorFunction, inputs: readonly Tensor[]): Tensor[] {
  return withGradMode(true, () =>
    outputsOf(fn, inputs)
      .filter((o) => o.requiresGrad)
      .map((o) => randn(o.shape, { dtype: o.dtype })),
  );
}
