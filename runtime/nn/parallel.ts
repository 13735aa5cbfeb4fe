/** Layers that spread work over devices. @see https://pytorch.org/docs/stable/nn.html#dataparallel-layers-multi-gpu-distributed */
import { NotImplementedError } from "../errors.js";
import type { CallArgs } from "../ops/schema.js";
import { bound } from "./arguments.js";
import { Module } from "./module.js";

const signature = "DataParallel(any module, any device_ids=None, any output_device=None, int dim=0) -> any";

/**
 * Splits a batch along `dim` over devices and joins the results. With one device, or none but the CPU, it calls the
 * module.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.DataParallel.html
 */
export class DataParallel<M extends Module = Module> extends Module {
  module: M;
  readonly deviceIds: readonly unknown[];
  readonly outputDevice: unknown;
  readonly dim: number;

  /** @throws NotImplementedError for several devices. */
  constructor(...args: CallArgs<typeof signature>) {
    super();
    const o = bound(signature, args);
    this.module = o.module as M;
    this.deviceIds = (o.deviceIds as readonly unknown[] | null) ?? [];
    this.outputDevice = o.outputDevice ?? this.deviceIds[0] ?? null;
    this.dim = o.dim;
    if (this.deviceIds.length > 1) {
      throw new NotImplementedError("DataParallel over several devices is not implemented");
    }
  }

  forward(...args: Parameters<M["forward"]>): ReturnType<M["forward"]> {
    return (this.module as unknown as (...a: unknown[]) => ReturnType<M["forward"]>)(...args);
  }
}
