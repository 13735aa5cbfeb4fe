/**
 * Reads pickles, protocols 0 to 5. A pickle is a program; this machine runs the part of it that puts values together.
 * It imports nothing and calls nothing but the functions of an allow-list that make tensors and plain values.
 * @see https://docs.python.org/3/library/pickle.html
 * @see https://github.com/python/cpython/blob/main/Lib/pickletools.py for what each instruction means
 */
import { UnpicklingError, ValueError } from "../../errors.js";
import type { Cursor } from "../source.js";
import { Dict, Global, Instance } from "./values.js";

/** What the machine asks of whoever knows the file. */
export interface PickleHost {
  /** The object of a `persistent_id`. */
  persistent(id: unknown): unknown;
  /** What a call of a named function gives. @throws UnpicklingError unless it is on the list. */
  call(callee: Global, args: readonly unknown[]): unknown;
}

const highestProtocol = 5;
/** Digits, or bytes, of one integer. */
const longestInteger = 4096;
const longestLine = 1 << 16;

type Step = (m: Machine) => void;

class Machine {
  readonly in: Cursor;
  readonly host: PickleHost;
  readonly stack: unknown[] = [];
  readonly marks: number[] = [];
  readonly memo = new Map<number, unknown>();
  done = false;

  constructor(cursor: Cursor, host: PickleHost) {
    this.in = cursor;
    this.host = host;
  }

  push(value: unknown): void {
    this.stack.push(value);
  }

  pop(): unknown {
    if (this.stack.length <= (this.marks.at(-1) ?? 0))
      throw new UnpicklingError("the pickle takes a value that is not there");
    return this.stack.pop();
  }

  top(): unknown {
    if (this.stack.length <= (this.marks.at(-1) ?? 0))
      throw new UnpicklingError("the pickle takes a value that is not there");
    return this.stack.at(-1);
  }

  /** What was pushed since the last mark, which is taken away. */
  sinceMark(): unknown[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw new UnpicklingError("the pickle takes a mark that is not there");
    return this.stack.splice(mark);
  }

  recall(key: number): void {
    if (!this.memo.has(key))
      throw new UnpicklingError(`the pickle takes memo ${String(key)}, which is not there`);
    this.push(this.memo.get(key));
  }

  text(length: number): string {
    return this.in.bytes(length).toString("utf8");
  }

  reduce(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!(callee instanceof Global) || !Array.isArray(args)) {
      throw new UnpicklingError(`the pickle calls ${describe(callee)}: only named functions are`);
    }
    this.push(this.host.call(callee, args as unknown[]));
  }

  /** `cls.__new__(cls)`: an object without contents. */
  create(type: unknown, args: unknown): void {
    if (!(type instanceof Global) || !Array.isArray(args)) {
      throw new UnpicklingError(`the pickle makes an object of ${describe(type)}, which is no class`);
    }
    if (args.length > 0) {
      this.push(this.host.call(type, args as unknown[]));
    } else this.push(new Instance(type));
  }

  build(): void {
    const state = this.pop();
    const target = this.top();
    if (target instanceof Instance) target.state = state;
    else if (target instanceof Dict && state instanceof Dict) target.state = state;
    else if (state !== null) {
      throw new UnpicklingError(`the pickle sets the state of ${describe(target)}, which has none`);
    }
  }

  append(items: readonly unknown[]): void {
    const list = this.top();
    if (!Array.isArray(list))
      throw new UnpicklingError(`the pickle appends to ${describe(list)}, which is no list`);
    for (const item of items) list.push(item);
  }

  setItems(items: readonly unknown[]): void {
    const dict = this.top();
    if (!(dict instanceof Dict))
      throw new UnpicklingError(`the pickle sets items of ${describe(dict)}, which is no dict`);
    if (items.length % 2 !== 0) throw new UnpicklingError("the pickle sets an item without a value");
    for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  }

  addItems(items: readonly unknown[]): void {
    const set = this.top();
    if (!(set instanceof Set))
      throw new UnpicklingError(`the pickle adds to ${describe(set)}, which is no set`);
    for (const item of items) set.add(item);
  }
}

/** A value in a message. */
export function describe(value: unknown): string {
  if (value instanceof Global) return value.toString();
  if (value instanceof Instance) return `a ${value.type.toString()}`;
  if (value instanceof Dict) return "a dict";
  if (Array.isArray(value)) return "a list or tuple";
  if (value instanceof Set) return "a set";
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === "object" && value !== null) return `a ${value.constructor.name}`;
  return String(value);
}

