/** Custom differentiable functions: `class Exp extends torch.autograd.Function`. */
import { NotImplementedError, RuntimeError } from "../errors.js";
import type { Meta } from "../graph/value.js";
import { asUser, onDevice } from "../ops/depth.js";
import { writeTo } from "../ops/inplace.js";
import { constant } from "../ops/promote.js";
import { expandTo } from "../ops/view.js";
import type { Device } from "../tensor/device.js";
import { Tensor } from "../tensor/tensor.js";
import { isAnomalyEnabled, noteCreation } from "./anomaly.js";
import { isGradEnabled, withGradMode } from "./mode.js";
import { GradNode, type Edge } from "./node.js";
import { freed, modified } from "./saved.js";

/**
 * What `forward` and `backward` of a custom function share. Own fields may be put on it too.
 * @see https://pytorch.org/docs/stable/autograd.html#context-method-mixins
 */
export interface FunctionContext {
  /** Keeps inputs, outputs or other tensors for `backward`; once, in `forward`. `null` keeps a place. */
  saveForBackward(...tensors: (Tensor | null)[]): void;
  /**
   * What was saved.
   * @throws RuntimeError after a backward that did not retain the graph, or when a saved tensor was changed in place.
   */
  readonly savedTensors: readonly Tensor[];
  /** Says which inputs `forward` changed in place; they must be outputs too. */
  markDirty(...tensors: Tensor[]): void;
  /** Says which outputs have no gradient. */
  markNonDifferentiable(...tensors: Tensor[]): void;
  /** With `false`, `backward` gets `null` and not zeros for outputs that no gradient came to. */
  setMaterializeGrads(value: boolean): void;
  /** For every argument of `forward`, whether a gradient of it is wanted. */
  readonly needsInputGrad: readonly boolean[];
}

/** The context, with own fields of the types given. */
export type FunctionCtx<Own extends object = Record<string, unknown>> = FunctionContext & Own;

interface Saved {
  readonly tensor: Tensor | null;
  readonly version: number;
}

interface FunctionClass {
  readonly name: string;
  readonly forward?: (...args: unknown[]) => unknown;
  readonly setupContext?: (ctx: FunctionContext, inputs: readonly unknown[], output: unknown) => void;
  readonly backward?: (ctx: FunctionContext, ...grads: (Tensor | null)[]) => unknown;
  readonly vjp?: FunctionClass["backward"];
}

class Context implements FunctionContext {
  readonly needsInputGrad: readonly boolean[];
  readonly #node: FunctionNode;

  constructor(node: FunctionNode, needsInputGrad: readonly boolean[]) {
    this.#node = node;
    this.needsInputGrad = needsInputGrad;
  }

  get savedTensors(): readonly Tensor[] {
    return this.#node.savedTensors();
  }

  saveForBackward(...tensors: (Tensor | null)[]): void {
    tensors.forEach((t, i) => {
      if (t === null || t instanceof Tensor) return;
      throw new TypeError(
        `saveForBackward can only save tensors, but argument ${String(i)} is of type ${typeof t}`,
      );
    });
    this.#node.toSave = tensors;
  }

  markDirty(...tensors: Tensor[]): void {
    for (const t of tensors) this.#node.dirty.add(t);
  }

  markNonDifferentiable(...tensors: Tensor[]): void {
    for (const t of tensors) this.#node.nonDifferentiable.add(t);
  }

  setMaterializeGrads(value: boolean): void {
    this.#node.materialize = value;
  }
}

interface Placed extends Meta {
  readonly device: Device;
}

class FunctionNode extends GradNode {
  readonly #class: FunctionClass;
  readonly #inputs: readonly (Meta | null)[];
  #results: readonly (Placed | null)[] = [];
  #saved: readonly Saved[] | null = [];
  readonly context: Context;
  toSave: readonly (Tensor | null)[] = [];
  readonly dirty = new Set<Tensor>();
  readonly nonDifferentiable = new Set<Tensor>();
  materialize = true;

