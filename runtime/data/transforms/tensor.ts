/** From pictures to tensors, and transforms of tensors. */
import { RuntimeError, ValueError } from "../../errors.js";
import { bound } from "../../ops/arguments.js";
import { fromData } from "../../ops/leaf.js";
import { float32 } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import { torch } from "../../torch.js";
import { hostData } from "../host.js";
import { Image } from "../image.js";
import { Transform } from "./transform.js";

const shares = Float32Array.from({ length: 256 }, (_, i) => i / 255);

/**
 * A picture as a float32 tensor `[C, H, W]` of numbers from 0 to 1.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.ToTensor.html
 */
export class ToTensor extends Transform<Image, Tensor> {
  /** @throws TypeError for anything but a picture. */
  forward(image: Image): Tensor {
    if (!(image instanceof Image)) throw new TypeError("ToTensor takes an Image");
    const { data, width, height, channels } = image;
    const size = width * height;
    const out = new Float32Array(channels * size);
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < size; i++) out[c * size + i] = shares[data[i * channels + c]!]!;
    }
    return fromData(out, [channels, height, width], float32);
  }
}

/**
 * (x − mean) / std, channel by channel of `[…, C, H, W]`.
 * @throws ValueError for a standard deviation of 0.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.Normalize.html
 */
export class Normalize extends Transform<Tensor, Tensor> {
  readonly mean: readonly number[];
  readonly std: readonly number[];

  constructor(mean: number | readonly number[], std: number | readonly number[]) {
    super();
    const o = bound("Normalize(float[] mean, float[] std, bool inplace=False) -> any", [mean, std]);
    this.mean = o.mean;
    this.std = o.std;
    if (this.std.includes(0)) throw new ValueError("std has a zero, and division by zero has no result");
    if (this.mean.length !== this.std.length && this.mean.length !== 1 && this.std.length !== 1) {
      throw new ValueError(
        `mean has ${String(this.mean.length)} channels and std ${String(this.std.length)}; they must be one number each`,
      );
    }
  }

  /** @throws RuntimeError when the channels are not as many as the means. */
  forward(x: Tensor): Tensor {
    if (x.ndim < 3) {
      throw new ValueError(
        `Normalize takes [..., C, H, W], and this tensor has shape [${x.shape.join(", ")}]`,
      );
    }
    if (!x.dtype.isFloatingPoint)
      throw new TypeError(`Normalize takes a float tensor, not ${String(x.dtype)}`);
    const channels = x._shape.at(-3)!;
    const each = Math.max(this.mean.length, this.std.length);
    if (each !== 1 && each !== channels) {
      throw new RuntimeError(
        `Normalize has ${String(each)} means for ${String(channels)} channels of [${x.shape.join(", ")}]`,
      );
    }
    const data = hostData(x);
    if (!(data instanceof Float32Array)) {
      const column = (values: readonly number[]): Tensor =>
        torch.tensor(values, { dtype: x.dtype }).view(-1, 1, 1);
      return x.sub(column(this.mean)).div(column(this.std));
    }
    const out = new Float32Array(data.length);
    const size = x._shape.at(-1)! * x._shape.at(-2)!;
    for (let start = 0, plane = 0; start < data.length; start += size, plane++) {
      const c = plane % channels;
      // Each operation rounds to float32, as the tensor's own would.
      const mean = Math.fround(this.mean[c % this.mean.length]!);
      const std = Math.fround(this.std[c % this.std.length]!);
      for (let i = start; i < start + size; i++) out[i] = Math.fround(data[i]! - mean) / std;
    }
    return fromData(out, x.shape, float32);
  }
}
