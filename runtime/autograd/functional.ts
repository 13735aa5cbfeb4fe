/**
 * Derivatives of functions of tensors: `torch.autograd.functional`.
 * @see https://pytorch.org/docs/stable/autograd.html#functional-higher-level-api
 */
import { NotImplementedError, RuntimeError, ValueError } from "../errors.js";
import { stack } from "../ops/join.js";
import { asLibrary, asUser } from "../ops/depth.js";
import { Tensor } from "../tensor/tensor.js";
import { sameShape } from "../ops/apply.js";
import { grad } from "./backward.js";
import { constantLike } from "./like.js";
import { withGradMode } from "./mode.js";

/** A function of tensors that gives a tensor or an array of tensors. */
export type TensorFunction = (...inputs: Tensor[]) => Tensor | readonly Tensor[];
type Tensors = Tensor | readonly Tensor[];

export interface FunctionalOptions {
  /** Records the computation, for derivatives of the result. */
  readonly createGraph?: boolean | undefined;
  /** Throws when an output does not depend on an input, instead of giving zeros. */
  readonly strict?: boolean | undefined;
}

export interface JacobianOptions extends FunctionalOptions {
  /** Results are the same with and without it. */
  readonly vectorize?: boolean | undefined;
  /** `"forward-mode"` goes along the inputs' elements, `"reverse-mode"` along the outputs'. */
  readonly strategy?: "reverse-mode" | "forward-mode" | undefined;
}

const zerosLike = (t: Tensor): Tensor => constantLike(t, 0)._fresh();

/** Input tensors as the differentiated function gets them. */
function prepare(name: string, inputs: Tensors, createGraph: boolean): Tensor[] {
  const list = inputs instanceof Tensor ? [inputs] : [...inputs];
  return list.map((t, i) => {
    if (!(t instanceof Tensor)) {
      throw new TypeError(
        `The inputs given to ${name} must be a Tensor or an array of Tensors, but element ${String(i)} is ${typeof t}`,
      );
    }
    return createGraph && t.requiresGrad ? t.view(t.shape) : t.detach().requiresGrad_();
  });
}

function evaluate(name: string, fn: TensorFunction, inputs: readonly Tensor[]) {
  const result: unknown = asUser(() => fn(...inputs));
  const isArray = Array.isArray(result);
  const outputs = (isArray ? result : [result]) as readonly unknown[];
  for (const o of outputs) {
    if (o instanceof Tensor) continue;
    throw new TypeError(
      `The outputs of the user-provided function given to ${name} must be a Tensor or an array of Tensors, not ${typeof o}`,
    );
  }
  return { outputs: outputs as readonly Tensor[], isArray };
}

function checkRequiresGrad(what: string, tensors: readonly (Tensor | null)[], strict: boolean): void {
  if (!strict) return;
  tensors.forEach((t, i) => {
    if (t?.requiresGrad) return;
    throw new RuntimeError(
      `${what} ${String(i)} of the user-provided function does not require gradients: it must be computed in a ` +
        "differentiable manner from the inputs when running in strict mode.",
    );
  });
}

function checkV(v: readonly Tensor[], like: readonly Tensor[], what: string): void {
  if (v.length !== like.length) {
    throw new RuntimeError(
      `v is made of ${String(v.length)} tensors but the ${what} ${like.length === 1 ? "is 1" : `are ${String(like.length)}`}`,
    );
  }
  v.forEach((t, i) => {
    if (sameShape(t._shape, like[i]!._shape)) return;
    throw new RuntimeError(
      `v has invalid size at entry ${String(i)}: should be [${like[i]!._shape.join(", ")}] but got [${t._shape.join(", ")}]`,
    );
  });
}

/** `v`, or 1 where there is one number to weigh. */
function weights(v: Tensors | null | undefined, like: readonly Tensor[], what: string): Tensor[] {
  if (v === null || v === undefined) {
    if (like.length !== 1 || like[0]!.numel() !== 1) {
      throw new RuntimeError(
        `The vector v can only be left out if the user-provided function has a single ${what} with a single element.`,
      );
    }
    return [constantLike(like[0]!, 1)];
  }
  const list = v instanceof Tensor ? [v] : [...v];
  checkV(list, like, what);
  return list;
}

