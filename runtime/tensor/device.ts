/** Where tensors live: PyTorch's `torch.device`. */

export type DeviceType = "cpu" | "webgpu" | "cuda" | "dml" | "coreml";

/** @see https://pytorch.org/docs/stable/tensor_attributes.html#torch-device */
export class Device {
  readonly type: DeviceType;
  readonly index: number | null;

  constructor(type: DeviceType, index: number | null = null) {
    this.type = type;
    this.index = index;
  }

  toString(): string {
    return this.index === null ? this.type : `${this.type}:${this.index}`;
  }
}

export const cpu = new Device("cpu");
