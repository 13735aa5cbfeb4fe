/** Tensors as text: what PyTorch's `repr` shows. */
import { ValueError } from "../errors.js";
import { isTracing, read } from "../graph/executor.js";
import { cat } from "../ops/join.js";
import { asLibrary } from "../ops/depth.js";
import { numel } from "../graph/value.js";
import { decodeBfloat16, decodeFloat16 } from "./half.js";
import { bool, getDefaultDtype, int64 } from "./dtype.js";
import { exponential, fixed } from "./decimal.js";
import { Tensor } from "./tensor.js";

interface PrintOptions {
  /** Digits after the point. */
  precision: number;
  /** Tensors of more elements are summarised. */
  threshold: number;
  /** Entries shown at either end of a summarised axis. */
  edgeitems: number;
  /** Characters in a line. */
  linewidth: number;
  /** Whether numbers have exponents; `null` where the numbers decide. */
  sciMode: boolean | null;
}

const profiles = {
  default: { precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80 },
  short: { precision: 2, threshold: 1000, edgeitems: 2, linewidth: 80 },
  full: { precision: 4, threshold: Infinity, edgeitems: 3, linewidth: 80 },
} as const;

let options: PrintOptions = { ...profiles.default, sciMode: null };

/** `torch.set_printoptions`: what is given and not `null` is set, a profile first. */
export function setPrintOptions(
  given: Partial<{ readonly [K in keyof PrintOptions]: PrintOptions[K] | null }> & {
    readonly profile?: string | null;
  },
): void {
  const { profile, sciMode, ...rest } = given;
  const next: PrintOptions = { ...options, sciMode: sciMode ?? null };
  if (profile && !(profile in profiles)) {
    throw new ValueError(`profile must be one of ${Object.keys(profiles).join(", ")}, not '${profile}'`);
  }
  if (profile) Object.assign(next, profiles[profile as keyof typeof profiles]);
  for (const [key, value] of Object.entries(rest)) {
    if (value !== null && value !== undefined) Object.assign(next, { [key]: value });
  }
  options = next;
}

type Element = number | bigint | boolean;

/** How the elements of one tensor are written: all alike, right-aligned. */
class Formatter {
  readonly width: number;
  readonly #write: (value: Element) => string;

  constructor(elements: readonly Element[], floating: boolean) {
    if (!floating) {
      this.#write = plain;
      this.width = elements.reduce((w: number, v) => Math.max(w, plain(v).length), 1);
      return;
    }
    const finite = (elements as readonly number[]).filter((v) => Number.isFinite(v) && v !== 0);
    const { precision, sciMode } = options;
    const whole = finite.every((v) => Number.isInteger(v));
    const sizes = finite.map(Math.abs);
    const largest = sizes.reduce((a, b) => Math.max(a, b), 0);
    const smallest = sizes.reduce((a, b) => Math.min(a, b), Infinity);
    const spread = finite.length > 0 && (largest / smallest > 1000 || largest > 1e8);
    const wide = spread || (!whole && smallest < 1e-4);
    const measured = finite.map((v) =>
      wide ? exponential(v, precision) : whole ? `${fixed(v, 0)}.` : fixed(v, precision),
    );
    this.width = measured.reduce((w, text) => Math.max(w, text.length), 1);
    const scientific = finite.length > 0 && (sciMode ?? wide);
    this.#write = (v) => {
      const value = v as number;
      if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
      if (scientific) return exponential(value, precision);
      return whole ? `${fixed(value, 0)}.` : fixed(value, precision);
    };
  }

  format(value: Element): string {
    return this.#write(value).padStart(this.width);
  }
}

function plain(value: Element): string {
  return typeof value === "boolean" ? (value ? "True" : "False") : String(value);
}

/** The elements as they are shown, and where. */
interface Shown {
  readonly elements: readonly Element[];
  readonly shape: readonly number[];
  /** Whether something was left out of an axis. */
  readonly cut: readonly boolean[];
}

/** Reads what is to be shown; of large tensors only that. */
function shown(t: Tensor, summarize: boolean): Shown {
  const { edgeitems } = options;
  const cut = t._shape.map((d) => summarize && d > 2 * edgeitems);
  let part: Tensor = t.detach();
  cut.forEach((isCut, axis) => {
    if (!isCut) return;
    const n = part._shape[axis]!;
    const ends = [part.narrow(axis, 0, edgeitems), part.narrow(axis, n - edgeitems, edgeitems)];
    part = cat(ends, axis);
  });
  return { elements: elementsOf(part), shape: part._shape, cut };
}

