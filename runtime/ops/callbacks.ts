/** Functions of JavaScript over every element: slow, on the host, as in PyTorch. */
import { RuntimeError } from "../errors.js";
import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { typeTitle } from "../tensor/typenames.js";
import { sameShape } from "./apply.js";
import { inPlace } from "./inplace.js";
import { encode, fromData } from "./leaf.js";
import { op } from "./record.js";
import type { Scalar } from "./schema.js";
import { expandTo } from "./view.js";

const note = (name: string): string =>
  `Reads the values: slow, and only for tensors that need no gradient.\n\n[PyTorch](https://pytorch.org/docs/stable/generated/torch.Tensor.${name}.html)`;

const elements = (t: Tensor): Scalar[] => t.detach().reshape(-1).tolist() as Scalar[];

/** What PyTorch says of integers that do not fit; other numbers are rounded. */
function stored(values: readonly Scalar[], dtype: DType): ReturnType<typeof encode> {
  const data = encode(values, dtype);
  if (!dtype.isFloatingPoint && dtype.name !== "bool") {
    values.forEach((v, i) => {
      if (BigInt(Math.trunc(Number(v))) !== BigInt(data[i]!) && typeof v !== "bigint") {
        throw new RuntimeError(
          `value cannot be converted to type ${dtype.name} without overflow: ${String(v)}`,
        );
      }
    });
  }
  return data;
}

function overElements(name: string, self: Tensor, others: readonly Tensor[], f: unknown): Tensor {
  if (typeof f !== "function") throw new TypeError(`${name}(): expected a function, got ${typeof f}`);
  if (self.requiresGrad) {
    throw new RuntimeError(
      `Can't call ${name}() on Variable that requires grad. Use x.detach().${name}() instead.`,
    );
  }
  const laid = others.map((other) => {
    if (other.dtype !== self.dtype) {
      throw new TypeError(
        `${name}: expected ${typeTitle(self.dtype)} for 'other' (got ${typeTitle(other.dtype)})`,
      );
    }
    return elements(sameShape(other._shape, self._shape) ? other : expandTo(other, self._shape));
  });
  const values = elements(self).map((v, i) =>
    (f as (...v: Scalar[]) => Scalar)(v, ...laid.map((o) => o[i]!)),
  );
  return inPlace(name, self, () => fromData(stored(values, self.dtype), self._shape, self.dtype));
}

export const applyInPlace = op({
  signature: "apply_(Tensor self, any callable) -> Tensor",
  on: ["Tensor"],
  doc: `Replaces every element by \`callable(element)\`. ${note("apply_")}`,
  call: (self, callable) => overElements("apply_", self, [], callable),
});

export const mapInPlace = op({
  signature: "map_(Tensor self, Tensor tensor, any callable) -> Tensor",
  on: ["Tensor"],
  doc: `Replaces every element by \`callable(element, element of tensor)\`. ${note("map_")}`,
  call: (self, tensor, callable) => overElements("map_", self, [tensor], callable),
});

export const map2InPlace = op({
  signature: "map2_(Tensor self, Tensor x, Tensor y, any callable) -> Tensor",
  on: ["Tensor"],
  doc: `Replaces every element by \`callable(element, element of x, element of y)\`. ${note("map_")}`,
  call: (self, x, y, callable) => overElements("map2_", self, [x, y], callable),
});