/** Gradients with zeros, or an error under `strict`, for what does not depend on an input. */
function gradients(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  given: readonly (Tensor | null)[] | null,
  { createGraph, strict, what }: { createGraph: boolean; strict: boolean; what: string },
): Tensor[] {
  const used = outputs.map((o, i) => ({ o, g: given ? given[i]! : null })).filter(({ o }) => o.requiresGrad);
  const grads: (Tensor | null)[] =
    used.length === 0
      ? inputs.map(() => null)
      : grad(
          used.map(({ o }) => o),
          inputs,
          {
            gradOutputs: used.map(({ g }) => g),
            allowUnused: true,
            createGraph,
            retainGraph: true,
          },
        );
  return grads.map((g, i) => {
    if (g === null && strict) {
      throw new RuntimeError(
        `${what} of the user-provided function is independent of input ${String(i)}. This is not allowed in strict mode.`,
      );
    }
    return g ?? zerosLike(inputs[i]!);
  });
}

/** Results without history, unless it was asked for. */
function finish<T extends Tensor | readonly Tensor[] | readonly (readonly Tensor[])[]>(
  result: T,
  createGraph: boolean,
): T {
  if (createGraph) return result;
  const strip = (r: unknown): unknown => (r instanceof Tensor ? r.detach() : (r as unknown[]).map(strip));
  return strip(result) as T;
}

const like = (original: Tensors, list: readonly Tensor[]): Tensors =>
  original instanceof Tensor ? list[0]! : [...list];

/** Runs library code in grad mode. */
function differentiating<T>(body: () => T): T {
  return asLibrary(() => withGradMode(true, body));
}

/**
 * All partial derivatives: for outputs of shape S and an input of shape I a tensor of shape [...S, ...I]; one row of
 * such tensors per output where the function gives several, one entry per input where it takes several.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.functional.jacobian.html
 */
export function jacobian(fn: (input: Tensor) => Tensor, inputs: Tensor, options?: JacobianOptions): Tensor;
export function jacobian(
  fn: TensorFunction,
  inputs: Tensors,
  options?: JacobianOptions,
): Tensor | Tensor[] | Tensor[][];
export function jacobian(
  fn: TensorFunction,
  inputs: Tensors,
  options: JacobianOptions = {},
): Tensor | Tensor[] | Tensor[][] {
  const { createGraph = false, strict = false, strategy = "reverse-mode" } = options;
  if (strategy !== "reverse-mode" && strategy !== "forward-mode") {
    throw new ValueError(
      `Expected strategy to be either "forward-mode" or "reverse-mode", got: ${String(strategy)}`,
    );
  }
  if (strategy === "forward-mode" && createGraph) {
    throw new NotImplementedError(
      'jacobian: createGraph: true and strategy: "forward-mode" are not supported together; use "reverse-mode"',
    );
  }
  return differentiating(() => {
    const xs = prepare("jacobian", inputs, createGraph);
    const { outputs, isArray } = evaluate("jacobian", fn, xs);
    checkRequiresGrad("Output", outputs, strict);
    const rows =
      strategy === "reverse-mode"
        ? outputs.map((o, i) => reverseRows(o, xs, { createGraph, strict, what: `Output ${String(i)}` }))
        : forwardColumns(outputs, xs, createGraph);
    const perInput = rows.map((row) => like(inputs, row));
    return finish((isArray ? perInput : perInput[0]!) as Tensor[][], createGraph);
  });
}

/** One backward for every element of an output. */
export function reverseRows(
  output: Tensor,
  inputs: readonly Tensor[],
  how: { readonly createGraph: boolean; readonly strict: boolean; readonly what: string },
): Tensor[] {
  const flat = output.reshape(-1);
  const rows = Array.from({ length: flat.numel() }, (_, j) =>
    gradients([flat.select(0, j)], inputs, null, how),
  );
  return inputs.map((x, k) => {
    const shape = [...output._shape, ...x._shape];
    return rows.length
      ? stack(rows.map((r) => r[k]!)).reshape(shape)
      : zerosLike(x).reshape(1, -1).narrow(0, 0, 0).reshape(shape);
  });
}

