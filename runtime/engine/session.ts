/**
 * ONNX Runtime sessions. The public API runs a session inside `setImmediate`, which costs as much again as a small
 * graph; the native session below it runs at once. It is internal to the package, so it is used with the one version
 * it was read in, and the public API with any other (or with `TENSORSCOPE_ORT=public`).
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as ort from "onnxruntime-node";
import type { DTypeName, HostArray } from "../tensor/dtype.js";

type Feeds = Readonly<Record<string, ort.Tensor>>;
type Results = Readonly<Record<string, ort.Tensor>>;
type Optimization = "fast" | "full";

export interface Session {
  run(feeds: Feeds): Results | Promise<Results>;
  release(): void | Promise<void>;
}

/** `onnxruntime-node/dist/binding.js`. */
interface Binding {
  readonly initOrt: () => void;
  readonly binding: { readonly InferenceSession: new () => NativeSession };
}

interface NativeSession {
  loadModel(
    buffer: ArrayBufferLike,
    offset: number,
    length: number,
    options: ort.InferenceSession.SessionOptions,
  ): void;
  readonly inputMetadata: readonly { readonly name: string }[];
  readonly outputMetadata: readonly { readonly name: string }[];
  run(feeds: Feeds, fetches: Readonly<Record<string, null>>, options: object): Results;
  dispose(): void;
}

/** The version whose native session is known. */
export const KNOWN_VERSION = "1.30.0";

function loadBinding(): Binding | undefined {
  if (process.env["TENSORSCOPE_ORT"] === "public") return undefined;
  try {
    const require = createRequire(import.meta.url);
    const dist = dirname(require.resolve("onnxruntime-node"));
    const { version } = require(join(dist, "..", "package.json")) as { version: string };
    if (version !== KNOWN_VERSION) return undefined;
    const loaded = require(join(dist, "binding.js")) as Partial<Binding>;
    const native = loaded.binding?.InferenceSession.prototype as Partial<NativeSession> | undefined;
    const complete = [loaded.initOrt, native?.loadModel, native?.run, native?.dispose].every(
      (f) => typeof f === "function",
    );
    return complete ? (loaded as Binding) : undefined;
  } catch {
    return undefined;
  }
}

const internal = loadBinding();

/** Which entry sessions are run by. */
export const sessionEntry: "native" | "public" = internal ? "native" : "public";

let live = 0;
let created = 0;

export function sessionStats(): { sessions: number; sessionsCreated: number } {
  return { sessions: live, sessionsCreated: created };
}

const threads = Number(process.env["TENSORSCOPE_THREADS"] ?? "0");
const spin = process.env["TENSORSCOPE_SPIN"];

function sessionOptions(optimization: Optimization): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: ["cpu"],
    graphOptimizationLevel: optimization === "full" ? "all" : "basic",
    executionMode: "sequential",
    // Errors are thrown; they need not be printed too.
    logSeverityLevel: 4,
    ...(threads > 0 ? { intraOpNumThreads: threads } : {}),
    ...(spin === undefined ? {} : { extra: { session: { intra_op: { allow_spinning: spin } } } }),
  };
}

export async function createSession(
  model: Uint8Array,
  optimization: Optimization,
  entry = sessionEntry,
): Promise<Session> {
  const options = sessionOptions(optimization);
  const session =
    internal && entry === "native"
      ? nativeSession(internal, model, options)
      : await publicSession(model, options);
  live++;
  created++;
  return {
    run: session.run,
    release: () => {
      live--;
      return session.release();
    },
  };
}

function nativeSession(
  { initOrt, binding }: Binding,
  model: Uint8Array,
  options: ort.InferenceSession.SessionOptions,
): Session {
  initOrt();
  const session = new binding.InferenceSession();
  session.loadModel(model.buffer, model.byteOffset, model.byteLength, options);
  const inputs = session.inputMetadata.map(({ name }) => name);
  const fetches = Object.fromEntries(session.outputMetadata.map(({ name }) => [name, null]));
  return {
    run: (feeds) => {
      // As the public API does: a kernel may read an input that was not fed.
      for (const name of inputs) if (!feeds[name]) throw new Error(`input '${name}' is missing in 'feeds'.`);
      return session.run(feeds, fetches, {});
    },
    release: () => {
      session.dispose();
    },
  };
}

async function publicSession(
  model: Uint8Array,
  options: ort.InferenceSession.SessionOptions,
): Promise<Session> {
  const session = await ort.InferenceSession.create(model, options);
  return {
    run: async (feeds) => (await session.run(feeds)) as Results,
    release: () => session.release(),
  };
}

/** What ONNX Runtime calls a stored dtype at a graph's border; bfloat16 crosses as float32. */
const types: Readonly<Record<DTypeName, ort.Tensor.Type>> = {
  float64: "float64",
  float32: "float32",
  float16: "float16",
  bfloat16: "float32",
  int64: "int64",
  int32: "int32",
  int16: "int16",
  int8: "int8",
  uint8: "uint8",
  bool: "bool",
};

export function ortTensor(dtype: DTypeName, data: HostArray, shape: readonly number[]): ort.Tensor {
  return new ort.Tensor(types[dtype] as "float32", data as Float32Array, [...shape]);
}
