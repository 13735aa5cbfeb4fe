/**
 * Writes ONNX models: the protobuf wire format of `ModelProto`, only the fields that graphs here use.
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 */
import { ProtoWriter as Writer } from "../../protobuf.js";
import type { HostArray } from "../../tensor/dtype.js";

/**
 * Plain numbers are INT, arrays of them INTS, strings STRING; `{ f }` is FLOAT, `{ fs }` FLOATS, `{ t }` a tensor,
 * `{ g }` a graph: the body of a loop.
 */
export type OnnxAttr =
  | number
  | bigint
  | string
  | readonly number[]
  | { readonly f: number }
  | { readonly fs: readonly number[] }
  | { readonly t: OnnxTensor }
  | { readonly g: OnnxModel };
export type OnnxAttrs = Readonly<Record<string, OnnxAttr | undefined>>;

export interface OnnxTensor {
  /** TensorProto.DataType. */
  readonly dtype: number;
  readonly dims: readonly number[];
  readonly data: HostArray;
}

export interface OnnxInitializer extends OnnxTensor {
  readonly name: string;
}

export interface OnnxNode {
  readonly op: string;
  readonly domain?: string | undefined;
  /** Repeated by ONNX Runtime when the node fails. */
  readonly name?: string | undefined;
  /** An empty name leaves an optional input out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs?: OnnxAttrs | undefined;
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly dtype: number;
  /** A name or `null` for an axis whose size is known only at run time; absent when nothing is known. */
  readonly shape?: readonly (number | string | null)[];
}

export interface OnnxModel {
  readonly inputs: readonly OnnxValueInfo[];
  readonly outputs: readonly OnnxValueInfo[];
  readonly initializers: readonly OnnxInitializer[];
  readonly nodes: readonly OnnxNode[];
}

/** The opset of the default domain. */
export const OPSET = 22;
/**
 * That of graphs for webgpu. 22 only adds bfloat16 to operations, but ONNX Runtime's WebGPU provider knows those (transposed
 * convolution, Elu, the tangents) up to 21, and leaves newer ones to the CPU.
 */
export const WEBGPU_OPSET = 21;
const IR_VERSION = 10;

function writeTensor(w: Writer, { dtype, dims, data }: OnnxTensor, name?: string): void {
  for (const d of dims) w.int(1, d);
  w.int(2, dtype);
  if (name !== undefined) w.string(8, name);
  w.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** Half of a number would be written without a word. */
function integer<T extends number | bigint>(name: string, value: T): T {
  if (typeof value === "number" && !Number.isInteger(value))
    throw new RangeError(`attribute ${name}: ${String(value)} is no integer; write { f } for a FLOAT`);
  return value;
}

function writeAttr(w: Writer, name: string, value: OnnxAttr): void {
  w.string(1, name);
  if (typeof value === "number" || typeof value === "bigint") {
    w.int(3, integer(name, value));
    w.int(20, 2);
  } else if (typeof value === "string") {
    w.string(4, value);
    w.int(20, 3);
  } else if ("f" in value) {
    w.float(2, value.f);
    w.int(20, 1);
  } else if ("fs" in value) {
    for (const f of value.fs) w.float(7, f);
    w.int(20, 6);
  } else if ("t" in value) {
    w.message(5, () => {
      writeTensor(w, value.t);
    });
    w.int(20, 4);
  } else if ("g" in value) {
    w.message(6, () => {
      writeGraph(w, value.g, "body");
    });
    w.int(20, 5);
  } else {
    for (const i of value) w.int(8, integer(name, i));
    w.int(20, 7);
  }
}

function writeValueInfo(w: Writer, { name, dtype, shape }: OnnxValueInfo): void {
  w.string(1, name);
  w.message(2, () => {
    w.message(1, () => {
      w.int(1, dtype);
      if (!shape) return;
      w.message(2, () => {
        for (const d of shape) {
          w.message(1, () => {
            if (typeof d === "number") w.int(1, d);
            else if (d !== null) w.string(2, d);
          });
        }
      });
    });
  });
}

function writeGraph(w: Writer, graph: OnnxModel, name: string): void {
  for (const node of graph.nodes) {
    w.message(1, () => {
      for (const i of node.inputs) w.string(1, i);
      for (const o of node.outputs) w.string(2, o);
      if (node.name !== undefined) w.string(3, node.name);
      w.string(4, node.op);
      for (const key in node.attrs) {
        const value = node.attrs[key];
        if (value !== undefined) {
          w.message(5, () => {
            writeAttr(w, key, value);
          });
        }
      }
      if (node.domain !== undefined) w.string(7, node.domain);
    });
  }
  w.string(2, name);
  for (const t of graph.initializers) {
    w.message(5, () => {
      writeTensor(w, t, t.name);
    });
  }
  for (const i of graph.inputs) {
    w.message(11, () => {
      writeValueInfo(w, i);
    });
  }
  for (const o of graph.outputs) {
    w.message(12, () => {
      writeValueInfo(w, o);
    });
  }
}

/** Serialises a model. */
export function encodeModel(model: OnnxModel, opset = OPSET): Uint8Array<ArrayBuffer> {
  const w = new Writer();
  w.int(1, IR_VERSION);
  w.message(7, () => {
    writeGraph(w, model, "plan");
  });
  w.message(8, () => {
    w.string(1, "");
    w.int(2, opset);
  });
  w.message(8, () => {
    w.string(1, "com.microsoft");
    w.int(2, 1);
  });
  return w.finish();
}
