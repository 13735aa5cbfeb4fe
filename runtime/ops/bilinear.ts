/** Bilinear forms. */
import { RuntimeError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { numel } from "../graph/value.js";
import { page } from "./family.js";
import { matmul } from "./matmul.js";
import { op } from "./record.js";
import { sumDims } from "./reduce.js";

function check(x1: Tensor, x2: Tensor, weight: Tensor, bias: Tensor | null): void {
  if (x1.ndim !== x2.ndim) {
    throw new RuntimeError(
      `bilinear(): input dimensions do not match: got ${String(x1.ndim)} and ${String(x2.ndim)}`,
    );
  }
  for (let i = 0; i < x1.ndim - 1; i++) {
    if (x1._shape[i] === x2._shape[i]) continue;
    throw new RuntimeError(
      `bilinear(): input batch dimensions do not match at dim ${String(i)}: got ${String(x1._shape[i])} and ${String(x2._shape[i])}`,
    );
  }
  if (weight.ndim !== 3) {
    throw new RuntimeError(`bilinear(): weight must be [out, in1, in2], got [${weight._shape.join(", ")}]`);
  }
  [x1, x2].forEach((x, i) => {
    if (x._shape.at(-1) === weight._shape[i + 1]) return;
    throw new RuntimeError(
      `bilinear(): input${String(i + 1)} size does not match weight size: got ${String(x._shape.at(-1))} but expected ${String(weight._shape[i + 1])}`,
    );
  });
  if (bias && bias._shape[0] !== weight._shape[0]) {
    throw new RuntimeError(
      `bilinear(): bias size does not match weight size: got ${String(bias._shape[0])} but expected ${String(weight._shape[0])}`,
    );
  }
}

export const bilinear = op({
  signature: "bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor",
  on: ["torch", "F"],
  doc: `x₁ᵀ Wₖ x₂ + bₖ for every k: \`[*, I]\`, \`[*, J]\` and a weight \`[K, I, J]\` give \`[*, K]\`.\n\n${page("nn.functional.bilinear")}`,
  call: (x1, x2, weight, bias) => {
    check(x1, x2, weight, bias);
    const [k, i, j] = weight._shape as [number, number, number];
    const lead = x1._shape.slice(0, -1);
    const n = numel(lead);
    // [N, I] · [I, K·J], then over J against x2
    const left = matmul(x1.reshape(n, i), weight.permute(1, 0, 2).reshape(i, k * j)).reshape(n, k, j);
    const sums = sumDims(left.mul(x2.reshape(n, 1, j)), [2], false).reshape(...lead, k);
    return bias ? sums.add(bias) : sums;
  },
});
