import type { Tensor } from "../tensor/tensor.js";

let lastSequence = 0;

/** Where a gradient flows on: input `index` of `node`. */
export interface Edge {
  readonly node: GradNode;
  readonly index: number;
}

export type GradHook = (grad: Tensor) => Tensor | null | undefined | void;

/** One step of backward: PyTorch's `grad_fn`. */
export abstract class GradNode {
  /** Later nodes run first. */
  readonly sequence: number = ++lastSequence;
  /** As PyTorch prints it: `MulBackward0`. */
  abstract readonly name: string;
  /** One edge per input; `null` where no gradient is wanted. */
  readonly next: readonly (Edge | null)[];
  /** Shapes of the outputs, to make up zeros for outputs that nobody used. */
  readonly outputs: number;
  /** Hooks per output index: user hooks and `retainGrad`. */
  hooks: Map<number, GradHook[]> | undefined;

  constructor(next: readonly (Edge | null)[], outputs: number) {
    this.next = next;
    this.outputs = outputs;
  }

  /** Gradients of the outputs (null where none came) to gradients of the inputs. */
  abstract apply(grads: readonly (Tensor | null)[]): readonly (Tensor | null | undefined)[];

  /** Drops what was saved for backward. */
  release(): void {
    // Most nodes save nothing.
  }
}
