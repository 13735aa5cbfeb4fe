/** Sliding blocks of images. @see https://pytorch.org/docs/stable/nn.html#convolution-layers */
import type { CallArgs } from "../ops/schema.js";
import type { Tensor } from "../tensor/tensor.js";
import { functional as F } from "../torch.js";
import { bound, written } from "./arguments.js";
import type { Size } from "./conv.js";
import { Module } from "./module.js";
import * as py from "./repr.js";

const unfold = "Unfold(int[] kernel_size, int[] dilation=1, int[] padding=0, int[] stride=1) -> any";
const fold =
  "Fold(int[] output_size, int[] kernel_size, int[] dilation=1, int[] padding=0, int[] stride=1) -> any";

/** Sizes as given: one number, or one for every axis. */
abstract class Blocks extends Module {
  readonly kernelSize: Size;
  readonly dilation: Size;
  readonly padding: Size;
  readonly stride: Size;

  constructor(signature: typeof fold | typeof unfold, args: readonly unknown[]) {
    super();
    bound(signature, args);
    const w = written(signature, args) as Readonly<Record<string, Size>>;
    this.kernelSize = w["kernelSize"]!;
    this.dilation = w["dilation"]!;
    this.padding = w["padding"]!;
    this.stride = w["stride"]!;
  }

  protected get options() {
    return {
      dilation: this.dilation as number[],
      padding: this.padding as number[],
      stride: this.stride as number[],
    };
  }

  override extraRepr(): string {
    return `kernel_size=${py.size(this.kernelSize)}, dilation=${py.size(this.dilation)}, padding=${py.size(this.padding)}, stride=${py.size(this.stride)}`;
  }
}

/** The blocks of `[N, C, H, W]` as columns `[N, C·k², L]`. @see https://pytorch.org/docs/stable/generated/torch.nn.Unfold.html */
export class Unfold extends Blocks {
  constructor(...args: CallArgs<typeof unfold>) {
    super(unfold, args);
  }

  forward(input: Tensor): Tensor {
    return F.unfold(input, this.kernelSize as number[], this.options);
  }
}

/** Sums columns `[N, C·k², L]` into an image `[N, C, H, W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.Fold.html */
export class Fold extends Blocks {
  readonly outputSize: Size;

  constructor(...args: CallArgs<typeof fold>) {
    super(fold, args);
    this.outputSize = (written(fold, args) as { outputSize: Size }).outputSize;
  }

  forward(input: Tensor): Tensor {
    return F.fold(input, this.outputSize as number[], this.kernelSize as number[], this.options);
  }

  override extraRepr(): string {
    return `output_size=${py.size(this.outputSize)}, ${super.extraRepr()}`;
  }
}
