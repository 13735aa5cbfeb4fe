/** A model's forward pass as TensorBoard's graph. */
import { noGrad } from "../../autograd/mode.js";
import { noteRecorded } from "../../graph/executor.js";
import { setRecordHook } from "../../graph/record.js";
import type { Attrs, Value } from "../../graph/value.js";
import { className, observeCalls, type Module } from "../../nn/module.js";
import { ProtoWriter } from "../../protobuf.js";
import { DType } from "../../tensor/dtype.js";
import { Tensor } from "../../tensor/tensor.js";

interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly shapes: readonly (readonly number[])[];
  readonly attributes: string;
}

/** `LeNet/Conv2d[conv1]`: the class and the name of each module on the way down. */
function scopesOf(model: Module): Map<Module, string> {
  const scopes = new Map<Module, string>([[model, className(model)]]);
  const visit = (module: Module): void => {
    for (const [name, child] of module.namedChildren()) {
      if (scopes.has(child)) continue;
      scopes.set(child, `${scopes.get(module)!}/${className(child)}[${name}]`);
      visit(child);
    }
  };
  visit(model);
  return scopes;
}

function describe(attrs: Attrs): string {
  return Object.entries(attrs)
    .filter(([, v]) => v !== undefined)
    .map(
      ([k, v]) =>
        `${k}: ${v instanceof DType ? v.name : typeof v === "bigint" ? String(v) : JSON.stringify(v)}`,
    )
    .join(", ");
}

/** Tensors in the arguments or the results of a call. */
function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (typeof value !== "object" || value === null) return [];
  if (value instanceof Map) return [...(value.values() as Iterable<unknown>)].flatMap(tensorsIn);
  if (Symbol.iterator in value) return [...(value as Iterable<unknown>)].flatMap(tensorsIn);
  return Object.values(value).flatMap(tensorsIn);
}

/** Calls the model on the inputs, in evaluation mode and without gradients, and writes down what it recorded. */
export function traceGraph(model: Module, inputs: readonly unknown[]): GraphNode[] {
  const scopes = scopesOf(model);
  const names = new Map<Value, string>();
  const nodes: GraphNode[] = [];
  const taken = new Map<string, number>();
  const unique = (name: string): string => {
    const n = taken.get(name) ?? 0;
    taken.set(name, n + 1);
    return n === 0 ? name : `${name}.${n}`;
  };
  const leaf = (name: string, op: string, value: Value): string => {
    const own = unique(name);
    names.set(value, own);
    nodes.push({ name: own, op, inputs: [], shapes: [value.shape], attributes: "" });
    return own;
  };
  tensorsIn(inputs).forEach((t, i) => leaf(`input/input.${i}`, "IO Node", t._value));
  const held = new Map<Value, string>();
  for (const [module, scope] of scopes) {
    const own = [...module.namedParameters({ recurse: false }), ...module.namedBuffers({ recurse: false })];
    for (const [name, t] of own) held.set(t._value, `${scope}/${name}`);
  }
  const stack: string[] = [];
  setRecordHook((node) => {
    noteRecorded(node);
    const scope = stack.at(-1) ?? className(model);
    const from = node.inputs.map((value) => {
      const known = names.get(value);
      if (known !== undefined) return known;
      const parameter = held.get(value);
      return parameter === undefined
        ? leaf(`${scope}/constant`, "Constant", value)
        : leaf(parameter, "Parameter", value);
    });
    const name = unique(`${scope}/${node.op.name}`);
    node.outputs.forEach((value, i) => names.set(value, i === 0 ? name : `${name}:${i}`));
    nodes.push({
      name,
      op: node.op.name,
      inputs: from,
      shapes: node.outputs.map(({ shape }) => shape),
      attributes: describe(node.attrs),
    });
  });
  const handle = observeCalls({
    enter: (module) => void stack.push(scopes.get(module) ?? stack.at(-1) ?? className(module)),
    leave: () => void stack.pop(),
  });
  const modes = [...model.modules()].map((m) => [m, m.training] as const);
  try {
    model.eval();
    const result = noGrad(() => (model as unknown as (...args: unknown[]) => unknown)(...inputs));
    tensorsIn(result).forEach((t, i) => {
      const from = names.get(t._value);
      nodes.push({
        name: `output/output.${i}`,
        op: "IO Node",
        inputs: from === undefined ? [] : [from],
        shapes: [t._shape],
        attributes: "",
      });
    });
    return nodes;
  } finally {
    for (const [m, training] of modes) m.training = training;
    handle.remove();
    setRecordHook(noteRecorded);
  }
}

/** A `GraphDef`. */
export function encodeGraph(nodes: readonly GraphNode[]): Uint8Array {
  const w = new ProtoWriter();
  for (const node of nodes) {
    w.message(1, () => {
      w.string(1, node.name);
      w.string(2, node.op);
      for (const input of node.inputs) w.string(3, input);
      if (node.attributes !== "") {
        w.message(5, () => {
          w.string(1, "attr");
          w.message(2, () => w.bytes(2, new TextEncoder().encode(node.attributes)));
        });
      }
      w.message(5, () => {
        w.string(1, "_output_shapes");
        w.message(2, () => {
          w.message(1, () => {
            for (const shape of node.shapes) {
              w.message(7, () => {
                for (const size of shape) w.message(2, () => w.int(1, size));
              });
            }
          });
        });
      });
    });
  }
  w.message(4, () => w.int(1, 22));
  return w.finish();
}