  constructor(cls: FunctionClass, args: readonly unknown[], next: readonly (Edge | null)[]) {
    super(next, 0);
    this.#class = cls;
    this.#inputs = args.map((a) => (a instanceof Tensor ? { shape: a._shape, dtype: a.dtype } : null));
    this.context = new Context(
      this,
      args.map((a) => a instanceof Tensor && a.requiresGrad),
    );
  }

  name(): string {
    return `${this.#class.name}Backward`;
  }

  override inputMetas(): readonly (Meta | null)[] {
    return this.#inputs;
  }

  /** After `forward`: the outputs as the caller gets them, and what was saved as it is now. */
  finish(outputs: readonly unknown[], replaced: ReadonlyMap<Tensor, Tensor>): void {
    this.outputs = outputs.length;
    this.#results = outputs.map((t) =>
      t instanceof Tensor ? { shape: t._shape, dtype: t.dtype, device: t.device } : null,
    );
    this.#saved = this.toSave.map((t) => {
      const tensor = t && (replaced.get(t) ?? t);
      return { tensor, version: tensor ? tensor._storage.version : 0 };
    });
    this.toSave = [];
  }

  savedTensors(): readonly Tensor[] {
    if (this.#saved === null) throw freed();
    return this.#saved.map(({ tensor, version }) => {
      if (tensor && tensor._storage.version !== version) throw modified(tensor, version);
      return tensor as Tensor;
    });
  }

  apply(grads: readonly (Tensor | null)[]): readonly (Tensor | null)[] {
    const cls = this.#class;
    const backward = cls.backward ?? cls.vjp;
    if (!backward) {
      throw new NotImplementedError(
        `You must implement the backward method for your custom autograd.Function (${cls.name}) to use it with backward.`,
      );
    }
    const given = this.#results.map((meta, i) => {
      const grad = grads[i];
      if (grad || !meta || !this.materialize) return grad ?? null;
      return onDevice(meta.device, () => expandTo(constant(0, meta.dtype), meta.shape));
    });
    const result: unknown = asUser(() => backward.call(cls, this.context, ...given));
    return this.#check(Array.isArray(result) ? (result as unknown[]) : [result]);
  }

  #check(results: readonly unknown[]): readonly (Tensor | null)[] {
    const expected = this.#inputs.length;
    let count = results.length;
    while (count > expected && (results[count - 1] ?? null) === null) count--;
    if (count !== expected) {
      throw new RuntimeError(
        `function ${this.name()} returned an incorrect number of gradients (expected ${String(expected)}, got ${String(count)})`,
      );
    }
    return this.#inputs.map((input, i) => {
      const grad = results[i] ?? null;
      if (grad === null) return null;
      if (!(grad instanceof Tensor)) {
        throw new RuntimeError(`expected a Tensor or null from ${this.name()} (got ${typeof grad})`);
      }
      if (!input) {
        throw new RuntimeError(
          `function ${this.name()} returned a gradient different than null at position ${String(i + 1)}, but the ` +
            "corresponding forward input was not a Tensor",
        );
      }
      return grad;
    });
  }

  override release(): void {
    this.#saved = null;
  }
}

/** Gives an output of `forward` its history; the tensor that the caller gets. */
function wrap(
  node: FunctionNode,
  output: Tensor,
  index: number,
  inputs: ReadonlySet<unknown>,
  record: boolean,
): Tensor {
  const isInput = inputs.has(output);
  const isDirty = node.dirty.has(output);
  const differentiable = record && output.dtype.isFloatingPoint && !node.nonDifferentiable.has(output);
  if (isInput && isDirty) {
    if (differentiable) writeHistory(node, output, index);
    return output;
  }
  if (!differentiable) return isInput || output.requiresGrad ? output._alias() : output;
  const result = isInput || output.gradFn ? output._alias() : output;
  const shares = result._chain.length > 0 || isInput;
  result._setHistory(node, index);
  if (shares) {
    const { base, steps, baseChain } = output._view ?? { base: output, steps: [], baseChain: output._chain };
    result._view = { base, steps, baseChain, origin: "custom" };
  }
  return result;
}

