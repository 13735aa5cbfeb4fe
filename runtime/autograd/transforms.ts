/**
 * Functions made of functions, by their derivatives: `torch.func`.
 * @see https://pytorch.org/docs/stable/func.html
 */
import { RuntimeError, ValueError } from "../errors.js";
import { isPlainObject } from "../ops/bind.js";
import { asLibrary, asUser } from "../ops/depth.js";
import { Tensor } from "../tensor/tensor.js";
import { AccumulateGrad } from "./accumulate.js";
import { grad as gradients } from "./backward.js";
import { forwardColumns, pushForward, reverseRows } from "./functional.js";
import { constantLike } from "./like.js";
import { withGradMode } from "./mode.js";
import type { GradNode } from "./node.js";
import { mapTree, tensorsOf } from "./tree.js";

type AnyFunction<A extends unknown[] = never[], R = unknown> = (...args: A) => R;
export type Argnums = number | readonly number[];

export interface ArgnumsOptions {
  /** Which arguments to differentiate by: one, or several. Default: the first. */
  readonly argnums?: Argnums | undefined;
  /** The function gives `[output, aux]`; what is `aux` is handed on and not differentiated. */
  readonly hasAux?: boolean | undefined;
}

function readOptions(
  first: Argnums | ArgnumsOptions | undefined,
  second: ArgnumsOptions | undefined,
): { argnums: Argnums; hasAux: boolean } {
  const options = isPlainObject(first) ? (first as ArgnumsOptions) : { argnums: first as Argnums, ...second };
  return { argnums: options.argnums ?? 0, hasAux: options.hasAux ?? false };
}

/** A level of differentiation: its variables, and how to leave it. */
class Level {
  readonly #own = new Set<Tensor>();

  /** Arguments as variables of this level. They stay connected to what they come from. */
  enter(tree: unknown): unknown {
    return mapTree(tree, (t) => {
      if (t.requiresGrad) return t.view(t.shape);
      const leaf = t.detach().requiresGrad_();
      this.#own.add(leaf);
      return leaf;
    });
  }