/** A little-endian two's complement integer. */
function longFrom(bytes: Uint8Array): number | bigint {
  if (bytes.length > longestInteger) throw new UnpicklingError(`an integer of ${String(bytes.length)} bytes`);
  if (bytes.length === 0) return 0;
  const hex = Buffer.from(bytes).reverse().toString("hex");
  return small(BigInt.asIntN(8 * bytes.length, BigInt(`0x${hex}`)));
}

/** As a number where it is exact. */
function small(value: bigint): number | bigint {
  const n = Number(value);
  return Number.isSafeInteger(n) ? n : value;
}

function decimal(text: string): number | bigint | boolean {
  if (text === "00") return false;
  if (text === "01") return true;
  const digits = text.endsWith("L") ? text.slice(0, -1) : text;
  if (!/^[+-]?\d+$/.test(digits) || digits.length > longestInteger) {
    throw new UnpicklingError(`${JSON.stringify(text.slice(0, 40))} is no integer`);
  }
  return small(BigInt(digits));
}

function real(text: string): number {
  const special: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, "-inf": -Infinity };
  const value = special[text] ?? (text === "" ? NaN : Number(text));
  if (Number.isNaN(value) && text !== "nan")
    throw new UnpicklingError(`${JSON.stringify(text)} is no number`);
  return value;
}

/** Python's `repr` of a string of bytes, as protocol 0 has it. */
function quoted(text: string): string {
  const inner = /^'(.*)'$|^"(.*)"$/s.exec(text);
  if (!inner) throw new UnpicklingError("a string of the pickle is not closed");
  return (inner[1] ?? inner[2]!).replace(/\\(x[0-9a-fA-F]{2}|.)/gs, (_, e: string) => {
    if (e.startsWith("x")) return String.fromCharCode(parseInt(e.slice(1), 16));
    return { n: "\n", r: "\r", t: "\t", "0": "\0" }[e] ?? e;
  });
}

const rawUnicode = (text: string): string =>
  text.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (_, a?: string, b?: string) => {
    const code = parseInt(a ?? b!, 16);
    if (code > 0x10ffff)
      throw new UnpicklingError("a string of the pickle has a character that there is not");
    return String.fromCodePoint(code);
  });

const tuple =
  (count: number): Step =>
  (m) => {
    const items: unknown[] = [];
    for (let i = 0; i < count; i++) items.unshift(m.pop());
    m.push(items);
  };

const dictOf = (items: readonly unknown[]): Dict => {
  const dict = new Dict();
  if (items.length % 2 !== 0) throw new UnpicklingError("the pickle sets an item without a value");
  for (let i = 0; i < items.length; i += 2) dict.set(items[i], items[i + 1]);
  return dict;
};

const refuse =
  (what: string): Step =>
  () => {
    throw new UnpicklingError(`the pickle uses ${what}, which is refused`);
  };

const char = (c: string): number => c.charCodeAt(0);

