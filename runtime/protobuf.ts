/**
 * The wire format of protocol buffers: what ONNX models and event files are written in.
 * @see https://protobuf.dev/programming-guides/encoding/
 */
import { ValueError } from "./errors.js";

const utf8 = new TextEncoder();

/** Writes one message, fields in the order of the calls. Fields that have their default value are for the caller to leave out. */
export class ProtoWriter {
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

  double(field: number, value: number): void {
    this.varint((field << 3) | 1);
    this.#double(value);
  }

  /** A packed list. */
  doubles(field: number, values: Iterable<number>): void {
    this.message(field, () => {
      for (const value of values) this.#double(value);
    });
  }

  #double(value: number): void {
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#at, value, true);
    this.#at += 8;
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

const text = new TextDecoder("utf-8");

/**
 * Reads one message field by field, without trust: whatever does not fit is a ValueError, and nothing is allocated that
 * the bytes do not hold.
 *
 *     for (const r = new ProtoReader(bytes); r.next(); ) if (r.field === 2) step = r.integer();
 */
export class ProtoReader {
  /** The number of the field that `next` came to. */
  field = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #wire = 0;
  #number = 0n;
  #payload: Uint8Array = new Uint8Array();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Goes to the next field; false at the end. @throws ValueError for bytes that are no message. */
  next(): boolean {
    if (this.#at >= this.#bytes.length) return false;
    const key = this.#varint();
    this.field = Number(key >> 3n);
    this.#wire = Number(key & 7n);
    if (this.field === 0 || key > 0xffffffffn) throw new ValueError("a protobuf message has a field 0");
    if (this.#wire === 0) this.#number = this.#varint();
    else if (this.#wire === 1) this.#payload = this.#take(8);
    else if (this.#wire === 2) this.#payload = this.#take(Number(this.#varint()));
    else if (this.#wire === 5) this.#payload = this.#take(4);
    else throw new ValueError(`a protobuf message has wire type ${String(this.#wire)}`);
    return true;
  }

  /** A signed 64-bit integer; beyond 2⁵³ it is rounded. */
  integer(): number {
    this.#expect(0);
    return Number(BigInt.asIntN(64, this.#number));
  }

  bytes(): Uint8Array {
    this.#expect(2);
    return this.#payload;
  }

  string(): string {
    return text.decode(this.bytes());
  }

  message(): ProtoReader {
    return new ProtoReader(this.bytes());
  }

  float(): number {
    this.#expect(5);
    return viewOf(this.#payload).getFloat32(0, true);
  }

  double(): number {
    this.#expect(1);
    return viewOf(this.#payload).getFloat64(0, true);
  }

  /** The numbers of a repeated field: one, or a packed list. */
  doubles(): number[] {
    if (this.#wire === 1) return [this.double()];
    return this.#packed(8, (view, at) => view.getFloat64(at, true));
  }

  floats(): number[] {
    if (this.#wire === 5) return [this.float()];
    return this.#packed(4, (view, at) => view.getFloat32(at, true));
  }

  integers(): number[] {
    if (this.#wire === 0) return [this.integer()];
    const inner = new ProtoReader(this.bytes());
    const numbers: number[] = [];
    while (inner.#at < inner.#bytes.length) numbers.push(Number(BigInt.asIntN(64, inner.#varint())));
    return numbers;
  }

  #packed(size: number, read: (view: DataView, at: number) => number): number[] {
    const payload = this.bytes();
    if (payload.length % size !== 0) throw new ValueError("a packed protobuf list is cut off");
    const view = viewOf(payload);
    return Array.from({ length: payload.length / size }, (_, i) => read(view, i * size));
  }

  #expect(wire: number): void {
    if (this.#wire !== wire) {
      throw new ValueError(
        `protobuf field ${String(this.field)} has wire type ${String(this.#wire)} where ${String(wire)} is expected`,
      );
    }
  }

  #take(size: number): Uint8Array {
    const start = this.#at;
    if (size > this.#bytes.length - start) throw new ValueError("a protobuf message is cut off");
    this.#at = start + size;
    return this.#bytes.subarray(start, this.#at);
  }

  #varint(): bigint {
    let low = 0;
    for (let i = 0; i < 4; i++) {
      const byte = this.#byte();
      low |= (byte & 127) << (7 * i);
      if (byte < 128) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
    throw new ValueError("a protobuf number has more than ten bytes");
  }

  #byte(): number {
    if (this.#at >= this.#bytes.length) throw new ValueError("a protobuf message is cut off");
    return this.#view.getUint8(this.#at++);
  }
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
