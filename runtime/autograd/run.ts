/** The walk of backward: from the outputs' gradients to the leaves, later steps first. */
import { RuntimeError } from "../errors.js";
import { sameShape } from "../ops/apply.js";
import { asUser } from "../ops/depth.js";
import { Tensor } from "../tensor/tensor.js";
import { explain, isAnomalyChecked, checkForNaN } from "./anomaly.js";
import { AccumulateGrad, sumGradients } from "./accumulate.js";
import type { Edge, GradHook, GradNode } from "./node.js";
import { conform } from "./shapes.js";

type Grads = readonly (Tensor | null | undefined)[];

/** A gradient to begin with, and where it enters. */
export interface Root {
  readonly edge: Edge;
  readonly grad: Tensor;
}

export interface RunOptions {
  readonly retainGraph: boolean;
  /** Only these are of interest: edges whose gradients are collected, or leaves and kept gradients to fill. */
  readonly targets?: Targets;
}

/** What `grad` and `backward({ inputs })` are after: nothing that does not lead there is run. */
export interface Targets {
  readonly nodes: ReadonlySet<GradNode>;
  /** By node and output: the gradient, once it is known. Absent when gradients go where they always go. */
  readonly collected?: Map<GradNode, Map<number, Tensor | null>>;
}

/** Steps that wait for gradients: the one recorded last comes first. */
class ReadyList {
  readonly #nodes: GradNode[] = [];

  push(node: GradNode): void {
    let low = 0;
    let high = this.#nodes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#nodes[middle]!.sequence <= node.sequence) low = middle + 1;
      else high = middle;
    }
    this.#nodes.splice(low, 0, node);
  }

  pop(): GradNode | undefined {
    return this.#nodes.pop();
  }
}

/** How many edges lead to each node that is reachable from the roots. */
function countDependencies(roots: readonly Root[]): Map<GradNode, number> {
  const count = new Map<GradNode, number>();
  for (const { edge } of roots) count.set(edge.node, 0);
  const todo = [...count.keys()];
  while (todo.length) {
    for (const edge of todo.pop()!.next) {
      if (!edge) continue;
      const before = count.get(edge.node);
      count.set(edge.node, (before ?? 0) + 1);
      if (before === undefined) todo.push(edge.node);
    }
  }
  return count;
}

/** The nodes from which a target can be reached, targets included. Without recursion: graphs are deep. */
function leadingTo(targets: ReadonlySet<GradNode>, nodes: Iterable<GradNode>): Set<GradNode> {
  const into = new Map<GradNode, GradNode[]>();
  for (const node of nodes) {
    for (const edge of node.next) {
      if (!edge) continue;
      const from = into.get(edge.node);
      if (from) from.push(node);
      else into.set(edge.node, [node]);
    }
  }
  const needed = new Set(targets);
  const todo = [...targets];
  while (todo.length) {
    for (const node of into.get(todo.pop()!) ?? []) {
      if (needed.has(node)) continue;
      needed.add(node);
      todo.push(node);
    }
  }
  return needed;
}

