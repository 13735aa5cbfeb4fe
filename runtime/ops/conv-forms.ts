/** Convolutions in other forms than those of `F.conv2d` and its like. */
import { RuntimeError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { conv1d, conv2d, conv3d, convTranspose1d, convTranspose2d, convTranspose3d } from "./conv.js";
import { page } from "./family.js";
import { op } from "./record.js";

const plain = [conv1d, conv2d, conv3d] as const;
const transposes = [convTranspose1d, convTranspose2d, convTranspose3d] as const;

export const convolutionOp = op({
  signature:
    "convolution(Tensor input, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation, bool transposed, int[] output_padding, int groups) -> Tensor",
  on: ["torch"],
  doc: "The function behind `F.conv1d` to `F.convTranspose3d`; the rank of `weight` says which.",
  call: (input, weight, bias, stride, padding, dilation, transposed, outputPadding, groups) => {
    const nd = weight.ndim - 2;
    if (nd < 1 || nd > 3) {
      throw new RuntimeError(
        `convolution: weight should have 3 to 5 dimensions, but got [${weight._shape.join(", ")}]`,
      );
    }
    const options = { bias, stride, padding, dilation, groups };
    if (transposed) return transposes[nd - 1]!(input, weight, { ...options, outputPadding });
    return plain[nd - 1]!(input, weight, options);
  },
});

function timeBatchChannels(input: Tensor, weight: Tensor, bias: Tensor, pad: number): Tensor {
  if (input.ndim !== 3) {
    throw new RuntimeError(
      `Input must have 3 dims: time, batch, in_channel, but it is [${input._shape.join(", ")}]`,
    );
  }
  if (weight.ndim !== 3) {
    throw new RuntimeError(
      `Weight tensor must have 3 dims: kernel_width, in_channels, out_channels, but it is [${weight._shape.join(", ")}]`,
    );
  }
  if (bias.ndim !== 1) throw new RuntimeError("Bias must be 1-D");
  if (input._shape[2] !== weight._shape[1]) {
    throw new RuntimeError(
      `Input dim 2 (input channels) is not == dim 1 in the weight tensor: ${String(input._shape[2])} and ${String(weight._shape[1])}`,
    );
  }
  if (bias._shape[0] !== weight._shape[2]) {
    throw new RuntimeError(
      `Bias size must equal dim 2 in the weight tensor (output channels): ${String(bias._shape[0])} and ${String(weight._shape[2])}`,
    );
  }
  return conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, { padding: pad }).permute(2, 0, 1);
}

export const convTbc = op({
  signature: "conv_tbc(Tensor input, Tensor weight, Tensor bias, int pad=0) -> Tensor",
  on: ["torch", "F"],
  doc: `Convolution over time of \`[T, N, C]\` with a weight \`[k, C, O]\`, giving \`[T', N, O]\`.\n\n${page("nn.functional.conv_tbc")}`,
  call: timeBatchChannels,
});