/** One product with a unit vector for every element of an input. */
export function forwardColumns(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
  createGraph: boolean,
): Tensor[][] {
  const push = pushForward(outputs, inputs);
  const columns = inputs.map((x, k) =>
    Array.from({ length: x.numel() }, (_, j) => {
      const unit = zerosLike(x).reshape(-1);
      unit.select(0, j).fill_(1);
      return push(
        inputs.map((y, i) => (i === k ? unit.reshape(x.shape) : zerosLike(y))),
        createGraph,
      );
    }),
  );
  return outputs.map((o, i) =>
    inputs.map((x, k) => {
      const shape = [...o._shape, ...x._shape];
      const all = columns[k]!.map((c) => c[i]!);
      return all.length
        ? stack(all, -1).reshape(shape)
        : zerosLike(o).reshape(-1, 1).narrow(1, 0, 0).reshape(shape);
    }),
  );
}

/**
 * The product of the Jacobian with a vector, by differentiating twice: the gradient ∂(u·f)/∂x = uᵀJ is linear in u, and
 * its derivative with respect to u, times v, is J v.
 */
export function pushForward(
  outputs: readonly Tensor[],
  inputs: readonly Tensor[],
): (v: readonly Tensor[], createGraph: boolean, strict?: boolean) => Tensor[] {
  const us = outputs.map((o) => zerosLike(o).requiresGrad_());
  const used = outputs.map((o, i) => i).filter((i) => outputs[i]!.requiresGrad);
  const pulled = used.length
    ? grad(
        used.map((i) => outputs[i]!),
        inputs,
        { gradOutputs: used.map((i) => us[i]!), createGraph: true, allowUnused: true },
      )
    : inputs.map(() => null);
  return (v, createGraph, strict = false) => {
    const kept = pulled.map((p, k) => ({ p, v: v[k]! })).filter(({ p }) => p?.requiresGrad);
    const pushed =
      kept.length === 0
        ? us.map(() => null)
        : grad(
            kept.map(({ p }) => p!),
            us,
            {
              gradOutputs: kept.map((k) => k.v),
              createGraph,
              retainGraph: true,
              allowUnused: true,
            },
          );
    return pushed.map((p, i) => {
      if (p === null && strict) {
        throw new RuntimeError(
          `Output ${String(i)} of the user-provided function is independent of the inputs. This is not allowed in strict mode.`,
        );
      }
      return p ?? zerosLike(outputs[i]!);
    });
  };
}

/**
 * All second derivatives of a function that gives one number: for inputs of shapes I and J tensors of shape [...I, ...J].
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.functional.hessian.html
 */
export function hessian(fn: (input: Tensor) => Tensor, inputs: Tensor, options?: JacobianOptions): Tensor;
export function hessian(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: Tensors,
  options?: JacobianOptions,
): Tensor | Tensor[][];
export function hessian(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: Tensors,
  options: JacobianOptions = {},
): Tensor | Tensor[][] {
  const { createGraph = false, strict = false } = options;
  const first: TensorFunction = (...xs) => {
    const { outputs } = evaluate("hessian", fn, xs);
    checkScalar("hessian", outputs);
    checkRequiresGrad("Output", outputs, strict);
    const jac = gradients(outputs, xs, null, { createGraph: true, strict, what: "The Jacobian" });
    checkRequiresGrad("The Jacobian with respect to input", jac, strict);
    return inputs instanceof Tensor ? jac[0]! : jac;
  };
  return jacobian(first, inputs, { ...options, createGraph, strict }) as Tensor | Tensor[][];
}

function checkScalar(name: string, outputs: readonly Tensor[]): void {
  if (outputs.length === 1 && outputs[0]!.numel() === 1) return;
  throw new RuntimeError(
    `The function given to ${name} should return a single Tensor with a single element, but it gave ` +
      outputs.map((o) => `[${o._shape.join(", ")}]`).join(", "),
  );
}

/**
 * The function's outputs, and `v` times the Jacobian: one tensor per input. `v` has the outputs' shapes.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.functional.vjp.html
 */
