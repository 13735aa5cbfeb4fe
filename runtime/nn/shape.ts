/** Layers that only change shapes. @see https://pytorch.org/docs/stable/nn.html#utilities */
import type { Tensor } from "../tensor/tensor.js";
import { bound } from "./arguments.js";
import { Module } from "./module.js";

/** Merges the axes from `startDim` to `endDim`: `[N, C, H, W]` → `[N, C·H·W]`. @see https://pytorch.org/docs/stable/generated/torch.nn.Flatten.html */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  constructor(startDim?: number, endDim?: number);
  constructor(options: { readonly startDim?: number; readonly endDim?: number });
  constructor(...args: unknown[]) {
    super();
    const o = bound("Flatten(int start_dim=1, int end_dim=-1) -> any", args);
    this.startDim = o.startDim;
    this.endDim = o.endDim;
  }

  forward(input: Tensor): Tensor {
    return input.flatten(this.startDim, this.endDim);
  }

  override extraRepr(): string {
    return `start_dim=${String(this.startDim)}, end_dim=${String(this.endDim)}`;
  }
}
