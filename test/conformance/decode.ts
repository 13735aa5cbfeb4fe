import { derive } from "./call.js";
import {
  isTensorRef,
  itemSize,
  scatterToStrides,
  type Argument,
  type CallCase,
  type Family,
  type Json,
  type TensorRef,
} from "./corpus.js";
import { NotThere, type Bag, type Library, type Tensor } from "./library.js";

type Tagged = Readonly<Record<string, Json>>;

/** A Python float as the corpus writes it. */
export function float(value: Json): number {
  if (typeof value === "number") return value;
  if (value === "inf") return Infinity;
  return value === "-inf" ? -Infinity : NaN;
}

/** Turns the corpus's values into the library's, and remembers the tensors of a call by path. */
export class Decoder {
  readonly library: Library;
  readonly family: Family;
  /** Tensors by path: "0", "1/2". */
  readonly tensors = new Map<string, Tensor>();
  readonly #recordGradients: boolean;
  readonly #canonical: ReadonlyMap<string, string>;

  constructor(
    library: Library,
    family: Family,
    options: { readonly gradients?: boolean; readonly sameTensor?: CallCase["same_tensor"] } = {},
  ) {
    this.library = library;
    this.family = family;
    this.#recordGradients = options.gradients ?? true;
    this.#canonical = samePaths(options.sameTensor ?? []);
  }

  /** Arguments of a call by the calling rule; `from` leaves out a receiver. */
  arguments(call: readonly Argument[], from = 0): unknown[] {
    return derive(call, ({ value }, index) => this.value(value, String(index)), from);
  }

  tensor(ref: TensorRef, path?: string): Tensor {
    const first = path === undefined ? undefined : this.#canonical.get(path);
    let tensor = first === undefined ? undefined : this.tensors.get(first);
    if (tensor === undefined) {
      tensor = this.#make(ref);
      if (ref.rg === 1 && this.#recordGradients) tensor.requiresGrad_(true);
    }
    if (path !== undefined) this.tensors.set(path, tensor);
    return tensor;
  }

  #make({ $t: [dtype, shape, offset], stride }: TensorRef): Tensor {
    const bytes = this.family.bytes({ $t: [dtype, shape, offset] });
    if (!this.library.has(dtype)) throw new NotThere(`torch.${dtype}`);
    if (stride === undefined || shape.includes(0)) return this.library.fromBytes(bytes, dtype, shape);
    const size = itemSize(dtype);
    const memory = scatterToStrides(bytes, size, shape, stride);
    const flat = this.library.fromBytes(memory, dtype, [memory.length / size]);
    return this.library.method("Tensor.as_strided")(flat, [[...shape], [...stride]]) as Tensor;
  }

  value(json: Json, path = ""): unknown {
    if (typeof json !== "object" || json === null) return json;
    const child = (key: string | number): string => (path === "" ? String(key) : `${path}/${String(key)}`);
    const list = (items: readonly Json[]): unknown[] => items.map((item, i) => this.value(item, child(i)));
    if (Array.isArray(json)) return list(json as readonly Json[]);
    const tagged = json as Tagged;
    if (isTensorRef(tagged)) return this.tensor(tagged, path);
    const tag = Object.keys(tagged).find((key) => key.startsWith("$"));
    const content = tag === undefined ? undefined : tagged[tag]!;
    switch (tag) {
      case "$f":
        return float(content!);
      case "$int":
        return BigInt(content as string);
      case "$tuple":
      case "$size":
      case "$set":
        return list(content as readonly Json[]);
      case "$dtype":
        return this.library.value(content as string);
      case "$device":
        return this.library.function("device")(content);
      case "$layout":
      case "$memory_format":
        return this.library.value(content as string);
      case "$slice":
        return this.library.function("slice")(...(content as readonly unknown[]));
      case "$ellipsis":
        return "...";
      case "$dict":
      case "$odict":
        return this.#mapping(content as readonly (readonly [Json, Json])[]);
      case "$bytes":
        return new Uint8Array(Buffer.from(content as string, "base64"));
      case "$ndarray":
        return this.value(content!, path);
      case "$fn":
        return this.library.function(content as string);
      case "$module":
        return this.library.construct(
          content as string,
          derive((tagged["ctor"] ?? []) as unknown as readonly Argument[], ({ value }) => this.value(value)),
        );
      case "$packed": {
        const parts = content as unknown as Readonly<Record<string, TensorRef | null>>;
        const part = (key: string): unknown => {
          const ref = parts[key] ?? null;
          return ref === null ? null : this.tensor(ref, child(key));
        };
        return this.library.construct("nn.utils.rnn.PackedSequence", [
          part("data"),
          part("batch_sizes"),
          part("sorted_indices"),
          part("unsorted_indices"),
        ]);
      }
      default:
        throw new NotThere(tag === "$c" ? "A complex number" : `The value ${tag ?? JSON.stringify(json)}`);
    }
  }

  #mapping(entries: readonly (readonly [Json, Json])[]): unknown {
    const decoded = entries.map(([key, value]) => [this.value(key), this.value(value)] as const);
    if (decoded.every(([key]) => typeof key === "string")) return Object.fromEntries(decoded) as Bag;
    return new Map(decoded);
  }
}

/** `same_tensor` as a map from a path to the first path of the same object. */
function samePaths(groups: readonly (string | readonly string[])[]): Map<string, string> {
  const all = groups.some((group) => typeof group !== "string") ? groups : [groups as readonly string[]];
  const first = new Map<string, string>();
  for (const group of all) for (const path of group) first.set(path, group[0]!);
  return first;
}

/** A mapping of either form as a `Map`. */
export function entries<V>(mapping: unknown): Map<string, V> {
  return mapping instanceof Map
    ? (mapping as Map<string, V>)
    : new Map(Object.entries(mapping as Bag) as [string, V][]);
}
