import { RuntimeError } from "../errors.js";
import { asLibrary, asUser } from "../ops/depth.js";
import { sameShape } from "../ops/apply.js";
import { constant } from "../ops/promote.js";
import { expandTo } from "../ops/view.js";
import { Tensor } from "../tensor/tensor.js";
import { AccumulateGrad } from "./accumulate.js";
import { withGradMode } from "./mode.js";
import type { Edge, GradNode } from "./node.js";

interface Root {
  readonly edge: Edge;
  readonly grad: Tensor;
}

/** Ones where no gradient was given, for a scalar; checks what was given. */
function rootOf(output: Tensor, grad: Tensor | null | undefined, i: number): Root {
  const edge = output._edge;
  if (!edge) {
    throw new RuntimeError(
      `element ${String(i)} of tensors does not require grad and does not have a grad_fn`,
    );
  }
  if (!grad) {
    if (output.numel() !== 1) {
      throw new RuntimeError(
        `grad can be implicitly created only for scalar outputs; this one has shape [${output._shape.join(", ")}]`,
      );
    }
    return { edge, grad: expandTo(constant(1, output.dtype), output._shape)._fresh() };
  }
  if (!sameShape(grad._shape, output._shape)) {
    throw new RuntimeError(
      `Mismatch in shape: grad_output[${String(i)}] has a shape of [${grad._shape.join(", ")}] and output[${String(i)}] has a shape of [${output._shape.join(", ")}].`,
    );
  }
  return { edge, grad };
}

/** How many edges lead to each node that is reachable from the roots. */
function countDependencies(roots: readonly Root[]): Map<GradNode, number> {
  const count = new Map<GradNode, number>();
  const stack = roots.map((r) => r.edge.node);
  for (const node of stack) count.set(node, 0);
  const seen = new Set<GradNode>(stack);
  const todo = [...seen];
  while (todo.length) {
    for (const edge of todo.pop()!.next) {
      if (!edge) continue;
      count.set(edge.node, (count.get(edge.node) ?? 0) + 1);
      if (seen.has(edge.node)) continue;
      seen.add(edge.node);
      todo.push(edge.node);
    }
  }
  return count;
}

/** Nodes from which a wanted one can be reached: the only ones worth running for `grad(outputs, inputs)`. */
function reaching(targets: ReadonlySet<GradNode>, nodes: Iterable<GradNode>): Set<GradNode> {
  const needed = new Set<GradNode>(targets);
  for (const node of [...nodes].sort((a, b) => a.sequence - b.sequence)) {
    if (node.next.some((e) => e && needed.has(e.node))) needed.add(node);
  }
  return needed;
}

interface RunOptions {
  readonly retainGraph: boolean;
  /** Gradients to collect instead of accumulating into leaves: node and output index to where it goes. */
  readonly capture?: Map<GradNode, Map<number, Tensor | null>>;
}

/** Runs backward from the roots, later nodes first, each once all its gradients have come. */
function runBackward(roots: readonly Root[], { retainGraph, capture }: RunOptions): void {
  const waiting = countDependencies(roots);
  const needed = capture && reaching(new Set(capture.keys()), waiting.keys());
  const grads = new Map<GradNode, (Tensor | null)[]>();
  const add = ({ node, index }: Edge, grad: Tensor): void => {
    let slots = grads.get(node);
    if (!slots) grads.set(node, (slots = new Array<Tensor | null>(node.outputs).fill(null)));
    const have = slots[index];
    slots[index] = have ? have.add(grad) : grad;
  };
  for (const root of roots) add(root.edge, root.grad);
  const ready = [...new Set(roots.map((r) => r.edge.node))].filter((n) => waiting.get(n) === 0);
  const push = (node: GradNode): void => {
    let at = ready.length;
    while (at > 0 && ready[at - 1]!.sequence > node.sequence) at--;
    ready.splice(at, 0, node);
  };
  ready.sort((a, b) => a.sequence - b.sequence);
  while (ready.length) {
    const node = ready.pop()!;
    const slots = grads.get(node);
    grads.delete(node);
    let results: readonly (Tensor | null | undefined)[] = [];
    if (slots && (!needed || needed.has(node))) {
      runHooks(node, slots);
      const captured = capture?.get(node);
      if (captured) for (const index of captured.keys()) captured.set(index, slots[index] ?? null);
      const stop =
        capture && (node instanceof AccumulateGrad || !node.next.some((e) => e && needed!.has(e.node)));
      if (!stop && slots.some((g) => g !== null)) {
        results = node.apply(slots);
        if (!retainGraph) node.release();
      }
    }
    node.next.forEach((edge, i) => {
      if (!edge) return;
      const grad = results[i];
      if (grad) add(edge, grad);
      const left = waiting.get(edge.node)! - 1;
      waiting.set(edge.node, left);
      if (left === 0) push(edge.node);
    });
  }
}

