/** Triangles and diagonals of matrices. */
import { IndexError } from "../errors.js";
import type { Attrs } from "../graph/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { apply } from "./apply.js";
import { page } from "./family.js";
import { op, primitive, type OpPrimitive } from "./record.js";

interface TriangleAttrs extends Attrs {
  readonly diagonal: number;
  readonly upper: boolean;
}

const trianglePrimitive: OpPrimitive<TriangleAttrs> = primitive<TriangleAttrs>({
  name: "triangle",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (ctx, g) => [apply(trianglePrimitive, [g], ctx.attrs)],
  lower: (b, [x], { diagonal, upper }) => {
    const numbers = x!.dtype === "bool" ? b.cast(x!, "int64") : x!;
    const cut = b.node("Trilu", [numbers, b.scalar(diagonal, "int64")], { upper: Number(upper) });
    return b.cast(cut, x!.dtype);
  },
  moves: true,
});

function triangle(name: string, upper: boolean) {
  return (input: Tensor, diagonal: number): Tensor => {
    if (input.ndim < 2) {
      if (input.ndim === 1 && input.numel() === 0) return input.clone();
      throw new IndexError(
        `${name}: input tensor must have at least 2 dimensions, not [${input._shape.join(", ")}]`,
      );
    }
    return apply(trianglePrimitive, [input], { diagonal, upper });
  };
}

export const tril = op({
  signature: "tril(Tensor input, int diagonal=0, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `The lower triangle of matrices, zeros above \`diagonal\`.\n\n${page("tril")}`,
  call: triangle("tril", false),
});

export const triu = op({
  signature: "triu(Tensor input, int diagonal=0, *, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `The upper triangle of matrices, zeros below \`diagonal\`.\n\n${page("triu")}`,
  call: triangle("triu", true),
});
