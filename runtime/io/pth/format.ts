/** The two formats of PyTorch's files: a zip archive, and before 1.6 pickles one after another. */
import { UnpicklingError } from "../../errors.js";
import { unpickle, type PickleHost } from "../pickle/unpickler.js";
import { Dict } from "../pickle/values.js";
import { Cursor, type ByteSource } from "../source.js";
import { ZipArchive } from "../zip.js";
import { callGlobal } from "./globals.js";
import { StorageTable } from "./specs.js";
import type { ReadStorage } from "./storages.js";

/** A file whose objects are known, and whose storages are read when asked for. */
export interface OpenedPth {
  readonly format: "zip" | "legacy";
  /** What was saved, with specs where there are tensors. */
  readonly root: unknown;
  readonly bigEndian: boolean;
  readonly read: ReadStorage;
}

/** Numbers do not shrink more; deflate at its best gives 1032. */
const largestRatio = 200;

/** Opens a file of `torch.save`. @throws UnpicklingError, ValueError for anything else, for damaged and for hostile ones. */
export function openPth(source: ByteSource): OpenedPth {
  if (source.size === 0) throw new UnpicklingError("the file is empty");
  const start = Buffer.from(source.read(0, Math.min(4, source.size))).toString("latin1");
  if (start === "PK\x03\x04" || start === "PK\x05\x06") return openZip(source);
  if (start.startsWith("\x80")) return openLegacy(source);
  if (source.size > 262 && Buffer.from(source.read(257, 5)).toString("latin1") === "ustar") {
    throw new UnpicklingError(
      "the file is a tar archive, as PyTorch before 0.1.10 wrote them: save it again",
    );
  }
  throw new UnpicklingError("not a file of torch.save: neither a zip archive nor a pickle");
}

function openZip(source: ByteSource): OpenedPth {
  const archive = new ZipArchive(source, largestRatio);
  const [first] = archive.entries.keys();
  if (first === undefined) throw new UnpicklingError("the archive is empty");
  const folder = first.slice(0, first.indexOf("/") + 1);
  if (archive.entries.has(`${folder}constants.pkl`)) {
    throw new UnpicklingError(
      "the file is a TorchScript archive: its code is never run. Save the state dict instead",
    );
  }
  const pickled = `${folder}data.pkl`;
  if (folder === "" || !archive.entries.has(pickled)) {
    throw new UnpicklingError("the archive has no data.pkl: it is no file of torch.save");
  }
  const order = `${folder}byteorder`;
  const byteOrder = archive.entries.has(order)
    ? Buffer.from(archive.read(order)).toString("latin1")
    : "little";
  if (byteOrder !== "little" && byteOrder !== "big")
    throw new UnpicklingError("the archive has an unknown byte order");
  const table = new StorageTable();
  const root = unpickle(new Cursor(memory(archive.read(pickled))), hostOf(table));
  return {
    format: "zip",
    root,
    bigEndian: byteOrder === "big",
    read: ({ key }, nbytes) => {
      const entry = archive.entries.get(`${folder}data/${key}`);
      if (!entry) throw new UnpicklingError(`storage ${key} is not in the archive`);
      if (entry.size !== nbytes) {
        throw new UnpicklingError(
          `storage ${key} has ${String(entry.size)} bytes in the archive, and its tensors need ${String(nbytes)}`,
        );
      }
      return archive.read(entry.name);
    },
  };
}

const memory = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: (at, size) => bytes.subarray(at, at + size),
  own: (at, size) => bytes.slice(at, at + size) as Uint8Array<ArrayBuffer>,
  close: () => undefined,
});

const hostOf = (table: StorageTable): PickleHost => ({
  persistent: (id) => table.resolve(id),
  call: callGlobal,
});

const magic = 0x1950a86a20f9469cfc6cn;
const legacyVersion = 1001;

/** What comes before the objects of a legacy file has no objects of its own. */
const noObjects: PickleHost = {
  persistent: () => {
    throw new UnpicklingError("the file's head refers to storages");
  },
  call: (callee) => {
    throw new UnpicklingError(`the file's head calls ${callee.toString()}, which is refused`);
  },
};

function openLegacy(source: ByteSource): OpenedPth {
  const on = new Cursor(source);
  if (unpickle(on, noObjects) !== magic) throw new UnpicklingError("Invalid magic number; corrupt file?");
  const version = unpickle(on, noObjects);
  if (version !== legacyVersion) throw new UnpicklingError(`Invalid protocol version: ${String(version)}`);
  const system = unpickle(on, noObjects);
  const bigEndian = system instanceof Dict && system.get("little_endian") === false;
  const table = new StorageTable();
  const root = unpickle(on, hostOf(table));
  const keys = unpickle(on, noObjects);
  if (!Array.isArray(keys)) throw new UnpicklingError("the file does not say which storages follow");
  // Every storage has its number of elements before it, so one place gives the next.
  const places = new Map<string, { readonly at: number; readonly nbytes: number }>();
  for (const key of keys as unknown[]) {
    const spec = typeof key === "string" ? table.specs.get(key) : undefined;
    if (!spec || places.has(spec.key))
      throw new UnpicklingError(`storage ${String(key)} belongs to no tensor`);
    const numel = on.u64();
    if (numel !== spec.numel) {
      throw new UnpicklingError(
        `storage ${spec.key} has ${String(numel)} elements in the file, and its tensors need ${String(spec.numel)}`,
      );
    }
    const nbytes = numel * (spec.dtype?.itemsize ?? 1);
    if (nbytes > on.left)
      throw new UnpicklingError(`storage ${spec.key} is cut off: the file ends before it`);
    places.set(spec.key, { at: on.at, nbytes });
    on.at += nbytes;
  }
  return {
    format: "legacy",
    root,
    bigEndian,
    read: ({ key }) => {
      const place = places.get(key);
      if (!place) throw new UnpicklingError(`storage ${key} is not in the file`);
      return source.own(place.at, place.nbytes);
    },
  };
}
