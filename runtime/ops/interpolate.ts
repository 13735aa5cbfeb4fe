/** Resizing of images, signals and volumes. */
import { NotImplementedError, RuntimeError, ValueError } from "../errors.js";
import { uint8 } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { warn } from "../warnings.js";
import { adaptiveAverage } from "./average-pool.js";
import { castTo } from "./convert.js";
import { requireFloat } from "./elementwise.js";
import { page } from "./family.js";
import { op } from "./record.js";
import { resample, type Filter } from "./resample.js";

/** The number of spatial axes of the modes that need a certain one. */
const ranks: Readonly<Record<string, number>> = { linear: 1, bilinear: 2, bicubic: 2, trilinear: 3 };
const anyRank = ["nearest", "nearest-exact", "area"];

interface Sizes {
  readonly sizes: readonly number[];
  /** The user's factors, which place the samples; `null`: the sizes do. */
  readonly factors: readonly number[] | null;
}

const sizeText = (input: Tensor): string => `[${input._shape.join(", ")}]`;

function outputSizes(
  input: Tensor,
  size: readonly number[] | null,
  scaleFactor: readonly number[] | null,
  recompute: boolean,
): Sizes {
  const n = Math.max(0, input.ndim - 2);
  const spread = (list: readonly number[], what: string): readonly number[] => {
    if (list.length === 1) return Array.from({ length: n }, () => list[0]!);
    if (list.length === n) return list;
    throw new ValueError(
      `Input and ${what} must have the same number of spatial dimensions, but got input ${sizeText(input)} and ${what} [${list.join(", ")}]. ` +
        `Give one number, or ${String(n)}.`,
    );
  };
  if (size !== null && scaleFactor !== null) {
    throw new ValueError("only one of size or scaleFactor should be defined");
  }
  if (size !== null) {
    if (recompute) throw new ValueError("recomputeScaleFactor is not meaningful with an explicit size.");
    return { sizes: spread(size, "size"), factors: null };
  }
  if (scaleFactor === null) throw new ValueError("either size or scaleFactor should be defined");
  const factors = spread(scaleFactor, "scaleFactor");
  const sizes = factors.map((f, i) => Math.floor(input._shape[i + 2]! * f));
  return { sizes, factors: recompute ? null : factors };
}

function filterOf(mode: string, antialias: boolean): Filter {
  if (mode === "nearest" || mode === "nearest-exact") return mode;
  const curve = mode === "bicubic" ? "cubic" : "linear";
  return antialias ? `${curve}-antialias` : curve;
}

interface Settings {
  readonly mode: string;
  readonly alignCorners: boolean | null;
  readonly recompute: boolean | null;
  readonly antialias: boolean;
}

function checkMode(input: Tensor, { mode, alignCorners, antialias }: Settings): void {
  if (anyRank.includes(mode) && alignCorners !== null) {
    throw new ValueError(
      "alignCorners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear",
    );
  }
  if (antialias && !((mode === "bilinear" || mode === "bicubic") && input.ndim === 4)) {
    throw new ValueError("Anti-alias option is only supported for bilinear and bicubic modes");
  }
}

function checkRank(input: Tensor, mode: string): void {
  const n = input.ndim - 2;
  const wanted = ranks[mode];
  if (n >= 1 && n <= 3 && (anyRank.includes(mode) || wanted === n)) return;
  if (n >= 1 && n <= 3 && wanted !== undefined && mode !== "bicubic") {
    throw new NotImplementedError(
      `Got ${String(input.ndim)}D input, but ${mode} mode needs ${String(wanted + 2)}D input`,
    );
  }
  throw new NotImplementedError(
    `Input Error: Only 3D, 4D and 5D input Tensors supported (got ${String(input.ndim)}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact (got ${mode})`,
  );
}

function checkSizes(input: Tensor, sizes: readonly number[]): void {
  const from = input._shape.slice(2);
  if (from.some((d) => d <= 0) || sizes.some((d) => d <= 0)) {
    throw new RuntimeError(
      `Input and output sizes should be greater than 0, but got input (${from.join(", ")}) and output (${sizes.join(", ")})`,
    );
  }
  if (input._shape[1] === 0) {
    throw new RuntimeError(
      `Non-empty ${String(input.ndim)}D data tensor expected but got a tensor with sizes ${sizeText(input)}`,
    );
  }
}