/** An input that was changed in place goes on from the function's result. */
function writeHistory(node: FunctionNode, output: Tensor, index: number): void {
  if (output.isLeaf && output.requiresGrad) {
    throw new RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.");
  }
  const result = output._fresh();
  result._setHistory(node, index);
  withGradMode(true, () => {
    writeTo(output, result);
  });
}

function applyFunction(cls: FunctionClass, args: readonly unknown[]): unknown {
  if (!cls.forward) {
    throw new NotImplementedError(
      `You must implement the forward function for custom autograd.Function (${cls.name}).`,
    );
  }
  const edges = args.map((a) => (a instanceof Tensor ? a._edge : null));
  const record = isGradEnabled() && edges.some((e) => e !== null);
  const node = new FunctionNode(cls, args, record ? edges : []);
  if (record && isAnomalyEnabled()) noteCreation(node);
  const output = asUser(() =>
    withGradMode(false, () => {
      if (!cls.setupContext) return cls.forward!(node.context, ...args);
      const result = cls.forward!(...args);
      cls.setupContext(node.context, args, result);
      return result;
    }),
  );
  const outputs: readonly unknown[] = Array.isArray(output) ? (output as unknown[]) : [output];
  const inputs = new Set(args);
  const replaced = new Map<Tensor, Tensor>();
  const wrapped = outputs.map((o, i) => {
    if (!(o instanceof Tensor)) return o;
    const result = wrap(node, o, i, inputs, record);
    if (result !== o && !inputs.has(o)) replaced.set(o, result);
    return result;
  });
  if (record) node.finish(wrapped, replaced);
  return Array.isArray(output) ? wrapped : wrapped[0];
}

/**
 * Base class of functions with a gradient of one's own: static `forward(ctx, ...args)` computes, static
 * `backward(ctx, ...gradOutputs)` gives one gradient per argument of `forward` (`null` where there is none). Call it by
 * `apply`. With a static `setupContext(ctx, inputs, output)`, `forward` takes the arguments only.
 *
 *     class Exp extends torch.autograd.Function {
 *       static forward(ctx: FunctionCtx, x: Tensor): Tensor {
 *         const y = x.exp();
 *         ctx.saveForBackward(y);
 *         return y;
 *       }
 *       static backward(ctx: FunctionCtx, g: Tensor): Tensor {
 *         return g.mul(ctx.savedTensors[0]!);
 *       }
 *     }
 *     Exp.apply(x);
 *
 * @see https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function
 */
export class AutogradFunction {
  /** Runs `forward` and records the function for backward. */
  static apply<A extends unknown[], R>(
    this: {
      forward(...args: A): R;
      setupContext(ctx: never, inputs: never, output: never): void;
    },
    ...args: A
  ): R;
  static apply<A extends unknown[], R>(this: { forward(ctx: never, ...args: A): R }, ...args: A): R;
  static apply(...args: unknown[]): unknown {
    return applyFunction(this as unknown as FunctionClass, args);
  }
}

/** What stands in the graph of a gradient that cannot be differentiated again. */
class OnceNode extends GradNode {
  name(): string {
    return "Error";
  }

  apply(): never {
    throw new RuntimeError(
      "trying to differentiate twice a function that was marked with onceDifferentiable",
    );
  }
}

/**
 * Marks a `backward` that is not made of differentiable operations: differentiating its result throws. Used as
 * `static backward = onceDifferentiable((ctx, g) => …)`.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.function.once_differentiable.html
 */
export function onceDifferentiable<C, G extends unknown[], R>(
  backward: (ctx: C, ...grads: G) => R,
): (ctx: C, ...grads: G) => R {
  return (ctx, ...grads) => {
    const result = withGradMode(false, () => backward(ctx, ...grads));
    const edges = grads.map((g) => (g instanceof Tensor ? g._edge : null));
    if (!isGradEnabled() || edges.every((e) => e === null)) return result;
    const outputs: readonly unknown[] = Array.isArray(result) ? (result as unknown[]) : [result];
    const node = new OnceNode(edges, outputs.length);
    const marked = outputs.map((o, i) => {
      if (!(o instanceof Tensor)) return o;
      const t = o._alias();
      t._setHistory(node, i);
      return t;
    });
    return (Array.isArray(result) ? marked : marked[0]) as R;
  };
}
