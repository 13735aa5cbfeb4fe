/** Everything that a training run is, in one file, so that it can go on as if it had never stopped. */
import { KeyError } from "../errors.js";
import { defaultGenerator, Generator } from "../tensor/generator.js";
import type { Tensor } from "../tensor/tensor.js";
import { load } from "./pth/load.js";
import { save } from "./pth/save.js";
import type { FileLike } from "./source.js";

/** What gives its state and takes it again: models, optimizers, schedulers, data loaders. */
export interface Stateful {
  stateDict(): unknown;
  loadStateDict(state: never): unknown;
}

/** The parts of a run by name: `{ model, optimizer, scheduler, loader, generator }`, or any other names. */
export type CheckpointParts = Readonly<Record<string, Stateful | Generator | null | undefined>>;

/** What else is to be in the file: the epoch, the best loss so far. */
export type CheckpointExtra = Readonly<Record<string, unknown>>;

const defaultKey = "rng_state";
const keyOf = (name: string, part: Stateful | Generator): string =>
  part instanceof Generator ? `${name}_rng_state` : `${name}_state_dict`;

function* present(parts: CheckpointParts): Iterable<[string, Stateful | Generator]> {
  for (const [name, part] of Object.entries(parts))
    if (part !== null && part !== undefined) yield [name, part];
}

/**
 * Writes the state of a training run, and that of the default generator: at any point of it, in the middle of an epoch
 * too. The file is one of `torch.save`, with the keys that PyTorch's users know: `model_state_dict`,
 * `optimizer_state_dict`, … It is whole or it is not there.
 * @throws KeyError when `extra` has a key of the parts.
 */
export function saveCheckpoint(
  file: string | URL,
  parts: CheckpointParts,
  extra: CheckpointExtra = {},
): void {
  const content: Record<string, unknown> = { ...extra };
  const put = (key: string, value: unknown): void => {
    if (key in content) throw new KeyError(`${key} is the state of a part; name it differently in extra`);
    content[key] = value;
  };
  for (const [name, part] of present(parts)) {
    put(keyOf(name, part), part instanceof Generator ? part.getState() : part.stateDict());
  }
  put(defaultKey, defaultGenerator.getState());
  save(content, file);
}

/**
 * Reads what `saveCheckpoint` wrote into the same parts, made anew, and gives what was in `extra`. A checkpoint written
 * in PyTorch under the same keys will do; without a `rng_state` the generator stays as it is.
 * @throws KeyError when the state of a part is missing; nothing is changed then.
 */
export function loadCheckpoint(file: FileLike, parts: CheckpointParts): Record<string, unknown> {
  const content = load<Record<string, unknown>>(file);
  const used = new Set([defaultKey]);
  for (const [name, part] of present(parts)) {
    const key = keyOf(name, part);
    if (!Object.hasOwn(content, key)) {
      throw new KeyError(`the checkpoint has no ${key}; it has ${Object.keys(content).join(", ")}`);
    }
    used.add(key);
  }
  for (const [name, part] of present(parts)) {
    const state = content[keyOf(name, part)];
    if (part instanceof Generator) part.setState(state as Tensor);
    else part.loadStateDict(state as never);
  }
  if (Object.hasOwn(content, defaultKey)) defaultGenerator.setState(content[defaultKey] as Tensor);
  return Object.fromEntries(Object.entries(content).filter(([key]) => !used.has(key)));
}