export function interpolateTo(
  input: Tensor,
  size: readonly number[] | null,
  scaleFactor: readonly number[] | null,
  settings: Settings,
): Tensor {
  const { mode, alignCorners, recompute, antialias } = settings;
  checkMode(input, settings);
  const area = mode === "area";
  const { sizes, factors } = outputSizes(
    input,
    size,
    scaleFactor,
    (recompute ?? false) || (area && size === null),
  );
  checkRank(input, mode);
  if (area) return adaptiveAverage(input.ndim - 2, input, sizes);
  checkSizes(input, sizes);
  const moves = mode === "nearest" || mode === "nearest-exact";
  if (input.dtype !== uint8) requireFloat(`upsample_${mode}`, input.dtype);
  // Axis by axis without rounding to the input's dtype between them.
  let x = moves || input.dtype.itemsize > 2 ? input : input.float();
  const axes = sizes.map((_, i) => i + 2);
  // The fewer elements on the way the better: shrink early, grow late.
  axes.sort((p, q) => sizes[p - 2]! / input._shape[p]! - sizes[q - 2]! / input._shape[q]!);
  for (const dim of axes) {
    x = resample(x, dim, {
      filter: filterOf(mode, antialias),
      from: input._shape[dim]!,
      to: sizes[dim - 2]!,
      alignCorners: alignCorners ?? false,
      scale: factors ? factors[dim - 2]! : null,
      single: input.dtype.name !== "float64",
    });
  }
  return castTo(x, input.dtype);
}

const modes =
  '`mode` is `"nearest"`, `"nearest-exact"`, `"area"`, `"linear"` (one axis), `"bilinear"`, `"bicubic"` (two) or `"trilinear"` (three).';

export const interpolate = op({
  signature:
    "interpolate(Tensor input, int[]? size=None, float[]? scale_factor=None, str mode='nearest', bool? align_corners=None, bool? recompute_scale_factor=None, bool antialias=False) -> Tensor",
  on: ["F"],
  doc: `Resizes the spatial axes of \`[N, C, …]\` to \`size\` or by \`scaleFactor\`. ${modes} \`alignCorners\` puts the corner elements of both on each other; \`antialias\` filters when shrinking.\n\n${page("nn.functional.interpolate")}`,
  call: (input, size, scaleFactor, mode, alignCorners, recompute, antialias) =>
    interpolateTo(input, size, scaleFactor, { mode, alignCorners, recompute, antialias }),
});

const deprecated = (name: string): void => {
  warn(`nn.functional.${name} is deprecated. Use nn.functional.interpolate instead.`);
};

export const upsample = op({
  signature:
    "upsample(Tensor input, int[]? size=None, float[]? scale_factor=None, str mode='nearest', bool? align_corners=None) -> Tensor",
  on: ["F"],
  doc: `The deprecated name of \`F.interpolate\`.\n\n${page("nn.functional.upsample")}`,
  call: (input, size, scaleFactor, mode, alignCorners) => {
    deprecated("upsample");
    return interpolateTo(input, size, scaleFactor, { mode, alignCorners, recompute: null, antialias: false });
  },
});

export const upsampleNearest = op({
  signature: "upsample_nearest(Tensor input, int[]? size=None, float[]? scale_factor=None) -> Tensor",
  on: ["F"],
  doc: `\`F.interpolate\` with mode \`"nearest"\`; deprecated.\n\n${page("nn.functional.upsample_nearest")}`,
  call: (input, size, scaleFactor) => {
    deprecated("upsample_nearest");
    return interpolateTo(input, size, scaleFactor, {
      mode: "nearest",
      alignCorners: null,
      recompute: null,
      antialias: false,
    });
  },
});

export const upsampleBilinear = op({
  signature: "upsample_bilinear(Tensor input, int[]? size=None, float[]? scale_factor=None) -> Tensor",
  on: ["F"],
  doc: `\`F.interpolate\` with mode \`"bilinear"\` and \`alignCorners\`; deprecated.\n\n${page("nn.functional.upsample_bilinear")}`,
  call: (input, size, scaleFactor) => {
    deprecated("upsample_bilinear");
    return interpolateTo(input, size, scaleFactor, {
      mode: "bilinear",
      alignCorners: true,
      recompute: null,
      antialias: false,
    });
  },
});
