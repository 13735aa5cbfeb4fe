/** Padding layers. @see https://pytorch.org/docs/stable/nn.html#padding-layers */
import type { Tensor } from "../tensor/tensor.js";
import { functional as F } from "../torch.js";
import { bound } from "./arguments.js";
import { Module } from "./module.js";
import * as py from "./repr.js";

/** One amount for all sides, or `[left, right, top, bottom, front, back]` as far as there are axes. */
export type Padding = number | readonly number[];

const plain = "Pad(int[] padding) -> any";
const constant = "ConstantPad(int[] padding, float value) -> any";

/** The amounts on both sides of `nd` axes. */
function sides(padding: readonly number[], nd: number): number[] {
  return padding.length === 1 && nd > 0 ? Array.from({ length: 2 * nd }, () => padding[0]!) : [...padding];
}

abstract class PadNd extends Module {
  /** From the last axis backwards, before and after. */
  readonly padding: readonly number[];

  constructor(nd: number, padding: readonly number[]) {
    super();
    this.padding = sides(padding, nd);
  }

  override extraRepr(): string {
    return py.tuple(this.padding);
  }
}

type PadArgs = [padding: Padding] | [options: { readonly padding: Padding }];
const amounts = (args: readonly unknown[]): readonly number[] => bound(plain, args).padding;

abstract class ConstantPadNd extends PadNd {
  readonly value: number;

  constructor(nd: number, args: readonly unknown[]) {
    const { padding, value } = bound(constant, args);
    super(nd, padding);
    this.value = value;
  }

  forward(input: Tensor): Tensor {
    return F.pad(input, [...this.padding], { mode: "constant", value: this.value });
  }

  override extraRepr(): string {
    return `padding=${py.tuple(this.padding)}, value=${py.float(this.value)}`;
  }
}

/** Pads `[N, C, L]` with a number. @see https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad1d.html */
export class ConstantPad1d extends ConstantPadNd {
  constructor(padding: Padding, value: number) {
    super(1, [padding, value]);
  }
}

/** Pads `[N, C, H, W]` with a number. @see https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad2d.html */
export class ConstantPad2d extends ConstantPadNd {
  constructor(padding: Padding, value: number) {
    super(2, [padding, value]);
  }
}

/** Pads `[N, C, D, H, W]` with a number. @see https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad3d.html */
export class ConstantPad3d extends ConstantPadNd {
  constructor(padding: Padding, value: number) {
    super(3, [padding, value]);
  }
}

abstract class ZeroPadNd extends ConstantPadNd {
  constructor(nd: number, args: readonly unknown[]) {
    super(nd, [[...amounts(args)], 0]);
  }

  override extraRepr(): string {
    return py.tuple(this.padding);
  }
}

/** Pads `[N, C, L]` with zeros. @see https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad1d.html */
export class ZeroPad1d extends ZeroPadNd {
  constructor(...args: PadArgs) {
    super(1, args);
  }
}

/** Pads `[N, C, H, W]` with zeros. @see https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html */
export class ZeroPad2d extends ZeroPadNd {
  constructor(...args: PadArgs) {
    super(2, args);
  }
}

/** Pads `[N, C, D, H, W]` with zeros. @see https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad3d.html */
export class ZeroPad3d extends ZeroPadNd {
  constructor(...args: PadArgs) {
    super(3, args);
  }
}

abstract class ReflectionPadNd extends PadNd {
  forward(input: Tensor): Tensor {
    return F.pad(input, [...this.padding], { mode: "reflect" });
  }
}

/** Pads `[N, C, L]` with its mirror image. @see https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad1d.html */
export class ReflectionPad1d extends ReflectionPadNd {
  constructor(...args: PadArgs) {
    super(1, amounts(args));
  }
}

/** Pads `[N, C, H, W]` with its mirror image. @see https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad2d.html */
export class ReflectionPad2d extends ReflectionPadNd {
  constructor(...args: PadArgs) {
    super(2, amounts(args));
  }
}

/** Pads `[N, C, D, H, W]` with its mirror image. @see https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad3d.html */
export class ReflectionPad3d extends ReflectionPadNd {
  constructor(...args: PadArgs) {
    super(3, amounts(args));
  }
}

abstract class ReplicationPadNd extends PadNd {
  forward(input: Tensor): Tensor {
    return F.pad(input, [...this.padding], { mode: "replicate" });
  }
}

/** Pads `[N, C, L]` with its edges. @see https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad1d.html */
export class ReplicationPad1d extends ReplicationPadNd {
  constructor(...args: PadArgs) {
    super(1, amounts(args));
  }
}

/** Pads `[N, C, H, W]` with its edges. @see https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad2d.html */
export class ReplicationPad2d extends ReplicationPadNd {
  constructor(...args: PadArgs) {
    super(2, amounts(args));
  }
}

/** Pads `[N, C, D, H, W]` with its edges. @see https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad3d.html */
export class ReplicationPad3d extends ReplicationPadNd {
  constructor(...args: PadArgs) {
    super(3, amounts(args));
  }
}

abstract class CircularPadNd extends PadNd {
  forward(input: Tensor): Tensor {
    return F.pad(input, [...this.padding], { mode: "circular" });
  }
}

/** Pads `[N, C, L]` with its other end. @see https://pytorch.org/docs/stable/generated/torch.nn.CircularPad1d.html */
export class CircularPad1d extends CircularPadNd {
  constructor(...args: PadArgs) {
    super(1, amounts(args));
  }
}

/** Pads `[N, C, H, W]` with its other ends. @see https://pytorch.org/docs/stable/generated/torch.nn.CircularPad2d.html */
export class CircularPad2d extends CircularPadNd {
  constructor(...args: PadArgs) {
    super(2, amounts(args));
  }
}

/** Pads `[N, C, D, H, W]` with its other ends. @see https://pytorch.org/docs/stable/generated/torch.nn.CircularPad3d.html */
export class CircularPad3d extends CircularPadNd {
  constructor(...args: PadArgs) {
    super(3, amounts(args));
  }
}
