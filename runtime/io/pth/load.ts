/** `torch.load`. */
import { UnpicklingError, ValueError } from "../../errors.js";
import type { Device } from "../../tensor/device.js";
import type { StateDict } from "../../nn/state.js";
import { className, isModule } from "../../nn/registry.js";
import { bound } from "../../ops/arguments.js";
import { openSource, pathOf, type FileLike } from "../source.js";
import { openPth } from "./format.js";
import { Materializer, moduleKey } from "./materialize.js";
import { PickledModule } from "./pickledModule.js";
import { Restorer, type ModuleClasses } from "./module.js";
import { StorageReader, type MapLocation } from "./storages.js";

export interface LoadOptions {
  /**
   * Where to put tensors: a device (`"cpu"`), a record from the file's devices to others (`{ "cuda:0": "cpu" }`), or a
   * function from the one to the other.
   */
  readonly mapLocation?: MapLocation | null;
  /** Refuses whole Python modules too, of which only the state and the names of classes are read. */
  readonly weightsOnly?: boolean;
  /** Classes of whole models that were saved here, by name: those of the library need not be given. */
  readonly classes?: ModuleClasses;
}

const signature =
  "load(any map_location=None, any pickle_module=None, *, bool weights_only=False, any classes=None) -> any";

/** What is loaded says where it came from when something is wrong with it. */
function located(error: unknown, file: FileLike): unknown {
  const path = pathOf(file);
  if (error instanceof ValueError) error = new UnpicklingError(error.message);
  if (path !== undefined && error instanceof Error && !("syscall" in error))
    error.message = `${path}: ${error.message}`;
  return error;
}

/**
 * Reads a file of `torch.save`: PyTorch's, of both formats, or ours; a path, or the file's bytes. A `dict` becomes an
 * object (a `Map` where its keys are not plain names or numbers), an `OrderedDict` a `Map`, tuples become arrays.
 * Nothing in the file is executed, whatever it asks for. Of a whole Python module a `PickledModule` is read: state and
 * names of classes.
 * @throws UnpicklingError for what is no such file, is damaged, or asks for more than values: named.
 * @throws RuntimeError when a tensor's device is not there and `mapLocation` names no other.
 * @see https://pytorch.org/docs/stable/generated/torch.load.html
 */
export function load<T = StateDict>(
  file: FileLike,
  mapLocation?: Exclude<MapLocation, Readonly<Record<string, string | Device>>> | Device | null | LoadOptions,
  options?: LoadOptions,
): T;
export function load<T = StateDict>(file: FileLike, ...rest: unknown[]): T {
  const o = bound(signature, rest);
  const source = openSource(file);
  try {
    const opened = openPth(source);
    const storages = new StorageReader(opened.read, o.mapLocation as MapLocation | null, opened.bigEndian);
    const models = new Restorer((o.classes ?? {}) as ModuleClasses);
    const value = new Materializer(storages, (found) => models.restore(found[moduleKey])).value(opened.root);
    if (o.weightsOnly && (value instanceof PickledModule || isModule(value))) {
      const name = isModule(value) ? className(value) : value.className;
      throw new UnpicklingError(`the file is a whole ${name}, and only weights are to be loaded`);
    }
    return value as T;
  } catch (error) {
    throw located(error, file);
  } finally {
    source.close();
  }
}