/** Instructions by their byte. */
const steps = new Map<number, Step>([
  [0x80, (m) => checkProtocol(m.in.u8())],
  // FRAME: how many bytes to read at once. They are read as they are needed.
  [0x95, (m) => void m.in.u64()],
  [char("."), (m) => (m.done = true)],
  [char("("), (m) => void m.marks.push(m.stack.length)],
  [
    char("0"),
    (m) => {
      if (m.marks.at(-1) === m.stack.length) m.marks.pop();
      else m.pop();
    },
  ],
  [char("1"), (m) => void m.sinceMark()],
  [char("2"), (m) => m.push(m.top())],
  [char("N"), (m) => m.push(null)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  [char("I"), (m) => m.push(decimal(m.in.line(longestLine)))],
  [char("L"), (m) => m.push(decimal(m.in.line(longestLine)))],
  [char("F"), (m) => m.push(real(m.in.line(longestLine)))],
  [char("J"), (m) => m.push(m.in.i32())],
  [char("K"), (m) => m.push(m.in.u8())],
  [char("M"), (m) => m.push(m.in.u16())],
  [0x8a, (m) => m.push(longFrom(m.in.bytes(m.in.u8())))],
  [0x8b, (m) => m.push(longFrom(m.in.bytes(m.in.u32())))],
  [char("G"), (m) => m.push(m.in.f64be())],
  [char("S"), (m) => m.push(quoted(m.in.line(longestLine)))],
  [char("T"), (m) => m.push(m.text(m.in.u32()))],
  [char("U"), (m) => m.push(m.text(m.in.u8()))],
  [char("V"), (m) => m.push(rawUnicode(m.in.line(longestLine)))],
  [char("X"), (m) => m.push(m.text(m.in.u32()))],
  [0x8c, (m) => m.push(m.text(m.in.u8()))],
  [0x8d, (m) => m.push(m.text(m.in.u64()))],
  [char("B"), (m) => m.push(new Uint8Array(m.in.bytes(m.in.u32())))],
  [char("C"), (m) => m.push(new Uint8Array(m.in.bytes(m.in.u8())))],
  [0x8e, (m) => m.push(new Uint8Array(m.in.bytes(m.in.u64())))],
  [0x96, (m) => m.push(new Uint8Array(m.in.bytes(m.in.u64())))],
  [char(")"), tuple(0)],
  [0x85, tuple(1)],
  [0x86, tuple(2)],
  [0x87, tuple(3)],
  [char("t"), (m) => m.push(m.sinceMark())],
  [char("]"), (m) => m.push([])],
  [char("l"), (m) => m.push(m.sinceMark())],
  [char("a"), (m) => m.append([m.pop()])],
  [char("e"), (m) => m.append(m.sinceMark())],
  [char("}"), (m) => m.push(new Dict())],
  [char("d"), (m) => m.push(dictOf(m.sinceMark()))],
  [
    char("s"),
    (m) => {
      const value = m.pop();
      m.setItems([m.pop(), value]);
    },
  ],
  [char("u"), (m) => m.setItems(m.sinceMark())],
  [0x8f, (m) => m.push(new Set())],
  [0x90, (m) => m.addItems(m.sinceMark())],
  [0x91, (m) => m.push(new Set(m.sinceMark()))],
  [char("g"), (m) => m.recall(Number(decimal(m.in.line(longestLine))))],
  [char("h"), (m) => m.recall(m.in.u8())],
  [char("j"), (m) => m.recall(m.in.u32())],
  [char("p"), (m) => void m.memo.set(Number(decimal(m.in.line(longestLine))), m.top())],
  [char("q"), (m) => void m.memo.set(m.in.u8(), m.top())],
  [char("r"), (m) => void m.memo.set(m.in.u32(), m.top())],
  [0x94, (m) => void m.memo.set(m.memo.size, m.top())],
  [char("c"), (m) => m.push(new Global(m.in.line(longestLine), m.in.line(longestLine)))],
  [
    0x93,
    (m) => {
      const name = m.pop();
      const module = m.pop();
      if (typeof name !== "string" || typeof module !== "string") {
        throw new UnpicklingError("the pickle names a function or class by something else than its name");
      }
      m.push(new Global(module, name));
    },
  ],
  [char("R"), (m) => m.reduce()],
  [
    0x81,
    (m) => {
      const args = m.pop();
      m.create(m.pop(), args);
    },
  ],
  [
    0x92,
    (m) => {
      const keywords = m.pop();
      const args = m.pop();
      const type = m.pop();
      if (!(keywords instanceof Dict) || keywords.entries.size > 0) {
        throw new UnpicklingError(`the pickle calls ${describe(type)} with keywords, which is refused`);
      }
      m.create(type, args);
    },
  ],
  [char("b"), (m) => m.build()],
  [char("Q"), (m) => m.push(m.host.persistent(m.pop()))],
  [char("P"), refuse("identifiers in text")],
  [char("i"), refuse("the instruction INST")],
  [char("o"), refuse("the instruction OBJ")],
  [0x82, refuse("registered extensions")],
  [0x83, refuse("registered extensions")],
  [0x84, refuse("registered extensions")],
  [0x97, refuse("buffers outside of it")],
  [0x98, refuse("buffers outside of it")],
]);

function checkProtocol(version: number): void {
  if (version > highestProtocol) throw new UnpicklingError(`unsupported pickle protocol: ${String(version)}`);
}

/**
 * Reads one pickle and stays behind it.
 * @throws UnpicklingError for what is damaged or refused, each by name.
 */
export function unpickle(cursor: Cursor, host: PickleHost): unknown {
  const m = new Machine(cursor, host);
  try {
    while (!m.done) {
      const code = m.in.u8();
      const step = steps.get(code);
      if (!step)
        throw new UnpicklingError(`${code.toString(16).padStart(2, "0")} is no instruction of a pickle`);
      step(m);
    }
    return m.pop();
  } catch (error) {
    // The source's words for an end that comes too early.
    if (error instanceof ValueError) throw new UnpicklingError(error.message);
    throw error;
  }
}
