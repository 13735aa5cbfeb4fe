/** Real data for an input: `@input x float32[1, 1, 28, 28] = digit.png`. Read when the model runs, never while typing. */
import * as fs from "node:fs";
import * as path from "node:path";
import { Image } from "../../runtime/data/image.js";
import { NotImplementedError, ValueError } from "../../runtime/errors.js";
import { torch } from "../../runtime/index.js";
import { fromData } from "../../runtime/ops/leaf.js";
import { loadNpy } from "../../runtime/io/numpy.js";
import { dtypes, type DTypeName } from "../../runtime/tensor/dtype.js";
import type { Tensor } from "../../runtime/tensor/tensor.js";
import type { InputSpec } from "./protocol.js";

/**
 * The values of an input from its file.
 * @param file the model's, whose folder paths are relative to.
 * @param workspace the folder that the file has to lie in, symbolic links followed.
 * @throws ValueError when it lies elsewhere, is not there, or its shape is another.
 */
export function readInput(input: InputSpec, file: string, workspace: string): Tensor {
  const from = input.from ?? "";
  const what = `@input ${input.name} = ${from}`;
  const wanted = path.resolve(path.dirname(file), from);
  let real: string;
  try {
    real = fs.realpathSync(wanted);
  } catch {
    throw new ValueError(`${what}: there is no such file beside ${path.basename(file)}`);
  }
  const relative = path.relative(fs.realpathSync(workspace), real);
  if (relative.startsWith("..") || path.isAbsolute(relative)) {
    throw new ValueError(`${what}: only files inside the workspace are read`);
  }
  const dtype = dtypes[input.dtype as DTypeName];
  const values = valuesOf(real, input, what);
  const fitted = withBatch(values, input, what);
  return fitted.dtype === dtype ? fitted : fitted.to(dtype);
}

function valuesOf(file: string, input: InputSpec, what: string): Tensor {
  switch (path.extname(file).toLowerCase()) {
    case ".npy":
      return loadNpy(file);
    case ".png":
    case ".jpg":
    case ".jpeg": {
      const image = Image.decode(fs.readFileSync(file), what);
      const { height, width, channels } = image;
      const planes = fromData(Uint8Array.from(image.data), [height, width, channels], dtypes.uint8).permute(
        2,
        0,
        1,
      );
      const pixels = inMode(planes, input.dims.at(-3));
      // As torchvision's ToTensor: 0 to 1.
      return dtypes[input.dtype as DTypeName].isFloatingPoint
        ? pixels.to(torch.float32).div(255)
        : pixels.to(torch.uint8);
    }
    default:
      throw new NotImplementedError(`${what}: inputs are read from .npy, .png and .jpg files`);
  }
}

/** Grey for one plane, colours for three: what lacks is repeated, what is too much is mixed or dropped. */
function inMode(planes: Tensor, wanted: number | string | undefined): Tensor {
  const [channels] = planes.shape;
  if (wanted === 1 && channels !== 1) {
    // ITU-R 601-2, as PIL's mode L.
    const weights = torch.tensor([0.299, 0.587, 0.114]).reshape(3, 1, 1);
    return planes.narrow(0, 0, 3).to(torch.float32).mul(weights).sum(0, true).round();
  }
  if (wanted === 3 && channels === 1) return planes.expand(3, -1, -1);
  return wanted === 3 && channels === 4 ? planes.narrow(0, 0, 3) : planes;
}

/** With the batch of one that a single sample lacks; symbolic sizes take what comes. */
function withBatch(values: Tensor, { dims }: InputSpec, what: string): Tensor {
  const isSample = values.ndim === dims.length - 1 && (typeof dims[0] === "string" || dims[0] === 1);
  const tensor = isSample ? values.unsqueeze(0) : values;
  const fits =
    tensor.ndim === dims.length && dims.every((d, i) => typeof d === "string" || d === tensor.shape[i]);
  if (!fits) {
    throw new ValueError(`${what} holds [${values.shape.join(", ")}], the tag says [${dims.join(", ")}]`);
  }
  return tensor;
}