  /** Results without a history that leads to nothing but this level's variables. */
  leave<T>(tree: T): T {
    return mapTree(tree, (t) => (t.requiresGrad && !this.#reachesOut(t) ? t.detach() : t)) as T;
  }

  #reachesOut(t: Tensor): boolean {
    const edge = t._edge;
    if (!edge) return false;
    const seen = new Set<GradNode>([edge.node]);
    const todo = [edge.node];
    while (todo.length) {
      const node = todo.pop()!;
      if (node instanceof AccumulateGrad && !this.#own.has(node.variable)) return true;
      for (const e of node.next) {
        if (!e || seen.has(e.node)) continue;
        seen.add(e.node);
        todo.push(e.node);
      }
    }
    return false;
  }
}

/** Runs library code that records what it does, so that levels nest. */
function recording<T>(body: () => T): T {
  return asLibrary(() => withGradMode(true, body));
}

function picked(argnums: Argnums, args: readonly unknown[]): number[] {
  const list = typeof argnums === "number" ? [argnums] : [...argnums];
  if (list.length === 0) throw new RuntimeError("argnums must be non-empty");
  return list.map((a) => {
    const i = a < 0 ? a + args.length : a;
    if (Number.isInteger(i) && i >= 0 && i < args.length) return i;
    throw new RuntimeError(`Got argnum=${String(a)}, but only ${String(args.length)} positional inputs`);
  });
}

interface Call {
  readonly level: Level;
  /** The variables, one tree per argnum. */
  readonly variables: readonly unknown[];
  readonly output: unknown;
  readonly aux: unknown;
}

function call(fn: AnyFunction<unknown[]>, args: readonly unknown[], argnums: Argnums, hasAux: boolean): Call {
  const level = new Level();
  const at = picked(argnums, args);
  const inner = [...args];
  for (const i of at) inner[i] = level.enter(args[i]);
  const result = asUser(() => fn(...inner));
  if (!hasAux) return { level, variables: at.map((i) => inner[i]), output: result, aux: undefined };
  if (!Array.isArray(result) || result.length !== 2) {
    throw new RuntimeError("hasAux: true wants a function that gives [output, aux]");
  }
  return {
    level,
    variables: at.map((i) => inner[i]),
    output: result[0] as unknown,
    aux: result[1] as unknown,
  };
}

const zerosLike = (t: Tensor): Tensor => constantLike(t, 0)._fresh();

/** Gradients of outputs with respect to every tensor of the trees, in their structure; zeros where unused. */
function gradientTree(
  outputs: readonly Tensor[],
  trees: readonly unknown[],
  given: readonly (Tensor | null)[] | null,
): unknown[] {
  const variables = trees.flatMap(tensorsOf);
  const used = outputs.map((_, i) => i).filter((i) => outputs[i]!.requiresGrad);
  const wanted = variables.filter((v) => v.requiresGrad);
  const found =
    used.length && wanted.length
      ? gradients(
          used.map((i) => outputs[i]!),
          wanted,
          {
            gradOutputs: used.map((i) => (given ? given[i]! : null)),
            createGraph: true,
            retainGraph: true,
            allowUnused: true,
          },
        )
      : wanted.map(() => null);
  const byVariable = new Map(wanted.map((v, i) => [v, found[i] ?? null]));
  return trees.map((tree) => mapTree(tree, (v) => byVariable.get(v) ?? zerosLike(v)));
}

const single = <T>(argnums: Argnums, list: readonly T[]): T | readonly T[] =>
  typeof argnums === "number" ? list[0]! : list;

function checkScalar(name: string, output: unknown): Tensor {
  if (!(output instanceof Tensor)) {
    throw new RuntimeError(
      `${name}(f)(...): Expected f(...) to return a tensor, got ${output === null ? "null" : typeof output}`,
    );
  }
  if (output.ndim !== 0) {
    throw new RuntimeError(
      `${name}(f)(...): Expected f(...) to return a scalar tensor, got tensor with ${String(output.ndim)} dims, shape [${output._shape.join(", ")}]. ` +
        "Did you mean to use jacrev or vjp?",
    );
  }
  return output;
}

/**
 * A function that computes the gradient of `fn`, which gives a 0-d tensor: `torch.func.grad(f)(x)`. Arguments may be
 * arrays, maps or objects of tensors; gradients have their structure. With `hasAux` it gives `[gradient, aux]`.
 * @see https://pytorch.org/docs/stable/generated/torch.func.grad.html
 */
export function grad<A extends unknown[], P>(
  fn: (first: P, ...rest: A) => Tensor,
): (first: P, ...rest: A) => P;
export function grad<A extends unknown[]>(
  fn: (...args: A) => unknown,
  argnums?: Argnums | ArgnumsOptions,
  options?: ArgnumsOptions,
): (...args: A) => unknown;
export function grad(
  fn: AnyFunction<unknown[]>,
  first?: Argnums | ArgnumsOptions,
  second?: ArgnumsOptions,
): AnyFunction<unknown[]> {
  const { argnums, hasAux } = readOptions(first, second);
  return (...args) =>
    recording(() => {
      const { level, variables, output, aux } = call(fn, args, argnums, hasAux);
      const result = gradientTree([checkScalar("grad", output)], variables, null);
      return level.leave(hasAux ? [single(argnums, result), aux] : single(argnums, result));
    });
}

/**
 * A function that computes `[gradient, value]` of `fn`; with `hasAux` `[gradient, [value, aux]]`.
 * @see https://pytorch.org/docs/stable/generated/torch.func.grad_and_value.html
 */
export function gradAndValue<A extends unknown[], P>(
  fn: (first: P, ...rest: A) => Tensor,
): (first: P, ...rest: A) => [gradient: P, value: Tensor];
export function gradAndValue<A extends unknown[]>(
  fn: (...args: A) => unknown,
  argnums?: Argnums | ArgnumsOptions,
  options?: ArgnumsOptions,
): (...args: A) => [gradient: unknown, value: unknown];
export function gradAndValue(
  fn: AnyFunction<unknown[]>,
  first?: Argnums | ArgnumsOptions,
  second?: ArgnumsOptions,
): AnyFunction<unknown[]> {
  const { argnums, hasAux } = readOptions(first, second);
  return (...args) =>
    recording(() => {
      const { level, variables, output, aux } = call(fn, args, argnums, hasAux);
      const result = gradientTree([checkScalar("gradAndValue", output)], variables, null);
      return level.leave([single(argnums, result), hasAux ? [output, aux] : output]);
    });
}

export interface AuxOption {
  readonly hasAux?: boolean | undefined;
}

const isAux = (value: unknown): value is AuxOption =>
  isPlainObject(value) && Object.keys(value).every((k) => k === "hasAux");

/**
 * The output of `fn(...primals)` and a function that pulls back: from a cotangent of the output to an array with one
 * entry per primal. A trailing `{ hasAux: true }` adds what the function gives besides.
 * @see https://pytorch.org/docs/stable/generated/torch.func.vjp.html
 */
export function vjp<A extends unknown[], R>(
  fn: (...args: A) => R,
  ...primals: A
): [output: R, vjpFn: (cotangents: R) => unknown[]];
export function vjp<A extends unknown[]>(
  fn: (...args: A) => unknown,
  ...primalsAndOptions: [...A, AuxOption]
): [output: unknown, vjpFn: (cotangents: unknown) => unknown[], aux: unknown];
export function vjp(fn: AnyFunction<unknown[]>, ...args: unknown[]): unknown[] {
  const last = args.at(-1);
  const hasAux = isAux(last) && "hasAux" in last && Boolean(last.hasAux);
  const primals = isAux(last) && "hasAux" in last ? args.slice(0, -1) : args;
  return recording(() => {
    const at = primals.map((_, i) => i);
    const { level, variables, output, aux } = call(fn, primals, at, hasAux);
    const outputs = tensorsOf(output);
    const pullBack = (cotangents: unknown): unknown[] =>
      recording(() => {
        const given = tensorsOf(cotangents);
        if (given.length !== outputs.length) {
          throw new RuntimeError(
            `Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function: ${String(outputs.length)} tensors, got ${String(given.length)}`,
          );
        }
        return level.leave(gradientTree(outputs, variables, given));
      });
    const left = level.leave(output);
    return hasAux ? [left, pullBack, level.leave(aux)] : [left, pullBack];
  });
}

/**
 * The output of `fn(...primals)` and its derivative along the tangents.
 * @see https://pytorch.org/docs/stable/generated/torch.func.jvp.html
 */
export function jvp<A extends unknown[], R>(
  fn: (...args: A) => R,
  primals: readonly [...A],
  tangents: readonly [...A],
  options?: { readonly strict?: boolean; readonly hasAux?: false },
): [output: R, jvp: R];
export function jvp<A extends unknown[]>(
  fn: (...args: A) => unknown,
  primals: readonly [...A],
  tangents: readonly [...A],
  options: { readonly strict?: boolean; readonly hasAux: true },
): [output: unknown, jvp: unknown, aux: unknown];
export function jvp(
  fn: AnyFunction<never[]>,
  primals: readonly unknown[],
  tangents: readonly unknown[],
  options: { readonly strict?: boolean; readonly hasAux?: boolean } = {},
): unknown[] {
  return recording(() => {
    const at = primals.map((_, i) => i);
    const { level, variables, output, aux } = call(
      fn as AnyFunction<unknown[]>,
      primals,
      at,
      options.hasAux ?? false,
    );
    const along = tangents.flatMap(tensorsOf);
    const inputs = variables.flatMap(tensorsOf);
    if (along.length !== inputs.length) {
      throw new RuntimeError(
        `jvp(): Expected primals and tangents to have the same structure: ${String(inputs.length)} and ${String(along.length)} tensors`,
      );
    }
    const outputs = tensorsOf(output);
    const pushed = pushForward(outputs, inputs)(along, true, options.strict);
    let next = 0;
    const derivative = mapTree(output, () => pushed[next++]!);
    return level.leave(options.hasAux ? [output, derivative, aux] : [output, derivative]);
  });
}

type Rows = (outputs: readonly Tensor[], inputs: readonly Tensor[]) => readonly (readonly Tensor[])[];

/** Jacobians in the structure of the output, and inside it of the arguments. */
function jacobians(
  fn: AnyFunction<unknown[]>,
  { argnums, hasAux }: { readonly argnums: Argnums; readonly hasAux: boolean },
  rows: Rows,
): AnyFunction<unknown[]> {
  return (...args) =>
    recording(() => {
      const { level, variables, output, aux } = call(fn, args, argnums, hasAux);
      const inputs = variables.flatMap(tensorsOf);
      const all = rows(tensorsOf(output), inputs);
      let row = 0;
      const result = mapTree(output, () => {
        const entries = all[row++]!;
        let column = 0;
        const perArgument = variables.map((v) => mapTree(v, () => entries[column++]!));
        return single(argnums, perArgument);
      });
      return level.leave(hasAux ? [result, aux] : result);
    });
}

export type Jacobian<A extends unknown[]> = (...args: A) => unknown;

/** Makes a function that computes a Jacobian. */
export interface JacobianFactory {
  (fn: (x: Tensor) => Tensor): (x: Tensor) => Tensor;
  <A extends unknown[]>(
    fn: (...args: A) => unknown,
    argnums?: Argnums | ArgnumsOptions,
    options?: ArgnumsOptions,
  ): Jacobian<A>;
}

/**
 * A function that computes the Jacobian of `fn`, one backward per element of the output.
 * @see https://pytorch.org/docs/stable/generated/torch.func.jacrev.html
 */
export const jacrev = ((
  fn: AnyFunction<unknown[]>,
  first?: Argnums | ArgnumsOptions,
  second?: ArgnumsOptions,
) =>
  jacobians(fn, readOptions(first, second), (outputs, inputs) =>
    outputs.map((o) => reverseRows(o, inputs, { createGraph: true, strict: false, what: "Output" })),
  )) as JacobianFactory;

/**
 * A function that computes the Jacobian of `fn`, one derivative per element of the arguments.
 * @see https://pytorch.org/docs/stable/generated/torch.func.jacfwd.html
 */
export const jacfwd = ((
  fn: AnyFunction<unknown[]>,
  first?: Argnums | ArgnumsOptions,
  second?: ArgnumsOptions,
) =>
  jacobians(fn, readOptions(first, second), (outputs, inputs) =>
    forwardColumns(outputs, inputs, true),
  )) as JacobianFactory;

/**
 * A function that computes the matrix of second derivatives of `fn`.
 * @see https://pytorch.org/docs/stable/generated/torch.func.hessian.html
 */
export const hessian = ((fn: AnyFunction<unknown[]>, argnums: Argnums = 0) => {
  if (typeof argnums !== "number" && argnums.length === 0) throw new ValueError("argnums must be non-empty");
  return jacfwd(jacrev(fn, argnums) as AnyFunction<unknown[]>, argnums);
}) as JacobianFactory;