export function vjp(
  fn: TensorFunction,
  inputs: Tensors,
  v?: Tensors | null | (FunctionalOptions & { readonly v?: Tensors | null }),
  options: FunctionalOptions = {},
): [outputs: Tensors, vjp: Tensors] {
  const { vector, createGraph, strict } = withVector(v, options);
  return differentiating(() => {
    const xs = prepare("vjp", inputs, createGraph);
    const { outputs, isArray } = evaluate("vjp", fn, xs);
    checkRequiresGrad("Output", outputs, strict);
    const given = weights(vector, outputs, "output");
    const result = gradients(outputs, xs, given, { createGraph, strict, what: "The output" });
    return finish([isArray ? outputs : outputs[0]!, like(inputs, result)] as never, createGraph) as [
      Tensors,
      Tensors,
    ];
  });
}

/**
 * The function's outputs, and the Jacobian times `v`: one tensor per output. `v` has the inputs' shapes.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.functional.jvp.html
 */
export function jvp(
  fn: TensorFunction,
  inputs: Tensors,
  v?: Tensors | null | (FunctionalOptions & { readonly v?: Tensors | null }),
  options: FunctionalOptions = {},
): [outputs: Tensors, jvp: Tensors] {
  const { vector, createGraph, strict } = withVector(v, options);
  return differentiating(() => {
    const xs = prepare("jvp", inputs, createGraph);
    const given = weights(vector, xs, "input");
    const { outputs, isArray } = evaluate("jvp", fn, xs);
    checkRequiresGrad("Output", outputs, strict);
    const result = pushForward(outputs, xs)(given, createGraph, strict);
    const pair = isArray ? [outputs, result] : [outputs[0]!, result[0]!];
    return finish(pair as never, createGraph) as [Tensors, Tensors];
  });
}

/**
 * The value of a function that gives one number, and `v` times its matrix of second derivatives. `v` has the inputs'
 * shapes.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.functional.vhp.html
 */
export function vhp(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: Tensors,
  v?: Tensors | null | (FunctionalOptions & { readonly v?: Tensors | null }),
  options: FunctionalOptions = {},
): [output: Tensor, vhp: Tensors] {
  return hessianProduct("vhp", fn, inputs, v, options);
}

/**
 * The value of a function that gives one number, and its matrix of second derivatives times `v`: the same as `vhp`, as
 * the matrix is symmetric.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.functional.hvp.html
 */
export function hvp(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: Tensors,
  v?: Tensors | null | (FunctionalOptions & { readonly v?: Tensors | null }),
  options: FunctionalOptions = {},
): [output: Tensor, hvp: Tensors] {
  return hessianProduct("hvp", fn, inputs, v, options);
}

function hessianProduct(
  name: string,
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: Tensors,
  v: Tensors | null | undefined | (FunctionalOptions & { readonly v?: Tensors | null }),
  options: FunctionalOptions,
): [Tensor, Tensors] {
  const { vector, createGraph, strict } = withVector(v, options);
  return differentiating(() => {
    const xs = prepare(name, inputs, createGraph);
    const given = weights(vector, xs, "input");
    const { outputs } = evaluate(name, fn, xs);
    checkScalar(name, outputs);
    checkRequiresGrad("Output", outputs, strict);
    const jac = gradients(outputs, xs, null, { createGraph: true, strict, what: "The output" });
    checkRequiresGrad("The Jacobian with respect to input", jac, strict);
    const result = gradients(jac, xs, given, { createGraph, strict, what: "The Jacobian" });
    return finish([outputs[0]!, like(inputs, result)] as never, createGraph) as [Tensor, Tensors];
  });
}

function withVector(
  v: Tensors | null | undefined | (FunctionalOptions & { readonly v?: Tensors | null }),
  options: FunctionalOptions,
): { vector: Tensors | null | undefined; createGraph: boolean; strict: boolean } {
  const isVector = v === null || v === undefined || v instanceof Tensor || Array.isArray(v);
  const given = isVector ? options : (v as FunctionalOptions & { v?: Tensors });
  return {
    vector: isVector ? (v as Tensors | null | undefined) : (given as { v?: Tensors }).v,
    createGraph: given.createGraph ?? false,
    strict: given.strict ?? false,
  };
}
