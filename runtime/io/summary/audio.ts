import { AssertionError } from "../../errors.js";
import type { EncodedAudio } from "../../events/event.js";
import type { Tensor } from "../../tensor/tensor.js";
import { numbersOf } from "./numbers.js";

/** A WAV file of 16 bits a sample, one channel. @throws AssertionError for several channels. */
export function encodeAudio(sound: Tensor, sampleRate: number): EncodedAudio {
  const samples = sound.squeeze();
  if (samples.ndim !== 1) throw new AssertionError("input tensor should be 1 dimensional.");
  const values = numbersOf(samples);
  const out = Buffer.alloc(44 + 2 * values.length);
  out.write("RIFF", 0, "latin1");
  out.writeUInt32LE(36 + 2 * values.length, 4);
  out.write("WAVEfmt ", 8, "latin1");
  out.writeUInt32LE(16, 16);
  out.writeUInt16LE(1, 20);
  out.writeUInt16LE(1, 22);
  out.writeUInt32LE(sampleRate, 24);
  out.writeUInt32LE(2 * sampleRate, 28);
  out.writeUInt16LE(2, 32);
  out.writeUInt16LE(16, 34);
  out.write("data", 36, "latin1");
  out.writeUInt32LE(2 * values.length, 40);
  values.forEach((v, i) => out.writeInt16LE(Math.trunc(Math.min(1, Math.max(-1, v)) * 32767), 44 + 2 * i));
  return { sampleRate, channels: 1, frames: values.length, encoded: out, contentType: "audio/wav" };
}
