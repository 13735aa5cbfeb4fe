/** ONNX Runtime sessions, by its public API. */
import * as ort from "onnxruntime-node";
import type { DTypeName, HostArray } from "../tensor/dtype.js";

let live = 0;
let created = 0;

export function sessionStats(): { sessions: number; sessionsCreated: number } {
  return { sessions: live, sessionsCreated: created };
}

export interface Session {
  run(feeds: Record<string, ort.Tensor>): Promise<Record<string, ort.Tensor>>;
  release(): Promise<void>;
}

const threads = Number(process.env["TENSORSCOPE_THREADS"] ?? "0");
const spin = process.env["TENSORSCOPE_SPIN"];

export async function createSession(model: Uint8Array, optimization: "fast" | "full"): Promise<Session> {
  const options: ort.InferenceSession.SessionOptions = {
    executionProviders: ["cpu"],
    graphOptimizationLevel: optimization === "full" ? "all" : "basic",
    executionMode: "sequential",
    logSeverityLevel: 3,
    ...(threads > 0 ? { intraOpNumThreads: threads } : {}),
    ...(spin === undefined ? {} : { extra: { session: { intra_op: { allow_spinning: spin } } } }),
  };
  const session = await ort.InferenceSession.create(model, options);
  live++;
  created++;
  return {
    run: async (feeds) => (await session.run(feeds)) as Record<string, ort.Tensor>,
    release: async () => {
      live--;
      await session.release();
    },
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
