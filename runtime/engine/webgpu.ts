/**
 * Values on the WebGPU device. ONNX Runtime offers no reading of them (`getData` ends the process) and no way to send
 * one ahead: graphs of one Identity do both.
 */
import type * as ort from "onnxruntime-node";
import type { HostArray } from "../tensor/dtype.js";
import { createSession, type DeviceTensor, type Session } from "./session.js";

/** A ModelProto, opset 22: `v1 = Identity(v0)`, float32 of any shape. */
const identity = Uint8Array.from(
  Buffer.from(
    "CAo6MgoSCgJ2MBICdjEiCElkZW50aXR5EgRwbGFuWgoKAnYwEgQKAggBYgoKAnYxEgQKAggBQgQKABAWQhEKDWNvbS5taWNyb3NvZnQQAQ==",
    "base64",
  ),
);

/** What went between this thread's memory and the device's. */
export interface Transfers {
  readonly uploads: number;
  readonly uploadedBytes: number;
  readonly downloads: number;
  readonly downloadedBytes: number;
}

class WebgpuMemory {
  #uploader: Promise<Session> | undefined;
  #downloader: Promise<Session> | undefined;
  #counts = { uploads: 0, uploadedBytes: 0, downloads: 0, downloadedBytes: 0 };

  get transfers(): Transfers {
    return { ...this.#counts };
  }

  /** Counts what a session takes in by itself. */
  noteUpload(bytes: number): void {
    this.#counts.uploads++;
    this.#counts.uploadedBytes += bytes;
  }

  /** Counts what a session gives out by itself. */
  noteDownload(bytes: number): void {
    this.#counts.downloads++;
    this.#counts.downloadedBytes += bytes;
  }

  async upload(tensor: ort.Tensor): Promise<DeviceTensor> {
    const session = await (this.#uploader ??= identitySession(true));
    const { v1 } = await session.run({ v0: tensor });
    this.noteUpload(tensor.size * 4);
    return session.hold(v1!);
  }

  /** A copy. */
  async download({ tensor }: DeviceTensor): Promise<HostArray> {
    const session = await (this.#downloader ??= identitySession(false));
    const { v1 } = await session.run({ v0: tensor });
    const data = v1!.data as HostArray;
    this.noteDownload(data.byteLength);
    return data;
  }
}

function identitySession(stays: boolean): Promise<Session> {
  return createSession(identity, "fast", { device: "webgpu", staying: stays ? ["v1"] : [] });
}

export const webgpuMemory = new WebgpuMemory();
