import type { CallCase, TensorRef } from "./corpus.js";
import type { Decoder } from "./decode.js";
import type { Tensor } from "./library.js";
import { compareTensor, type Comparison } from "./results.js";

/** Runs backward with the case's cotangents. Results that PyTorch does not differentiate have none. */
export function runBackward(decoder: Decoder, c: CallCase, outputs: readonly Tensor[]): boolean {
  const { cot = [] } = c.expect;
  const pairs = cot.flatMap((ref, i) => {
    const output = outputs[i];
    return ref === null || output === undefined ? [] : [{ output, ref }];
  });
  if (pairs.length === 0) return false;
  decoder.library.function("autograd.backward")(
    pairs.map(({ output }) => output),
    pairs.map(({ ref }) => decoder.tensor(ref)),
  );
  return true;
}

/** Gradients of the inputs, by their path in the call. */
export function compareInputGradients(on: Comparison, decoder: Decoder, c: CallCase): string[] {
  const problems: string[] = [];
  for (const [path, ref] of Object.entries(c.expect.grads ?? {})) {
    const problem = compareGradient(on, decoder.tensors.get(path)?.grad, ref, c.err64?.grads?.[path]);
    if (problem !== undefined) problems.push(`grad ${path}: ${problem}`);
  }
  for (const path of c.expect.grads_none ?? []) {
    const grad = decoder.tensors.get(path)?.grad ?? null;
    if (grad !== null) problems.push(`grad ${path}: a gradient instead of null`);
  }
  return problems;
}

export function compareGradient(
  on: Comparison,
  grad: Tensor | null | undefined,
  ref: TensorRef,
  err64?: number,
): string | undefined {
  return grad === null || grad === undefined ? "no gradient" : compareTensor(on, grad, ref, err64);
}

/** New contents of arguments that the call changes in place. */
export function compareMutated(on: Comparison, decoder: Decoder, c: CallCase): string[] {
  return Object.entries(c.expect.mutated ?? {}).flatMap(([path, ref]) => {
    const problem = compareTensor(on, decoder.tensors.get(path), ref);
    return problem === undefined ? [] : [`argument ${path} after the call: ${problem}`];
  });
}
