import type { Meta } from "../graph/value.js";
import type { Tensor } from "../tensor/tensor.js";

let lastSequence = 0;

/** @internal The number of the step that was recorded last. */
export const lastStep = (): number => lastSequence;

/** Where a gradient flows on: output `index` of `node`. */
export interface Edge {
  readonly node: GradNode;
  readonly index: number;
}

/** A hook on a tensor's gradient; a tensor it returns takes the gradient's place. */
export type GradHook = (grad: Tensor) => Tensor | null | undefined | void;

/** A hook before a node runs: sees the gradients of its outputs, may return others. */
export type NodePreHook = (gradOutputs: readonly (Tensor | null)[]) => readonly (Tensor | null)[] | void;

/** A hook after a node ran: sees the gradients of its inputs and outputs, may return other gradients of its inputs. */
export type NodeHook = (
  gradInputs: readonly (Tensor | null)[],
  gradOutputs: readonly (Tensor | null)[],
) => readonly (Tensor | null)[] | void;

/** Undoes a registration: `handle.remove()`. */
export class RemovableHandle implements Disposable {
  readonly #remove: () => void;
  constructor(remove: () => void) {
    this.#remove = remove;
  }
  remove(): void {
    this.#remove();
  }
  [Symbol.dispose](): void {
    this.#remove();
  }
}

/** Adds to an ordered set of hooks; one function may be there several times. */
export function addHook<H>(hooks: Map<object, H>, hook: H): RemovableHandle {
  const key = {};
  hooks.set(key, hook);
  return new RemovableHandle(() => hooks.delete(key));
}

/**
 * One step of backward: PyTorch's `grad_fn`.
 * @see https://pytorch.org/docs/stable/autograd.html#autograd-graph
 */
export abstract class GradNode {
  /** @internal Later nodes run first. */
  readonly sequence: number;
  /** @internal One edge per input; `null` where no gradient is wanted. */
  readonly next: readonly (Edge | null)[];
  /** @internal How many outputs the forward step had. */
  outputs: number;
  /** @internal Hooks on the gradients of the outputs, by output. */
  tensorHooks: Map<number, Map<object, GradHook>> | undefined;
  /** @internal Tensors that keep the gradients of the outputs: `retainGrad`. */
  retaining: Map<number, Tensor> | undefined;
  /** @internal Where the forward step was called, when anomalies are looked for. */
  created: Error | undefined;
  #preHooks: Map<object, NodePreHook> | undefined;
  #hooks: Map<object, NodeHook> | undefined;

  constructor(next: readonly (Edge | null)[], outputs: number, sequence = ++lastSequence) {
    this.next = next;
    this.outputs = outputs;
    this.sequence = sequence;
  }

  /** As PyTorch names it: `MulBackward0`. */
  abstract name(): string;

  /** @internal Gradients of the outputs (null where none came) to gradients of the inputs. */
  abstract apply(grads: readonly (Tensor | null)[]): readonly (Tensor | null | undefined)[];

  /** @internal Shapes and dtypes of the inputs where gradients have to be checked against them. */
  inputMetas(): readonly (Meta | null)[] | undefined {
    return undefined;
  }

  /** @internal Shape and dtype of an output, where known. */
  outputMeta(_index: number): Meta | undefined {
    return undefined;
  }

  /** @internal Drops what was saved for backward. */
  release(): void {
    // Most nodes save nothing.
  }

  /** The steps that come after this one in backward, each with the output of it that is meant. */
  get nextFunctions(): readonly (readonly [GradNode | null, number])[] {
    return this.next.map((e) => (e ? ([e.node, e.index] as const) : ([null, 0] as const)));
  }

  /**
   * Calls `hook(gradInputs, gradOutputs)` after this step; what it returns replaces the gradients of the inputs.
   * @see https://pytorch.org/docs/stable/generated/torch.autograd.graph.Node.register_hook.html
   */
  registerHook(hook: NodeHook): RemovableHandle {
    return addHook((this.#hooks ??= new Map()), hook);
  }

  /**
   * Calls `hook(gradOutputs)` before this step; what it returns replaces the gradients of the outputs.
   * @see https://pytorch.org/docs/stable/generated/torch.autograd.graph.Node.register_prehook.html
   */
  registerPrehook(hook: NodePreHook): RemovableHandle {
    return addHook((this.#preHooks ??= new Map()), hook);
  }

  /** @internal */
  get preHooks(): Iterable<NodePreHook> {
    return this.#preHooks?.values() ?? [];
  }

  /** @internal */
  get hooks(): Iterable<NodeHook> {
    return this.#hooks?.values() ?? [];
  }

  /** @internal */
  addTensorHook(index: number, hook: GradHook): RemovableHandle {
    const all = (this.tensorHooks ??= new Map<number, Map<object, GradHook>>());
    let hooks = all.get(index);
    if (!hooks) all.set(index, (hooks = new Map()));
    return addHook(hooks, hook);
  }

  /** As printed: `<MulBackward0>`. */
  toString(): string {
    return `<${this.name()}>`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}