function elementsOf(t: Tensor): readonly Element[] {
  const raw = read(t._value);
  if (raw instanceof Uint16Array)
    return [...(t.dtype.name === "float16" ? decodeFloat16(raw) : decodeBfloat16(raw))];
  if (t.dtype === bool) return Array.from(raw as Uint8Array, (v) => v !== 0);
  return [...(raw as Iterable<number | bigint>)];
}

function write({ elements, shape, cut }: Shown, formatter: Formatter, indent: number): string {
  const { edgeitems, linewidth } = options;
  const line = (items: readonly string[], inset: number): string => {
    const perLine = Math.max(1, Math.floor((linewidth - inset) / (formatter.width + 2)));
    const lines: string[] = [];
    for (let i = 0; i < items.length; i += perLine) lines.push(items.slice(i, i + perLine).join(", "));
    return `[${lines.join(`,\n${" ".repeat(inset + 1)}`)}]`;
  };
  const walk = (axis: number, at: number, inset: number): string => {
    if (axis === shape.length) return formatter.format(elements[at]!);
    const step = numel(shape.slice(axis + 1));
    const last = axis === shape.length - 1;
    const items = Array.from({ length: shape[axis]! }, (_, i) => walk(axis + 1, at + i * step, inset + 1));
    if (cut[axis]) items.splice(edgeitems, 0, last && edgeitems > 0 ? " ..." : "...");
    if (last) return line(items, inset);
    const below = shape.length - axis - 1;
    return `[${items.join(`,${"\n".repeat(below)}${" ".repeat(inset + 1)}`)}]`;
  };
  return walk(0, 0, indent);
}

const prefix = "tensor(";

/** A tensor as PyTorch prints it. While only shapes are computed, `...` stands for the numbers. */
export function tensorText(t: Tensor): string {
  const suffixes: string[] = [];
  const size = `size=(${t._shape.join(", ")}${t.ndim === 1 ? "," : ""})`;
  const dtype = `dtype=${String(t.dtype)}`;
  if (t.device.type !== "cpu") suffixes.push(`device='${String(t.device)}'`);
  let body: string;
  if (isTracing()) {
    suffixes.push(size);
    if (t.dtype !== getDefaultDtype()) suffixes.push(dtype);
    body = "...";
  } else if (t.numel() === 0) {
    if (t.ndim !== 1) suffixes.push(size);
    if (t.dtype !== getDefaultDtype()) suffixes.push(dtype);
    body = "[]";
  } else {
    const isUsual = t.dtype === getDefaultDtype() || t.dtype === int64 || t.dtype === bool;
    if (!isUsual) suffixes.push(dtype);
    const part = asLibrary(() => shown(t, t.numel() > options.threshold));
    body = write(part, new Formatter(part.elements, t.dtype.isFloatingPoint), prefix.length);
  }
  if (t.gradFn) suffixes.push(`grad_fn=<${t.gradFn.name()}>`);
  else if (t.requiresGrad) suffixes.push("requires_grad=True");
  return withSuffixes(prefix + body, suffixes);
}

function withSuffixes(text: string, suffixes: readonly string[]): string {
  let result = text;
  let length = text.length - text.lastIndexOf("\n") + 1;
  for (const suffix of suffixes) {
    if (length + suffix.length + 2 > options.linewidth) {
      result += `,\n${" ".repeat(prefix.length)}${suffix}`;
      length = prefix.length + suffix.length;
    } else {
      result += `, ${suffix}`;
      length += suffix.length + 2;
    }
  }
  return `${result})`;
}

Object.defineProperties(Tensor.prototype, {
  toString: {
    configurable: true,
    writable: true,
    value(this: Tensor): string {
      return tensorText(this);
    },
  },
  [Symbol.for("nodejs.util.inspect.custom")]: {
    configurable: true,
    writable: true,
    value(this: Tensor): string {
      return this.toString();
    },
  },
});

declare module "./tensor.js" {
  interface Tensor {
    /** The tensor as PyTorch prints it; waits for its values. See `torch.setPrintoptions`. */
    toString(): string;
  }
}