function runHooks(node: GradNode, slots: (Tensor | null)[]): void {
  if (!node.hooks) return;
  for (const [index, hooks] of node.hooks) {
    for (const hook of hooks) {
      const grad = slots[index];
      if (!grad) continue;
      const replaced = asUser(() => hook(grad));
      if (replaced instanceof Tensor) slots[index] = replaced;
    }
  }
}

/**
 * Computes gradients of `tensors` with respect to the leaves and adds them to the leaves' `grad`.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.backward.html
 */
export function backward(
  tensors: Tensor | readonly Tensor[],
  gradTensors: Tensor | readonly (Tensor | null)[] | null = null,
  options: {
    readonly retainGraph?: boolean | null;
    readonly createGraph?: boolean;
    readonly inputs?: readonly Tensor[] | null;
  } = {},
): void {
  const outputs = tensors instanceof Tensor ? [tensors] : tensors;
  const given = gradTensors instanceof Tensor ? [gradTensors] : gradTensors;
  const createGraph = options.createGraph ?? false;
  const retainGraph = options.retainGraph ?? createGraph;
  asLibrary(() => {
    withGradMode(createGraph, () => {
      const roots = outputs.map((t, i) => rootOf(t, given?.[i], i));
      if (!options.inputs) {
        runBackward(roots, { retainGraph });
        return;
      }
      const { capture, edges } = captureFor(options.inputs);
      runBackward(roots, { retainGraph, capture });
      edges.forEach(({ node, index }, i) => {
        const grad = capture.get(node)!.get(index);
        if (grad) new AccumulateGrad(options.inputs![i]!).apply([grad]);
      });
    });
  });
}

function captureFor(inputs: readonly Tensor[]): {
  capture: Map<GradNode, Map<number, Tensor | null>>;
  edges: Edge[];
} {
  const capture = new Map<GradNode, Map<number, Tensor | null>>();
  const edges = inputs.map((t) => {
    const edge = t._edge;
    if (!edge) throw new RuntimeError("One of the differentiated Tensors does not require grad");
    const slots = capture.get(edge.node) ?? new Map<number, Tensor | null>();
    slots.set(edge.index, null);
    capture.set(edge.node, slots);
    return edge;
  });
  return { capture, edges };
}

/**
 * Gradients of `outputs` with respect to `inputs`, returned and not accumulated.
 * @throws RuntimeError when an input was not used, unless `allowUnused`.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.grad.html
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: Tensor | readonly Tensor[],
  options: {
    readonly gradOutputs?: Tensor | readonly (Tensor | null)[] | null;
    readonly retainGraph?: boolean | null;
    readonly createGraph?: boolean;
    readonly allowUnused?: boolean;
  } = {},
): (Tensor | null)[] {
  const outs = outputs instanceof Tensor ? [outputs] : outputs;
  const ins = inputs instanceof Tensor ? [inputs] : inputs;
  const given = options.gradOutputs instanceof Tensor ? [options.gradOutputs] : options.gradOutputs;
  const createGraph = options.createGraph ?? false;
  const { capture, edges } = captureFor(ins);
  asLibrary(() => {
    withGradMode(createGraph, () => {
      const roots = outs.map((t, i) => rootOf(t, given?.[i], i));
      runBackward(roots, { retainGraph: options.retainGraph ?? createGraph, capture });
    });
  });
  return edges.map(({ node, index }) => {
    const result = capture.get(node)!.get(index) ?? null;
    if (!result && !options.allowUnused) {
      throw new RuntimeError(
        "One of the differentiated Tensors appears to not have been used in the graph. Set allowUnused: true if this is the desired behavior.",
      );
    }
    return result;
  });
}
