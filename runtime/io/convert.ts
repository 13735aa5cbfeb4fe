/** From one format of tensors to another. */
import { ValueError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { load } from "./pth/load.js";
import { PickledModule } from "./pth/pickledModule.js";
import { PthFile } from "./pth/file.js";
import { save } from "./pth/save.js";
import { safeOpen } from "./safetensors/file.js";
import { once, writeFiles } from "./safetensors/save.js";
import type { TensorFile } from "./tensorFile.js";

export interface ConvertOptions {
  /** Only what lies under this key: `model_state_dict`. */
  readonly key?: string | undefined;
  /** The most bytes of tensors in one safetensors file. */
  readonly maxShardBytes?: number | undefined;
}

export interface Converted {
  readonly tensors: number;
  readonly nbytes: number;
  /** Tensors that are one with another, by name. */
  readonly tied: ReadonlyMap<string, string>;
  /** Names of values that the other format has no form for. */
  readonly leftOut: readonly string[];
}

type Format = "pth" | "safetensors";

function formatOf(file: string): Format {
  if (/\.safetensors(\.index\.json)?$/.test(file)) return "safetensors";
  if (/\.(pth|pt|bin|ckpt|tar)$/.test(file)) return "pth";
  throw new ValueError(`${file}: files of tensors end in .pth, .pt, .bin, .ckpt or .safetensors`);
}

/** Opens a file of tensors of either format, to read them one by one. */
export function openTensors(file: string): TensorFile {
  return formatOf(file) === "pth" ? new PthFile(file) : safeOpen(file);
}

/** The names under a key, with what they are called without it. */
function under(names: readonly string[], key: string | undefined): [string, string][] {
  if (key === undefined) return names.map((name) => [name, name]);
  const found = names.filter((name) => name.startsWith(`${key}.`));
  if (found.length === 0)
    throw new ValueError(`there are no tensors under ${key}; there are ${names.slice(0, 5).join(", ")}`);
  return found.map((name) => [name, name.slice(key.length + 1)]);
}

/**
 * Writes the tensors of a file in the format that the other one's name says. Into safetensors they go one after
 * another, so that the file may be larger than memory.
 * @throws ValueError for names of other formats.
 */
export function convert(from: string, to: string, { key, maxShardBytes }: ConvertOptions = {}): Converted {
  if (formatOf(to) === "pth" && formatOf(from) === "pth" && key === undefined) return again(from, to);
  using source = openTensors(from);
  const names = under(source.keys(), key);
  const sized = (name: string): number => {
    const { dtype, shape } = source.info(name);
    return shape.reduce((n, d) => n * d, dtype.itemsize);
  };
  const { kept, left } = once(
    new Map(names.map(([name, own]) => [own, name])),
    (name) => source.info(name).place,
  );
  const leftOut = [...source.others().keys()].filter(
    (name) => key === undefined || name.startsWith(`${key}.`),
  );
  const nbytes = [...kept.values()].reduce((n, name) => n + sized(name), 0);
  if (formatOf(to) === "safetensors") {
    const tensors = new Map(
      [...kept].map(([own, name]) => {
        const { dtype, shape } = source.info(name);
        return [own, { dtype, shape, bytes: () => source.getTensor(name).toBytes() }];
      }),
    );
    const metadata = new Map([...left, ["format", "pt"]]);
    writeFiles(tensors, to, { metadata, ...(maxShardBytes === undefined ? {} : { maxShardBytes }) });
    return { tensors: names.length, nbytes, tied: left, leftOut };
  }
  const state = new Map<string, Tensor>([...kept].map(([own, name]) => [own, source.getTensor(name)]));
  const tied = new Map(left);
  for (const [name, other] of source.metadata())
    if (state.has(other) && !state.has(name)) tied.set(name, other);
  for (const [name, other] of tied) state.set(name, state.get(other)!);
  save(state, to);
  return { tensors: state.size, nbytes, tied, leftOut };
}

/** A file of `torch.save` written anew: an older format in the present one, a whole module as its state. */
function again(from: string, to: string): Converted {
  const value = load<unknown>(from, { mapLocation: "cpu" });
  save(value instanceof PickledModule ? value.stateDict() : value, to);
  using made = new PthFile(to);
  const nbytes = made.keys().reduce((n, name) => {
    const { dtype, shape } = made.info(name);
    return n + shape.reduce((m, d) => m * d, dtype.itemsize);
  }, 0);
  return { tensors: made.keys().length, nbytes, tied: new Map(), leftOut: [] };
}
