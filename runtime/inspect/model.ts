/** Figures of a model: parameters, shapes and multiply-accumulates per module, as plain data. */
import { noteRecorded } from "../graph/executor.js";
import { setRecordHook } from "../graph/record.js";
import type { Node } from "../graph/value.js";
import type { CostRule } from "../ops/record.js";
import type { Tensor } from "../tensor/tensor.js";
import { className, members, observeCalls, type Module } from "../nn/module.js";
import { Parameter } from "../nn/parameter.js";
import type { ModelSnapshot, ModuleSnapshot, SnapshotShape, TensorSnapshot } from "./snapshot.js";
import { tensorsIn } from "./trace.js";

/** What one module did in its last call. */
export interface ModuleActivity {
  readonly inputs: readonly SnapshotShape[];
  readonly outputs: readonly SnapshotShape[];
  /** Multiply-accumulates of all its calls, those of the modules below included. */
  readonly macs: number;
}

export interface Observed<T> {
  readonly result: T;
  readonly activity: ReadonlyMap<Module, ModuleActivity>;
  /** Multiply-accumulates in all, counted from the op records: one per multiplication that is added up. */
  readonly macs: number;
}

/**
 * Runs a forward pass and notes what goes in and out of every module, and what it costs. Works while tracing.
 * @param onNode told of every operation as it is recorded, and of the module it is recorded in.
 */
export function observeForward<T>(
  run: () => T,
  onNode?: (node: Node, module: Module | undefined) => void,
): Observed<T> {
  const running: Module[] = [];
  const activity = new Map<Module, ModuleActivity>();
  const starts: number[] = [];
  let macs = 0;
  setRecordHook((node) => {
    noteRecorded(node);
    onNode?.(node, running.at(-1));
    const { cost } = node.op as { readonly cost?: CostRule };
    if (cost !== undefined) macs += cost(node.inputs, node.attrs, node.outputs);
  });
  const handle = observeCalls({
    enter(module) {
      starts.push(macs);
      running.push(module);
    },
    leave(module, args, result) {
      running.pop();
      const used = macs - (starts.pop() ?? macs);
      const shapes = (value: unknown): (readonly number[])[] => tensorsIn(value).map(({ shape }) => shape);
      activity.set(module, {
        inputs: shapes(args),
        outputs: shapes(result),
        macs: used + (activity.get(module)?.macs ?? 0),
      });
    },
  });
  try {
    return { result: run(), activity, macs };
  } finally {
    handle.remove();
    setRecordHook(noteRecorded);
  }
}

export interface SnapshotOptions {
  readonly activity?: ReadonlyMap<Module, ModuleActivity>;
  /** The input as text. */
  readonly input?: string;
}

/** A module tree as plain data, every tensor counted once. */
export function snapshotModel(model: Module, options: SnapshotOptions = {}): ModelSnapshot {
  const seen = new Map<Tensor, string>();
  const visited = new Set<Module>();

  const tensor = (path: string, name: string, t: Tensor, trainable: boolean): TensorSnapshot => {
    const full = path === "" ? name : `${path}.${name}`;
    const first = seen.get(t);
    if (first === undefined) seen.set(t, full);
    const count = t.numel();
    const shared = first === undefined || first === full ? {} : { sharedWith: first };
    return {
      name,
      shape: t.shape,
      dtype: t.dtype.name,
      count,
      bytes: count * t.dtype.itemsize,
      trainable: trainable && t.requiresGrad,
      ...shared,
    };
  };

  const visit = (module: Module, path: string, name: string): ModuleSnapshot => {
    visited.add(module);
    const own = [...members(module)];
    const parameters = own.flatMap(([key, value]) =>
      value instanceof Parameter ? [tensor(path, key, value, true)] : [],
    );
    const buffers = [...module.namedBuffers("", false)].map(([key, value]) =>
      tensor(path, key, value, false),
    );
    const children = own.flatMap(([key, value]) =>
      value instanceof Parameter || visited.has(value)
        ? []
        : [visit(value, path === "" ? key : `${path}.${key}`, key)],
    );
    const first = parameters.filter(({ sharedWith }) => sharedWith === undefined);
    const sum = (items: readonly { readonly count: number }[]): number =>
      items.reduce((n, { count }) => n + count, 0);
    const below = (field: "totalParameters" | "trainableParameters" | "bytes"): number =>
      children.reduce((n, child) => n + child[field], 0);
    const ownBytes = [...first, ...buffers.filter(({ sharedWith }) => sharedWith === undefined)];
    const did = options.activity?.get(module);
    return {
      path,
      name: path === "" ? className(module) : name,
      className: className(module),
      extraRepr: module.extraRepr(),
      parameters,
      buffers,
      ownParameters: sum(parameters),
      totalParameters: sum(first) + below("totalParameters"),
      trainableParameters: sum(first.filter(({ trainable }) => trainable)) + below("trainableParameters"),
      bytes: ownBytes.reduce((n, { bytes }) => n + bytes, 0) + below("bytes"),
      ...(did === undefined ? {} : { inputShapes: did.inputs, outputShapes: did.outputs, macs: did.macs }),
      children,
    };
  };
  return {
    root: visit(model, "", ""),
    training: model.training,
    ...(options.input === undefined ? {} : { input: options.input }),
  };
}
