/** Vision and shuffle layers. @see https://pytorch.org/docs/stable/nn.html#vision-layers */
import type { CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F } from "../torch.js";
import { bound, written } from "./arguments.js";
import type { Size } from "./conv.js";
import { Module } from "./module.js";
import * as py from "./repr.js";

const upsample =
  "Upsample(int[]? size=None, float[]? scale_factor=None, str mode='nearest', bool? align_corners=None, bool? recompute_scale_factor=None) -> any";

export interface UpsampleOptions {
  readonly size?: Size | null;
  readonly scaleFactor?: Size | null;
  readonly mode?: "nearest" | "nearest-exact" | "linear" | "bilinear" | "bicubic" | "trilinear" | "area";
  readonly alignCorners?: boolean | null;
  readonly recomputeScaleFactor?: boolean | null;
}

/** Resizes `[N, C, …]` to a size or by a factor. @see https://pytorch.org/docs/stable/generated/torch.nn.Upsample.html */
export class Upsample extends Module {
  readonly size: Size | null;
  readonly scaleFactor: Size | null;
  readonly mode: string;
  readonly alignCorners: boolean | null;
  readonly recomputeScaleFactor: boolean | null;

  constructor(options?: UpsampleOptions);
  constructor(...args: CallArgs<typeof upsample>);
  constructor(...args: unknown[]) {
    super();
    const o = bound(upsample, args);
    const w = written(upsample, args) as Readonly<Record<string, Size | null>>;
    this.size = w["size"] ?? null;
    this.scaleFactor = w["scaleFactor"] ?? null;
    this.mode = o.mode;
    this.alignCorners = o.alignCorners;
    this.recomputeScaleFactor = o.recomputeScaleFactor;
  }

  forward(input: Tensor): Tensor {
    return F.interpolate(input, {
      size: this.size as number[] | null,
      scaleFactor: this.scaleFactor as number[] | null,
      mode: this.mode,
      alignCorners: this.alignCorners,
      recomputeScaleFactor: this.recomputeScaleFactor,
    });
  }

  override extraRepr(): string {
    const factor = this.scaleFactor;
    if (factor === null) return `size=${py.size(this.size)}, mode=${this.mode}`;
    const floats = typeof factor === "number" ? py.float(factor) : `(${factor.map(py.float).join(", ")})`;
    return `scale_factor=${floats}, mode=${this.mode}`;
  }
}

const upsampling2d = "Upsampling(int[]? size=None, float[]? scale_factor=None) -> any";

/** The settings of the two-dimensional forms, with their mode. */
function fixed(args: readonly unknown[], mode: "nearest" | "bilinear"): UpsampleOptions {
  bound(upsampling2d, args);
  const { size, scaleFactor } = written(upsampling2d, args) as Required<
    Pick<UpsampleOptions, "size" | "scaleFactor">
  >;
  return { size, scaleFactor, mode, ...(mode === "bilinear" ? { alignCorners: true } : {}) };
}

/** Nearest-neighbour resizing of `[N, C, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.UpsamplingNearest2d.html */
export class UpsamplingNearest2d extends Upsample {
  constructor(...args: CallArgs<typeof upsampling2d>) {
    super(fixed(args, "nearest"));
  }
}

/** Bilinear resizing of `[N, C, H, W]`, corners aligned. @see https://pytorch.org/docs/stable/generated/torch.nn.UpsamplingBilinear2d.html */
export class UpsamplingBilinear2d extends Upsample {
  constructor(...args: CallArgs<typeof upsampling2d>) {
    super(fixed(args, "bilinear"));
  }
}

/** `[…, C·r², H, W]` → `[…, C, H·r, W·r]`. @see https://pytorch.org/docs/stable/generated/torch.nn.PixelShuffle.html */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number;

  constructor(upscaleFactor: number) {
    super();
    this.upscaleFactor = bound("PixelShuffle(int upscale_factor) -> any", [upscaleFactor]).upscaleFactor;
  }

  forward(input: Tensor): Tensor {
    return F.pixelShuffle(input, this.upscaleFactor);
  }

  override extraRepr(): string {
    return `upscale_factor=${String(this.upscaleFactor)}`;
  }
}

/** `[…, C, H·r, W·r]` → `[…, C·r², H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.PixelUnshuffle.html */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number;

  constructor(downscaleFactor: number) {
    super();
    const signature = "PixelUnshuffle(int downscale_factor) -> any";
    this.downscaleFactor = bound(signature, [downscaleFactor]).downscaleFactor;
  }

  forward(input: Tensor): Tensor {
    return F.pixelUnshuffle(input, this.downscaleFactor);
  }

  override extraRepr(): string {
    return `downscale_factor=${String(this.downscaleFactor)}`;
  }
}

/** Deals the channels of `[N, C, …]` out to groups. @see https://pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html */
export class ChannelShuffle extends Module {
  readonly groups: number;

  constructor(groups: number) {
    super();
    this.groups = bound("ChannelShuffle(int groups) -> any", [groups]).groups;
  }

  forward(input: Tensor): Tensor {
    return F.channelShuffle(input, this.groups);
  }

  override extraRepr(): string {
    return `groups=${String(this.groups)}`;
  }
}