/** Runs backward from the roots, each node once all its gradients have come. */
export function runBackward(roots: readonly Root[], { retainGraph, targets }: RunOptions): void {
  const waiting = countDependencies(roots);
  const needed = targets && leadingTo(targets.nodes, waiting.keys());
  const grads = new Map<GradNode, (Tensor | null)[]>();
  const add = ({ node, index }: Edge, grad: Tensor): void => {
    let slots = grads.get(node);
    if (!slots) grads.set(node, (slots = new Array<Tensor | null>(node.outputs).fill(null)));
    const have = slots[index];
    slots[index] = have ? sumGradients(have, grad) : grad;
  };
  for (const { edge, grad } of roots) add(edge, grad);
  const ready = new ReadyList();
  for (const { edge } of roots) {
    if (waiting.get(edge.node) !== 0) continue;
    // A node that is the root several times is ready once.
    waiting.set(edge.node, -1);
    ready.push(edge.node);
  }
  for (let node = ready.pop(); node; node = ready.pop()) {
    const slots = grads.get(node);
    grads.delete(node);
    const results = slots && (!needed || needed.has(node)) ? step(node, slots) : [];
    for (let i = 0; i < node.next.length; i++) {
      const edge = node.next[i];
      if (!edge) continue;
      const grad = results[i];
      if (grad) add(edge, grad);
      const left = waiting.get(edge.node)! - 1;
      waiting.set(edge.node, left);
      if (left === 0) ready.push(edge.node);
    }
  }

  /** One node: hooks on its outputs' gradients, what is collected there, then its rule. */
  function step(node: GradNode, slots: (Tensor | null)[]): Grads {
    runTensorHooks(node, slots);
    const collected = targets?.collected?.get(node);
    if (collected) for (const index of collected.keys()) collected.set(index, slots[index] ?? null);
    if (targets && !goesOn(node)) return [];
    if (slots.every((g) => g === null)) return [];
    const results = runNode(node, slots);
    if (!retainGraph) node.release();
    return results;
  }

  function goesOn(node: GradNode): boolean {
    if (node instanceof AccumulateGrad) return !targets!.collected;
    return node.next.some((e) => e && needed!.has(e.node));
  }
}

function runNode(node: GradNode, slots: (Tensor | null)[]): Grads {
  let outputs: readonly (Tensor | null)[] = slots;
  for (const hook of node.preHooks) outputs = asUser(() => hook(outputs)) ?? outputs;
  let results: Grads;
  try {
    results = node.apply(outputs);
    const metas = node.inputMetas();
    if (metas) results = conform(node, results, metas);
  } catch (error) {
    throw explain(node, error);
  }
  results = fitting(node, results);
  if (isAnomalyChecked()) checkForNaN(node, results);
  for (const hook of node.hooks) {
    const inputs = node.next.map((_, i) => results[i] ?? null);
    results = asUser(() => hook(inputs, outputs)) ?? results;
  }
  return results;
}

/**
 * Gradients in the shapes of what they are gradients of. They differ only where a tensor's shape was changed in place
 * while nothing was recorded.
 */
function fitting(node: GradNode, results: Grads): Grads {
  const fits = node.next.every((edge, i) => {
    const shape = edge && results[i] && edge.node.outputMeta(edge.index)?.shape;
    return !shape || sameShape(shape, results[i]!._shape);
  });
  return fits
    ? results
    : conform(
        node,
        results,
        node.next.map((edge) => edge?.node.outputMeta(edge.index) ?? null),
      );
}

function runTensorHooks(node: GradNode, slots: (Tensor | null)[]): void {
  if (node.tensorHooks) {
    for (const [index, hooks] of node.tensorHooks) {
      for (const hook of hooks.values()) {
        const grad = slots[index];
        if (grad) slots[index] = replaced(hook, grad);
      }
    }
  }
  // After every hook, whenever they were registered.
  if (node.retaining) {
    for (const [index, tensor] of node.retaining) {
      const grad = slots[index];
      if (grad) new AccumulateGrad(tensor).apply([grad]);
    }
  }
}

function replaced(hook: GradHook, grad: Tensor): Tensor {
  const result: unknown = asUser(() => hook(grad));
  if (result === undefined || result === null) return grad;
  const name = hook.name || "<anonymous>";
  if (!(result instanceof Tensor)) {
    throw new TypeError(`expected a Tensor or nothing, but hook '${name}' returned a ${typeof result}`);
  }
  if (result.dtype !== grad.dtype) {
    throw new RuntimeError(
      `hook '${name}' has changed the type of value (was ${String(grad.dtype)} got ${String(result.dtype)})`,
    );
  }
  if (result._shape.join() !== grad._shape.join()) {
    throw new RuntimeError(
      `hook '${name}' has changed the size of value: it was [${grad._shape.join(", ")}] and got [${result._shape.join(", ")}]`,
    );
  }
  return result;
}
