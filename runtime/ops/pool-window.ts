/** What pools with regular windows share: sizes, checks, batches. */
import { RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import type { Tensor } from "../tensor/tensor.js";

export interface PoolAttrs extends Attrs {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly out: readonly number[];
}

/**
 * PyTorch's pooling size: with `ceilMode` a last, partial window counts when it starts inside the input or its left
 * padding.
 */
export function pooledSize(n: number, k: number, p: number, s: number, d: number, ceilMode: boolean): number {
  const span = n + 2 * p - d * (k - 1) - 1;
  let out = Math.floor((span + (ceilMode ? s - 1 : 0)) / s) + 1;
  if (ceilMode && (out - 1) * s >= n + p) out--;
  return out;
}

/** Padding after the last axis element that makes all windows fit. */
export function padsAfter(shape: readonly number[], a: PoolAttrs): number[] {
  return a.kernel.map(
    (k, i) => (a.out[i]! - 1) * a.stride[i]! + a.dilation[i]! * (k - 1) + 1 - shape[i]! - a.padding[i]!,
  );
}

/** One number for every axis, or one for each. */
export function perAxis<T>(value: readonly T[], nd: number, name: string, what: string): readonly T[] {
  if (value.length === 1) return Array.from({ length: nd }, () => value[0]!);
  if (value.length === nd) return value;
  throw new RuntimeError(`${name}: ${what} must either be a single int, or a tuple of ${String(nd)} ints`);
}

/** The input with a batch axis, and how to take it away again. */
export interface Batched {
  readonly batched: Tensor;
  readonly unbatch: (t: Tensor) => Tensor;
}

export function withBatch(input: Tensor, nd: number): Batched {
  return input.ndim === nd + 2
    ? { batched: input, unbatch: (t) => t }
    : { batched: input.unsqueeze(0), unbatch: (t) => t.squeeze(0) };
}

export function checkPoolRank(name: string, input: Tensor, nd: number): void {
  if (input.ndim === nd + 1 || input.ndim === nd + 2) return;
  throw new RuntimeError(
    `${name}: Expected ${String(nd + 1)}D or ${String(nd + 2)}D (batch mode) tensor, but got [${input._shape.join(", ")}]`,
  );
}

/** Adaptive pools take any batch size and no other empty axis. */
export function checkNotEmpty(name: string, input: Tensor, nd: number): void {
  if (input._shape.slice(input.ndim - nd).every((d) => d > 0)) return;
  throw new RuntimeError(
    `${name}: Expected input to have non-zero size for non-batch dimensions, but input has sizes [${input._shape.join(", ")}]`,
  );
}

export interface Window extends Batched {
  readonly attrs: PoolAttrs;
}

export interface WindowArguments {
  readonly kernel: readonly number[];
  readonly stride: readonly number[] | null;
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly ceilMode: boolean;
}

/** Checks a pool's arguments as PyTorch does. @throws RuntimeError */
export function poolWindow(name: string, nd: number, input: Tensor, w: WindowArguments): Window {
  const k = perAxis(w.kernel, nd, name, "kernel_size");
  const s = w.stride?.length ? perAxis(w.stride, nd, name, "stride") : k;
  const p = perAxis(w.padding, nd, name, "padding");
  const d = perAxis(w.dilation, nd, name, "dilation");
  checkPoolRank(name, input, nd);
  if (k.some((v) => v <= 0))
    throw new RuntimeError(`${name}: kernel size should be greater than zero, but got [${k.join(", ")}]`);
  if (s.some((v) => v <= 0)) throw new RuntimeError(`${name}: stride should not be zero`);
  if (d.some((v) => v <= 0))
    throw new RuntimeError(
      `${name}: dilation should be greater than zero, but got dilation [${d.join(", ")}]`,
    );
  p.forEach((v, i) => {
    if (v < 0) throw new RuntimeError(`pad must be non-negative, but got pad: ${String(v)}`);
    if (v > Math.floor(k[i]! / 2)) {
      throw new RuntimeError(
        `pad should be at most half of kernel size, but got pad=${String(v)} and kernel_size=${String(k[i])}`,
      );
    }
  });
  const { batched, unbatch } = withBatch(input, nd);
  const size = batched._shape.slice(2);
  if (size.some((v) => v === 0) || batched._shape[1] === 0) {
    throw new RuntimeError(
      `${name}: Expected tensor with optional 0 dim batch size, but got [${input._shape.join(", ")}]`,
    );
  }
  const out = size.map((n, i) => pooledSize(n, k[i]!, p[i]!, s[i]!, d[i]!, w.ceilMode));
  if (out.some((o) => o < 1)) {
    throw new RuntimeError(
      `Given input size: (${batched._shape.slice(1).join("x")}). Calculated output size: (${[batched._shape[1], ...out].join("x")}). Output size is too small`,
    );
  }
  return { attrs: { kernel: k, stride: s, padding: p, dilation: d, out }, batched, unbatch };
}
