import * as fs from "node:fs";
import * as path from "node:path";

/** One value of the corpus as it stands in the JSON: scalars, lists, and objects tagged by a `$` key. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A tensor of the corpus: dtype, shape and where its bytes lie in the family's `.bin`. */
export interface TensorRef {
  readonly $t: readonly [dtype: string, shape: readonly number[], offset: number];
  readonly stride?: readonly number[];
  readonly rg?: 1;
}

/** One argument of a call, in signature order. */
export interface Argument {
  readonly name: string;
  readonly required: boolean;
  readonly value: Json;
  readonly pos?: number;
  readonly kwonly?: boolean;
  readonly varargs?: boolean;
}

/** Largest |float32 − float64| of PyTorch itself, per result. */
export interface Error64 {
  readonly out?: readonly number[];
  readonly grads?: Readonly<Record<string, number>>;
  readonly param_grads?: Readonly<Record<string, number>>;
}

export interface Variants {
  readonly method?: string;
  readonly inplace?: string;
  readonly inplace_error?: readonly [name: string, type: string];
  readonly aliases?: readonly string[];
}

export type Mode = "close" | "exact" | "random" | "uninit" | "nonunique" | "unstable";

/** What all kinds of cases have. */
export interface CaseBase {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly dtype: string | null;
  readonly compare?: Mode;
  readonly tol?: readonly [rtol: number, atol: number];
  readonly seed?: number;
}

export interface Expectation {
  readonly out: Json;
  readonly cot?: readonly (TensorRef | null)[];
  readonly grads?: Readonly<Record<string, TensorRef>>;
  readonly grads_none?: readonly string[];
  readonly param_grads?: Readonly<Record<string, TensorRef>>;
  readonly state_after?: Readonly<Record<string, TensorRef>>;
  readonly mutated?: Readonly<Record<string, TensorRef>>;
}

/** A function, a method, a module or a criterion called once. */
export interface CallCase extends CaseBase {
  readonly kind: "function" | "method" | "module" | "criterion";
  readonly call: readonly Argument[];
  readonly expect: Expectation;
  readonly err64?: Error64;
  readonly ill_conditioned?: boolean;
  readonly variants?: Variants;
  readonly view_of?: readonly (string | null)[];
  readonly same_tensor?: readonly (string | readonly string[])[];
  readonly no_grad_recorded?: string;
  readonly ctor?: readonly Argument[];
  readonly training?: boolean;
  readonly state?: Readonly<Record<string, TensorRef>>;
  readonly lazy?: boolean;
  readonly repr?: string;
}

export interface ErrorCase extends CaseBase {
  readonly kind: "error";
  readonly call?: readonly Argument[];
  readonly ctor?: readonly Argument[];
  readonly params_case?: string;
  readonly same_tensor?: CallCase["same_tensor"];
  readonly expect: { readonly error: string; readonly regex?: string; readonly message: string };
}

const itemSizes: Readonly<Record<string, number>> = {
  bool: 1,
  uint8: 1,
  int8: 1,
  int16: 2,
  float16: 2,
  bfloat16: 2,
  int32: 4,
  float32: 4,
  int64: 8,
  float64: 8,
  complex64: 8,
  complex128: 16,
};

export function itemSize(dtype: string): number {
  const size = itemSizes[dtype];
  if (size === undefined) throw new Error(`The corpus format has no dtype ${dtype}.`);
  return size;
}

export const product = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1);

/** One `<family>.jsonl` with its `<family>.bin`; both are read when first needed. */
export class Family {
  readonly name: string;
  readonly folder: string;
  #lines: readonly string[] | undefined;
  #bytes: Buffer | undefined;

  constructor(folder: string, name: string) {
    this.folder = folder;
    this.name = name;
  }

  /** The cases' JSON texts. */
  get lines(): readonly string[] {
    this.#lines ??= fs
      .readFileSync(path.join(this.folder, `${this.name}.jsonl`), "utf8")
      .split("\n")
      .filter((line) => line.trim() !== "");
    return this.#lines;
  }

  case(index: number): CaseBase {
    return JSON.parse(this.lines[index]!) as CaseBase;
  }

  /** The bytes of a tensor in C order: a copy, so that nobody writes into the corpus. */
  bytes(ref: TensorRef): Uint8Array<ArrayBuffer> {
    this.#bytes ??= fs.readFileSync(path.join(this.folder, `${this.name}.bin`));
    const [dtype, shape, offset] = ref.$t;
    const length = product(shape) * itemSize(dtype);
    if (offset + length > this.#bytes.length && length > 0) {
      throw new Error(`${this.name}.bin ends before offset ${String(offset + length)}.`);
    }
    return new Uint8Array(this.#bytes.subarray(offset, offset + length));
  }
}

/** The families of a corpus folder, by name. */
export function readFamilies(folder: string): Family[] {
  return fs
    .readdirSync(folder)
    .filter((file) => file.endsWith(".jsonl"))
    .sort()
    .map((file) => new Family(folder, path.basename(file, ".jsonl")));
}

export function isTensorRef(value: unknown): value is TensorRef {
  return typeof value === "object" && value !== null && "$t" in value;
}

/**
 * Memory for elements given in C order that must lie at `stride` (in elements): what a tensor over it with that
 * shape and stride reads are these elements.
 */
export function scatterToStrides(
  bytes: Uint8Array,
  size: number,
  shape: readonly number[],
  stride: readonly number[],
): Uint8Array<ArrayBuffer> {
  if (shape.includes(0)) return new Uint8Array(0);
  const extent = shape.reduce((last, n, axis) => last + (n - 1) * stride[axis]!, 0) + 1;
  const memory = new Uint8Array(extent * size);
  const index = shape.map(() => 0);
  for (let i = 0; i < product(shape); i++) {
    const at = index.reduce((sum, n, axis) => sum + n * stride[axis]!, 0);
    memory.set(bytes.subarray(i * size, (i + 1) * size), at * size);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
  return memory;
}
