import { allocate, type HostArray } from "../../tensor/dtype.js";
import { numel } from "../../tensor/strides.js";
import type { HostKernel, KernelInput } from "./index.js";

/** Convolution attributes, padded to three spatial axes. */
interface Geometry {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

const three = (v: readonly number[], fill: number): number[] => [
  ...Array.from({ length: 3 - v.length }, () => fill),
  ...v,
];

function geometry(attrs: unknown): Geometry {
  const a = attrs as Geometry;
  return {
    stride: three(a.stride, 1),
    padding: three(a.padding, 0),
    dilation: three(a.dilation, 1),
    groups: a.groups,
  };
}

const wide = (shape: readonly number[]): number[] => [shape[0]!, shape[1]!, ...three(shape.slice(2), 1)];

/** Calls back with the flat indices of every product that a convolution `x * w → y` adds up. */
function eachProduct(
  xs: readonly number[],
  ws: readonly number[],
  ys: readonly number[],
  g: Geometry,
  visit: (x: number, w: number, y: number) => void,
): void {
  const [n, c, d, h, w] = wide(xs) as [number, number, number, number, number];
  const [o, cg, kd, kh, kw] = wide(ws) as [number, number, number, number, number];
  const [, , od, oh, ow] = wide(ys) as [number, number, number, number, number];
  const [sd, sh, sw] = g.stride as [number, number, number];
  const [pd, ph, pw] = g.padding as [number, number, number];
  const [dd, dh, dw] = g.dilation as [number, number, number];
  const og = o / g.groups;
  for (let b = 0; b < n; b++)
    for (let f = 0; f < o; f++) {
      const first = Math.floor(f / og) * cg;
      for (let k = 0; k < cg; k++)
        for (let z = 0; z < od; z++)
          for (let a = 0; a < kd; a++) {
            const iz = z * sd - pd + a * dd;
            if (iz < 0 || iz >= d) continue;
            for (let y = 0; y < oh; y++)
              for (let e = 0; e < kh; e++) {
                const iy = y * sh - ph + e * dh;
                if (iy < 0 || iy >= h) continue;
                const xRow = ((b * c + first + k) * d + iz) * h * w + iy * w;
                const wRow = (((f * cg + k) * kd + a) * kh + e) * kw;
                const yRow = ((b * o + f) * od + z) * oh * ow + y * ow;
                for (let j = 0; j < ow; j++)
                  for (let q = 0; q < kw; q++) {
                    const ix = j * sw - pw + q * dw;
                    if (ix >= 0 && ix < w) visit(xRow + ix, wRow + q, yRow + j);
                  }
              }
          }
    }
}

type Numbers = Record<number, number> & { readonly length: number };

/** Multiplies and adds in the arrays' own number type. */
function accumulator(a: HostArray, b: HostArray, out: HostArray): (i: number, j: number, k: number) => void {
  if (a instanceof BigInt64Array && b instanceof BigInt64Array && out instanceof BigInt64Array) {
    return (i, j, k) => (out[k] = out[k]! + a[i]! * b[j]!);
  }
  const [p, q, r] = [a as Numbers, b as Numbers, out as Numbers];
  return (i, j, k) => (r[k] = r[k]! + p[i]! * q[j]!);
}

function addBias(out: HostArray, shape: readonly number[], bias: KernelInput | undefined): void {
  if (!bias) return;
  const step = numel(shape.slice(2));
  const channels = shape[1]!;
  const values = bias.data as Numbers;
  const target = out as Numbers;
  for (let i = 0; i < out.length; i++) {
    const v = values[Math.floor(i / step) % channels]!;
    target[i] = target[i]! + v;
  }
}

const convolution: HostKernel = ([x, w, bias], attrs, [y]) => {
  const out = allocate(y!.dtype, numel(y!.shape));
  const add = accumulator(x!.data, w!.data, out);
  eachProduct(x!.shape, w!.shape, y!.shape, geometry(attrs), add);
  addBias(out, y!.shape, bias);
  return [out];
};

/** The roles of input and output change places. */
const transposed: HostKernel = ([x, w, bias], attrs, [y]) => {
  const out = allocate(y!.dtype, numel(y!.shape));
  const add = accumulator(x!.data, w!.data, out);
  eachProduct(y!.shape, w!.shape, x!.shape, geometry(attrs), (at, k, from) => {
    add(from, k, at);
  });
  addBias(out, y!.shape, bias);
  return [out];
};

const weightGrad: HostKernel = ([x, g], attrs, [w]) => {
  const out = allocate(w!.dtype, numel(w!.shape));
  const add = accumulator(x!.data, g!.data, out);
  eachProduct(x!.shape, w!.shape, g!.shape, geometry(attrs), (from, k, at) => {
    add(from, at, k);
  });
  return [out];
};

/** float64 and integer convolutions, which ONNX Runtime has no kernels for; float32 ones too, half types excepted. */
export const convKernels: Readonly<Record<string, HostKernel>> = {
  convolution,
  convolution_transposed: transposed,
  convolution_weight_grad: weightGrad,
};
