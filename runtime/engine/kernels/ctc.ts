import { RuntimeError } from "../../errors.js";
import { floatRoom, floats, stored } from "./floats.js";
import type { HostKernel, KernelInput } from "./index.js";

/** The inputs of a batch of sequences, read. */
interface Batch {
  readonly logProbs: Float32Array | Float64Array;
  readonly steps: number;
  readonly count: number;
  readonly classes: number;
  readonly inputLengths: readonly number[];
  /** Every sample's labels with a blank before, between and behind them. */
  readonly labels: readonly Int32Array[];
}

const integers = (x: KernelInput): number[] => Array.from(x.data as ArrayLike<number | bigint>, Number);

function readBatch(inputs: readonly KernelInput[], blank: number): Batch {
  const [logProbs, targets] = inputs as readonly [KernelInput, KernelInput];
  const [steps, count, classes] = logProbs.shape as readonly [number, number, number];
  const all = integers(targets);
  const [inputLengths, targetLengths] = [integers(inputs[2]!), integers(inputs[3]!)];
  const rows = targets.shape.length === 2;
  const longest = Math.max(0, ...targetLengths);
  if (rows && longest > targets.shape[1]!) {
    throw new RuntimeError(
      `Expected tensor to have size at least ${String(longest)} at dimension 1, but got targets of size [${targets.shape.join(", ")}]`,
    );
  }
  const total = targetLengths.reduce((n, l) => n + l, 0);
  if (!rows && total !== all.length) {
    throw new RuntimeError(
      `Expected targets to have ${String(total)} elements, the sum of the target lengths, but got ${String(all.length)}`,
    );
  }
  let at = 0;
  const labels = targetLengths.map((length, n) => {
    if (length < 0) throw new RuntimeError("Expected target lengths to be non-negative");
    const from = rows ? n * targets.shape[1]! : at;
    at += length;
    const spaced = new Int32Array(2 * length + 1).fill(blank);
    for (let i = 0; i < length; i++) {
      const label = all[from + i]!;
      if (label < 0 || label >= classes) {
        throw new RuntimeError(
          `target ${String(label)} is out of range: classes are 0 to ${String(classes - 1)}`,
        );
      }
      spaced[2 * i + 1] = label;
    }
    return spaced;
  });
  for (const length of inputLengths) {
    if (length < 0 || length > steps) {
      throw new RuntimeError(
        `Expected input_lengths to have value at most ${String(steps)}, but got value ${String(length)}`,
      );
    }
  }
  return { logProbs: floats(logProbs), steps, count, classes, inputLengths, labels };
}

/** log(eᵃ + eᵇ + eᶜ) */
function logAdd(a: number, b: number, c: number): number {
  const most = Math.max(a, b, c);
  return most === -Infinity
    ? most
    : Math.log(Math.exp(a - most) + Math.exp(b - most) + Math.exp(c - most)) + most;
}

/** Log probability of having read the first t + 1 steps and being at place s of the labels, at `t * places + s`. */
function forwardTable({ logProbs, count, classes, inputLengths, labels }: Batch, n: number): Float64Array {
  const places = labels[n]!;
  const width = places.length;
  const steps = inputLengths[n]!;
  const alpha = new Float64Array(steps * width).fill(-Infinity);
  const p = (t: number, s: number): number => logProbs[(t * count + n) * classes + places[s]!]!;
  if (steps > 0) {
    alpha[0] = p(0, 0);
    if (width > 1) alpha[1] = p(0, 1);
  }
  for (let t = 1; t < steps; t++) {
    const before = (t - 1) * width;
    for (let s = 0; s < width; s++) {
      const jump = s > 1 && places[s] !== places[s - 2] ? alpha[before + s - 2]! : -Infinity;
      const one = s > 0 ? alpha[before + s - 1]! : -Infinity;
      alpha[t * width + s] = logAdd(alpha[before + s]!, one, jump) + p(t, s);
    }
  }
  return alpha;
}

function negativeLogLikelihood(alpha: Float64Array, steps: number, width: number): number {
  if (steps === 0) return width > 1 ? Infinity : 0;
  const last = steps * width - 1;
  return -logAdd(alpha[last]!, width > 1 ? alpha[last - 1]! : -Infinity, -Infinity);
}

const forward: HostKernel = (inputs, attrs, [out]) => {
  const batch = readBatch(inputs, (attrs as { blank: number }).blank);
  const result = floatRoom(out!.dtype, batch.count);
  for (let n = 0; n < batch.count; n++) {
    result[n] = negativeLogLikelihood(
      forwardTable(batch, n),
      batch.inputLengths[n]!,
      batch.labels[n]!.length,
    );
  }
  return [stored(result, out!.dtype)];
};

/** As PyTorch has it, the gradient for log probabilities that come from a log-softmax: p − posterior. */
const backward: HostKernel = (inputs, attrs, [out]) => {
  const { blank, zeroInfinity } = attrs as { blank: number; zeroInfinity: boolean };
  const batch = readBatch(inputs.slice(1), blank);
  const g = floats(inputs[0]!);
  const result = floatRoom(out!.dtype, batch.logProbs.length);
  for (let n = 0; n < batch.count; n++) addSample(batch, n, g[n]!, zeroInfinity, result);
  return [stored(result, out!.dtype)];
};

function addSample(
  batch: Batch,
  n: number,
  g: number,
  zeroInfinity: boolean,
  result: Float32Array | Float64Array,
): void {
  const { logProbs, count, classes } = batch;
  const places = batch.labels[n]!;
  const width = places.length;
  const steps = batch.inputLengths[n]!;
  const alpha = forwardTable(batch, n);
  const loss = negativeLogLikelihood(alpha, steps, width);
  if (zeroInfinity && loss === Infinity) return;
  let beta = new Float64Array(width).fill(-Infinity);
  const posterior = new Float64Array(classes);
  for (let t = steps - 1; t >= 0; t--) {
    const row = (t * count + n) * classes;
    const next = new Float64Array(width).fill(-Infinity);
    posterior.fill(-Infinity);
    for (let s = width - 1; s >= 0; s--) {
      const label = places[s]!;
      if (t === steps - 1) {
        if (s >= width - 2) next[s] = logProbs[row + label]!;
      } else {
        const jump = s + 2 < width && label !== places[s + 2] ? beta[s + 2]! : -Infinity;
        const one = s + 1 < width ? beta[s + 1]! : -Infinity;
        next[s] = logAdd(beta[s]!, one, jump) + logProbs[row + label]!;
      }
      posterior[label] = logAdd(posterior[label]!, alpha[t * width + s]! + next[s]!, -Infinity);
    }
    beta = next;
    for (let c = 0; c < classes; c++) {
      const lp = logProbs[row + c]!;
      result[row + c] = (Math.exp(lp) - Math.exp(posterior[c]! + loss - lp)) * g;
    }
  }
}

/** Connectionist temporal classification, by the forward-backward recursions of Graves et al. (2006). */
export const ctcKernels: Readonly<Record<string, HostKernel>> = {
  ctc_loss: forward,
  ctc_loss_backward: backward,
};
