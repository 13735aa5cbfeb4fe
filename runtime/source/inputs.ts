/**
 * `@input` tags: `@input NAME [DTYPE]"[" DIMS "]" ["in" LOW..HIGH] ["=" FILE]`.
 *
 *     @input x float32[N, 1, 28, 28]
 *     @input tokens int64[N, 128] in 0..50257
 *     @input image [1, 3, 224, 224]
 */
import { dtypes } from "../tensor/dtype.js";
import type { InputSpec } from "./text.js";

export class InputError extends Error {
  override name = "InputError";
  /** Offset in the parsed text, for a diagnostic. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const example = "write it like x float32[1, 1, 28, 28]";
const integer = /^(?:u?int\d+|bool)$/;
/** PyTorch's other names. */
const aliases: Readonly<Record<string, string>> = {
  float: "float32",
  double: "float64",
  half: "float16",
  long: "int64",
  int: "int32",
  short: "int16",
};

/** `[low, high)` of an integer input that gives no range. */
export function defaultRange(dtype: string): readonly [number, number] {
  return dtype === "bool" ? [0, 2] : dtype === "uint8" ? [0, 256] : [0, 10];
}

/**
 * Reads what stands after `@input`.
 * @throws InputError with the place of the fault.
 */
export function parseInput(text: string): InputSpec {
  const parts =
    /^\s*(?<name>[A-Za-z_$][\w$]*)?\s*:?\s*(?<dtype>[A-Za-z_]\w*(?:\.\w+)?)?\s*(?<open>\[)?(?<dims>[^\]]*)(?<close>\])?/.exec(
      text,
    );
  const { name, dtype: written, open, dims = "", close } = parts?.groups ?? {};
  if (name === undefined) throw new InputError(`An @input begins with the parameter's name: ${example}`, 0);
  const given = (written ?? "float32").replace(/^torch\./, "");
  const dtype = aliases[given] ?? given;
  if (open === undefined) {
    throw new InputError(`The @input ${name} has no shape: ${example}`, text.indexOf(name));
  }
  if (close === undefined) throw new InputError(`The shape of ${name} lacks its "]"`, text.indexOf("["));
  if (!Object.hasOwn(dtypes, dtype)) {
    throw new InputError(
      `${given} is not a dtype; there are ${Object.keys(dtypes).join(", ")}`,
      text.indexOf(written ?? "", text.indexOf(name) + name.length),
    );
  }
  const sizes = parseDims(dims, text.indexOf("[") + 1, name);
  const rest = text.slice(parts![0].length);
  const tail =
    /^(?:\s+in\s+(?<low>-?\d+)\s*\.\.\s*(?<high>-?\d+))?(?:\s*=\s*(?<from>\S+))?(?<other>[^]*)$/.exec(rest);
  const { low, high, from } = tail?.groups ?? {};
  if (/^\s+in\b/.test(rest) && low === undefined) {
    throw new InputError(
      `A range is written "in 0..10", its end not included`,
      text.length - rest.trimStart().length,
    );
  }
  if (low !== undefined && !integer.test(dtype)) {
    throw new InputError(`Only integer inputs have a range, ${name} is ${dtype}`, text.indexOf(" in "));
  }
  if (low !== undefined && !(Number(low) < Number(high))) {
    throw new InputError(`The range ${low}..${high} is empty`, text.indexOf(" in ") + 1);
  }
  const range = low === undefined ? undefined : ([Number(low), Number(high)] as const);
  return {
    name,
    dtype,
    dims: sizes,
    ...(range === undefined ? {} : { range }),
    ...(from === undefined ? {} : { from }),
    text:
      `${name} ${dtype}[${sizes.join(", ")}]` +
      (range === undefined ? "" : ` in ${range[0]}..${range[1]}`) +
      (from === undefined ? "" : ` = ${from}`),
  };
}

function parseDims(text: string, start: number, name: string): (number | string)[] {
  if (text.trim() === "") return [];
  let at = start;
  return text.split(",").map((part, i, all) => {
    const where = at + (part.length - part.trimStart().length);
    at += part.length + 1;
    const dim = part.trim();
    if (/^\d+$/.test(dim)) return Number(dim);
    if (/^[A-Za-z_]\w*$/.test(dim)) return dim;
    if (dim === "" && i === all.length - 1)
      throw new InputError(`The shape of ${name} ends with a comma`, where);
    throw new InputError(`${JSON.stringify(dim)} is not a size: a number, or a name such as N`, where);
  });
}

/** Names of the symbolic sizes, in order of appearance. */
export function symbolsOf(inputs: readonly InputSpec[]): string[] {
  const names = inputs.flatMap(({ dims }) => dims.filter((dim) => typeof dim === "string"));
  return [...new Set(names)];
}

/** The sizes with symbols replaced. */
export function concreteDims(input: InputSpec, sizes: ReadonlyMap<string, number>): number[] {
  return input.dims.map((dim) => (typeof dim === "number" ? dim : (sizes.get(dim) ?? 1)));
}

/** What is known of a model's first layer. */
export interface FirstLayer {
  readonly className: string;
  /** Its numeric fields: `inChannels`, `numEmbeddings`, … */
  readonly fields: Readonly<Record<string, number>>;
}

/** A sensible input for a model that begins with this layer; batch size is symbolic. */
export function proposeInput(name: string, layer: FirstLayer): InputSpec | undefined {
  const { className, fields } = layer;
  const channels = fields["inChannels"] ?? fields["numFeatures"] ?? fields["numChannels"];
  const image = channels === 1 ? 28 : channels === 3 ? 224 : 32;
  switch (className) {
    case "Conv1d":
    case "ConvTranspose1d":
      return channels === undefined ? undefined : spec(name, "float32", ["N", channels, 128]);
    case "Conv2d":
    case "ConvTranspose2d":
    case "BatchNorm2d":
    case "InstanceNorm2d":
      return channels === undefined ? undefined : spec(name, "float32", ["N", channels, image, image]);
    case "Conv3d":
    case "ConvTranspose3d":
    case "BatchNorm3d":
      return channels === undefined ? undefined : spec(name, "float32", ["N", channels, 16, 32, 32]);
    case "BatchNorm1d":
      return channels === undefined ? undefined : spec(name, "float32", ["N", channels]);
    case "Linear":
      return number(fields["inFeatures"], (size) => spec(name, "float32", ["N", size]));
    case "Bilinear":
      return undefined;
    case "Embedding":
    case "EmbeddingBag":
      return number(fields["numEmbeddings"], (size) => spec(name, "int64", ["N", 16], [0, size]));
    case "RNN":
    case "LSTM":
    case "GRU":
      return number(fields["inputSize"], (size) => spec(name, "float32", [16, "N", size]));
    default:
      return undefined;
  }
}

function number<T>(value: number | undefined, make: (value: number) => T): T | undefined {
  return value === undefined ? undefined : make(value);
}

function spec(
  name: string,
  dtype: string,
  dims: readonly (number | string)[],
  range?: readonly [number, number],
): InputSpec {
  const tail = range === undefined ? "" : ` in ${range[0]}..${range[1]}`;
  return {
    name,
    dtype,
    dims,
    ...(range === undefined ? {} : { range }),
    text: `${name} ${dtype}[${dims.join(", ")}]${tail}`,
  };
}
