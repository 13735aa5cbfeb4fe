/** Arguments and results made of tensors: one tensor, or arrays, `Map`s and plain objects of them. */
import { isPlainObject } from "../ops/bind.js";
import { Tensor } from "../tensor/tensor.js";

/** The same structure with `f` applied to its tensors; other leaves stay. */
export function mapTree(tree: unknown, f: (t: Tensor) => unknown): unknown {
  if (tree instanceof Tensor) return f(tree);
  if (Array.isArray(tree)) return tree.map((t) => mapTree(t, f));
  if (tree instanceof Map) return new Map([...tree].map(([k, v]) => [k as unknown, mapTree(v, f)]));
  if (isPlainObject(tree))
    return Object.fromEntries(Object.entries(tree).map(([k, v]) => [k, mapTree(v, f)]));
  return tree;
}

/** The tensors of a structure, in order. */
export function tensorsOf(tree: unknown): Tensor[] {
  const found: Tensor[] = [];
  mapTree(tree, (t) => found.push(t));
  return found;
}
