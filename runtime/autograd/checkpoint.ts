/** Trading time for memory: what backward needs of a part of the model is computed again when it is needed. */
import { RuntimeError, ValueError } from "../errors.js";
import { apply, notingNodes, type OpGradNode } from "../ops/apply.js";
import { isPlainObject } from "../ops/bind.js";
import { asUser } from "../ops/depth.js";
import { hostScalar } from "../ops/leaf.js";
import { primitive } from "../ops/record.js";
import type { Attrs } from "../graph/value.js";
import { defaultGenerator } from "../tensor/generator.js";
import type { Tensor } from "../tensor/tensor.js";
import { isGradEnabled, withGradMode } from "./mode.js";
import { modified } from "./saved.js";
import { mapTree, tensorsOf } from "./tree.js";

export interface CheckpointOptions {
  /** Random numbers come out the same when computed again. Default: true. */
  readonly preserveRngState?: boolean | undefined;
  /** Both ways of PyTorch behave as `false` does there; see the differences. */
  readonly useReentrant?: boolean | undefined;
}

const optionNames = new Set(["preserveRngState", "useReentrant", "determinismCheck", "debug"]);

const isOptions = (value: unknown): value is CheckpointOptions => {
  if (!isPlainObject(value)) return false;
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((k) => optionNames.has(k));
};

/** x · 1, the 1 a number that only the run knows: or the graph's optimizer would share what was computed before. */
const barrier = primitive<Attrs>({
  name: "checkpoint_barrier",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (_, g) => [g, null],
  lower: (b, [x, one]) => b.node("Mul", [x!, one!]),
});

function behindBarrier(t: Tensor): Tensor {
  return t.dtype.isFloatingPoint ? apply(barrier, [t, hostScalar(1, t.dtype)], {}) : t;
}

/**
 * Runs `fn(...args)` without keeping for backward what is computed inside; backward runs it a second time. Options, where
 * given, come last.
 * @throws RuntimeError in backward, when `fn` does not do the same the second time.
 * @see https://pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.checkpoint
 */
export function checkpoint<A extends unknown[], R>(
  fn: (...args: A) => R,
  ...args: [...A] | [...A, CheckpointOptions]
): R {
  const last = args.at(-1);
  const options = isOptions(last) ? last : {};
  const given = (isOptions(last) ? args.slice(0, -1) : args) as A;
  if (!isGradEnabled()) return fn(...given);
  const versions = tensorsOf(given).map((t) => t._storage.version);
  const bookmark = (options.preserveRngState ?? true) ? defaultGenerator._bookmark() : undefined;
  const nodes: OpGradNode[] = [];
  let recomputed = false;
  const recompute = (): void => {
    if (recomputed) return;
    recomputed = true;
    tensorsOf(given).forEach((t, i) => {
      if (t._storage.version !== versions[i]) throw modified(t, versions[i]!);
    });
    const now = defaultGenerator._bookmark();
    bookmark?.restore();
    try {
      fill(
        nodes,
        again(() => fn(...(mapTree(given, behindBarrier) as A))),
      );
    } finally {
      now.settle();
      if (bookmark) now.restore();
    }
  };
  try {
    return notingNodes(
      (node) => nodes.push(node),
      () => fn(...given),
    );
  } finally {
    bookmark?.settle();
    for (const node of nodes) node.defer(recompute);
  }
}

/** The steps that a second run records. */
function again(body: () => unknown): OpGradNode[] {
  const nodes: OpGradNode[] = [];
  withGradMode(true, () => asUser(() => notingNodes((node) => nodes.push(node), body)));
  // Those of the barriers come first.
  return nodes.filter((node) => !node.is(barrier));
}

function fill(first: readonly OpGradNode[], second: readonly OpGradNode[]): void {
  if (first.length !== second.length || first.some((node, i) => node.name() !== second[i]!.name())) {
    throw new RuntimeError(
      "checkpoint: the function did something else when it was run again " +
        `(${String(first.length)} recorded operations, then ${String(second.length)}): it must not depend on what changes.`,
    );
  }
  first.forEach((node, i) => {
    node.takeFrom(second[i]!);
  });
}

type Layer = (input: Tensor) => Tensor;

/**
 * Runs layers one after the other in `segments` checkpointed groups; the last group is kept as usual.
 * @param functions layers, or an `nn.Sequential`.
 * @see https://pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.checkpoint_sequential
 */
export function checkpointSequential(
  functions: Iterable<Layer> | { children(): Iterable<unknown> },
  segments: number,
  input: Tensor,
  options: CheckpointOptions = {},
): Tensor {
  const layers = [...("children" in functions ? functions.children() : functions)] as Layer[];
  if (!Number.isInteger(segments) || segments < 1 || segments > layers.length) {
    throw new ValueError(
      `checkpointSequential: segments must be between 1 and the number of layers, ${String(layers.length)}, not ${String(segments)}`,
    );
  }
  const size = Math.floor(layers.length / segments);
  const run =
    (from: number, to: number): Layer =>
    (x) =>
      layers.slice(from, to).reduce((value, layer) => layer(value), x);
  let x = input;
  let from = 0;
  for (let i = 0; i < segments - 1; i++, from += size) {
    x = checkpoint(run(from, from + size), x, { preserveRngState: true, ...options });
  }
  return run(from, layers.length)(x);
}
