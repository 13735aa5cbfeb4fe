/**
 * ONNX Runtime sessions. The public API runs a session inside `setImmediate`, which costs as much again as a small
 * graph; the native session below it runs at once. It is internal to the package, so it is used with the one version
 * it was read in, and the public API with any other (or with `TENSORSCOPE_ORT=public`).
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as ort from "onnxruntime-node";
import { logsPlacement, profileFolder, reportProfile } from "./placement.js";
import type { DeviceType } from "../tensor/device.js";
import type { DTypeName, HostArray } from "../tensor/dtype.js";

type Feeds = Readonly<Record<string, ort.Tensor>>;
type Results = Readonly<Record<string, ort.Tensor>>;
type Optimization = "fast" | "full";

export interface Session {
  /** Runs the graph; every result is copied into fresh memory. */
  run(feeds: Feeds): Results | Promise<Results>;
  /**
   * Runs the graph and writes its results into the memory of these tensors, which must be all its outputs and none of
   * the feeds. Where the entry does not offer it, `run` has to do.
   */
  readonly fill?: (feeds: Feeds, results: Results) => void;
  /** Results on the device live in memory of the session's: while one is held, `release` waits for it. */
  hold(tensor: ort.Tensor): DeviceTensor;
  release(): void | Promise<void>;
}

/** A value on the device. Nothing there is collected by itself. */
export interface DeviceTensor {
  readonly tensor: ort.Tensor;
  free(): void;
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
  run(feeds: Feeds, fetches: Readonly<Record<string, ort.Tensor | null>>, options: object): Results;
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
let deviceTensors = 0;

export interface SessionStats {
  readonly sessions: number;
  readonly sessionsCreated: number;
  /** Results on the device that were not given back. */
  readonly deviceTensors: number;
}

export function sessionStats(): SessionStats {
  return { sessions: live, sessionsCreated: created, deviceTensors };
}

const threads = Number(process.env["TENSORSCOPE_THREADS"] ?? "0");
const spin = process.env["TENSORSCOPE_SPIN"];

/** Where a session runs, and how. */
export interface Placement {
  readonly device: DeviceType;
  /** Results that stay on the device. */
  readonly staying?: readonly string[];
  /** No factor is folded into a product, which ONNX Runtime keeps as a float32 there even among float64. */
  readonly exact?: boolean;
}

function sessionOptions(
  optimization: Optimization,
  { device, staying = [], exact = false }: Placement,
  profile: string | undefined,
): ort.InferenceSession.SessionOptions {
  const off = [
    ...(exact ? ["MatMulScaleFusion"] : []),
    // What it makes of a layer norm gives no mean and deviation there, which backward needs.
    ...(device === "webgpu" ? ["SkipLayerNormFusion"] : []),
  ];
  return {
    executionProviders: [device],
    ...(staying.length > 0
      ? { preferredOutputLocation: Object.fromEntries(staying.map((name) => [name, "gpu-buffer"])) }
      : {}),
    ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: join(profile, "p") }),
    graphOptimizationLevel: optimization === "full" ? "all" : "basic",
    executionMode: "sequential",
    // Errors are thrown; they need not be printed too.
    logSeverityLevel: 4,
    ...(threads > 0 ? { intraOpNumThreads: threads } : {}),
    extra: {
      ...(off.length > 0 ? { optimization: { disable_specified_optimizers: off.join(";") } } : {}),
      ...(spin === undefined ? {} : { session: { intra_op: { allow_spinning: spin } } }),
    },
  };
}

export async function createSession(
  model: Uint8Array,
  optimization: Optimization,
  placement: Placement = { device: "cpu" },
  entry = sessionEntry,
): Promise<Session> {
  const profile = logsPlacement && placement.device !== "cpu" ? profileFolder() : undefined;
  const options = sessionOptions(optimization, placement, profile);
  const session =
    internal && entry === "native" && placement.device === "cpu"
      ? nativeSession(internal, model, options)
      : await publicSession(model, options, profile);
  live++;
  created++;
  let held = 0;
  let released = false;
  const end = (): void | Promise<void> => {
    live--;
    return session.release();
  };
  return {
    ...session,
    hold: (tensor) => {
      held++;
      deviceTensors++;
      return {
        tensor,
        free: () => {
          held--;
          deviceTensors--;
          tensor.dispose();
          if (released && held === 0) void end();
        },
      };
    },
    release: () => {
      released = true;
      return held > 0 ? undefined : end();
    },
  };
}

/**
 * The native `run` writes results into given tensors, and then copies each into a fresh one all the same, which costs
 * several times the computing. A first result that JavaScript has no array for makes it throw in between: bfloat16.
 */
const stop = {
  output: "stop",
  message: "Tensor type (16) is not supported.",
  /**
   * A piece of a ModelProto: the graph's first node and output, a constant cast to bfloat16. Put before a model it is
   * merged with it, as protobuf merges a message written in two pieces.
   */
  piece: Uint8Array.from(
    Buffer.from(
      "OmQKKxIIc3RvcC9vbmUiCENvbnN0YW50KhUKC3ZhbHVlX2Zsb2F0FQAAgD+gAQEKIQoIc3RvcC9vbmUSBHN0b3AiBENhc3QqCQoCdG8YEKABAhIEcGxhbmIMCgRzdG9wEgQKAggQ",
      "base64",
    ),
  ),
};

type Bare = Omit<Session, "hold">;

function nativeSession(
  { initOrt, binding }: Binding,
  model: Uint8Array,
  options: ort.InferenceSession.SessionOptions,
): Bare {
  initOrt();
  const session = new binding.InferenceSession();
  const bytes = new Uint8Array(stop.piece.length + model.length);
  bytes.set(stop.piece);
  bytes.set(model, stop.piece.length);
  session.loadModel(bytes.buffer, 0, bytes.length, options);
  const inputs = session.inputMetadata.map(({ name }) => name);
  const outputs = session.outputMetadata.map(({ name }) => name).filter((name) => name !== stop.output);
  const fetches = Object.fromEntries(outputs.map((name) => [name, null]));
  const checkFeeds = (feeds: Feeds): void => {
    // As the public API does: a kernel may read an input that was not fed.
    for (const name of inputs) if (!feeds[name]) throw new Error(`input '${name}' is missing in 'feeds'.`);
  };
  return {
    run: (feeds) => {
      checkFeeds(feeds);
      return session.run(feeds, fetches, {});
    },
    fill: (feeds, results) => {
      checkFeeds(feeds);
      const fetched: Record<string, ort.Tensor | null> = { [stop.output]: null };
      for (const name of outputs) {
        const room = results[name];
        if (!room) throw new Error(`no room for output '${name}'`);
        fetched[name] = room;
      }
      try {
        session.run(feeds, fetched, {});
      } catch (e) {
        if ((e as Error).message === stop.message) return;
        throw e;
      }
      throw new Error("internal: ONNX Runtime copied its results");
    },
    release: () => {
      session.dispose();
    },
  };
}

async function publicSession(
  model: Uint8Array,
  options: ort.InferenceSession.SessionOptions,
  profile: string | undefined,
): Promise<Bare> {
  const session = await ort.InferenceSession.create(model, options);
  let unreported = profile;
  return {
    run: async (feeds) => {
      const results = (await session.run(feeds)) as Results;
      if (unreported !== undefined) {
        session.endProfiling();
        reportProfile(unreported);
        unreported = undefined;
      }
      return results;
    },
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
