/** Writing over tensors. */
import { isGradEnabled } from "../autograd/mode.js";
import { apply, sameShape } from "./apply.js";
import { castTo, movedTo } from "./convert.js";
import { broadcastShapes } from "./family.js";
import { checkNoPartialOverlap, inPlace, setInPlaceHelpers } from "./inplace.js";
import { hostScalar } from "./leaf.js";
import { constant, operand } from "./promote.js";
import { isUserCode } from "./depth.js";
import { op, primitive } from "./record.js";
import { expandTo } from "./view.js";
import { RuntimeError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import { Tensor } from "../tensor/tensor.js";
import type { Scalar } from "./schema.js";

/** The source, with the history of having overwritten the target: the target's gradient is zero. */
const overwrite = primitive<Attrs>({
  name: "copy",
  infer: ([self]) => ({ shape: self!.shape, dtype: self!.dtype }),
  grad: (ctx, g) => [() => expandTo(constant(0, g.dtype), ctx.inputMeta(0).shape), () => g],
  lower: (_, [, source]) => source!,
  moves: true,
});

setInPlaceHelpers(
  (t, like) => castTo(t, like.dtype),
  (self, source) => apply(overwrite, [self, source], {}),
);

export const copy_ = op({
  signature: "copy_(Tensor self, Tensor src, bool non_blocking=False) -> Tensor",
  on: ["Tensor"],
  doc: "Copies `src`, broadcast and converted, over this tensor.\n\n[PyTorch](https://pytorch.org/docs/stable/generated/torch.Tensor.copy_.html)",
  call: (self, src) => {
    if (!sameShape(broadcastShapes(self._shape, src._shape), self._shape)) {
      throw new RuntimeError(
        `The size of tensor a ([${self._shape.join(", ")}]) must match the size of tensor b ([${src._shape.join(", ")}])`,
      );
    }
    const itself =
      self._storage === src._storage &&
      self._offset === src._offset &&
      sameShape(self._shape, src._shape) &&
      sameShape(self._strides, src._strides);
    if (!itself) checkNoPartialOverlap(self, src);
    return inPlace(
      "copy_",
      self,
      (old) => {
        const source = expandTo(movedTo(castTo(src, self.dtype), self.device), self._shape);
        return isGradEnabled() && (self.requiresGrad || src.requiresGrad)
          ? apply(overwrite, [old, source], {})
          : source;
      },
      itself,
    );
  },
});

/** `self` filled with one number, as an in-place write. */
export function fillInPlace(name: string, self: Tensor, value: Scalar | Tensor): Tensor {
  return inPlace(
    name,
    self,
    (old) => {
      const v =
        typeof value === "object" ? movedTo(castTo(value, self.dtype), self.device) : fillValue(value, self);
      const filled = expandTo(v, self._shape);
      return isGradEnabled() && v.requiresGrad ? apply(overwrite, [old, filled], {}) : filled;
    },
    true,
  );
}

function fillValue(value: Scalar, self: Tensor): Tensor {
  return isUserCode() ? hostScalar(value, self.dtype) : constant(value, self.dtype);
}

export const zero_ = op({
  signature: "zero_(Tensor self) -> Tensor",
  on: ["Tensor", "torch"],
  doc: "Fills this tensor with zeros.",
  call: (self) => inPlace("zero_", self, () => expandTo(constant(0, self.dtype), self._shape), true),
});

export const fill_ = op(
  {
    signature: "fill_(Tensor self, Tensor value) -> Tensor",
    on: ["Tensor", "torch"],
    doc: "Fills this tensor with one number, or with a 0-d tensor.",
    call: (self, value) => {
      if (value.ndim !== 0) {
        throw new RuntimeError(
          `fill_ only supports 0-dimension value tensor but got tensor with ${String(value.ndim)} dimensions.`,
        );
      }
      return fillInPlace("fill_", self, value);
    },
  },
  {
    signature: "fill_(Tensor self, Scalar value) -> Tensor",
    call: (self, value) => fillInPlace("fill_", self, value),
  },
);

export const fill = op({
  signature: "fill(Tensor input, Tensor|Scalar value) -> Tensor",
  on: ["torch"],
  doc: "A tensor of the shape and dtype of `input` filled with one number, or with a 0-d tensor.",
  call: (input, value) => {
    if (value instanceof Tensor && value.ndim !== 0) {
      throw new RuntimeError(
        `fill only supports 0-dimension value tensor but got tensor with ${String(value.ndim)} dimensions.`,
      );
    }
    return apply(overwrite, [input, expandTo(operand(value, input.dtype), input._shape)], {});
  },
});
