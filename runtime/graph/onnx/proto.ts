/**
 * Writes ONNX models: the protobuf wire format of `ModelProto`, only the fields that graphs here use.
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 */
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
const IR_VERSION = 10;

const utf8 = new TextEncoder();

class Writer {
  #bytes = new Uint8Array(1 << 14);
  #at = 0;

  #reserve(n: number): void {
    if (this.#at + n <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + n));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  varint(value: number | bigint): void {
    this.#reserve(10);
    if (typeof value === "number" && value >= 0 && value < 0x80000000) {
      let v = value;
      while (v > 127) {
        this.#bytes[this.#at++] = (v & 127) | 128;
        v >>>= 7;
      }
      this.#bytes[this.#at++] = v;
      return;
    }
    this.#wide(value);
  }

  /** Negative numbers take ten bytes, as two's complement of 64 bits. */
  #wide(value: number | bigint): void {
    if (typeof value === "number" && value < 0 && value >= -0x80000000) {
      let v = value;
      for (let i = 0; i < 9; i++) {
        this.#bytes[this.#at++] = (v & 127) | 128;
        v >>= 7;
      }
      this.#bytes[this.#at++] = 1;
      return;
    }
    let v = BigInt.asUintN(64, BigInt(value));
    while (v > 127n) {
      this.#bytes[this.#at++] = Number(v & 127n) | 128;
      v >>= 7n;
    }
    this.#bytes[this.#at++] = Number(v);
  }

  int(field: number, value: number | bigint): void {
    this.varint(field << 3);
    this.varint(value);
  }

  float(field: number, value: number): void {
    this.varint((field << 3) | 5);
    this.#reserve(4);
    new DataView(this.#bytes.buffer).setFloat32(this.#at, value, true);
    this.#at += 4;
  }

  bytes(field: number, value: Uint8Array): void {
    this.varint((field << 3) | 2);
    this.varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  string(field: number, value: string): void {
    let ascii = value.length < 128;
    for (let i = 0; ascii && i < value.length; i++) ascii = value.charCodeAt(i) < 128;
    if (!ascii) {
      this.bytes(field, utf8.encode(value));
      return;
    }
    this.varint((field << 3) | 2);
    this.varint(value.length);
    this.#reserve(value.length);
    for (let i = 0; i < value.length; i++) this.#bytes[this.#at++] = value.charCodeAt(i);
  }

  /** A nested message: its length goes before it, so it is written behind a gap that is closed afterwards. */
  message(field: number, body: () => void): void {
    this.varint((field << 3) | 2);
    this.#reserve(5);
    const start = this.#at;
    this.#at += 5;
    body();
    const length = this.#at - start - 5;
    const end = this.#at;
    this.#at = start;
    this.varint(length);
    this.#bytes.copyWithin(this.#at, start + 5, end);
    this.#at += length;
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#at);
  }
}

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
export function encodeModel(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const w = new Writer();
  w.int(1, IR_VERSION);
  w.message(7, () => {
    writeGraph(w, model, "plan");
  });
  w.message(8, () => {
    w.string(1, "");
    w.int(2, OPSET);
  });
  w.message(8, () => {
    w.string(1, "com.microsoft");
    w.int(2, 1);
  });
  return w.finish();
}
