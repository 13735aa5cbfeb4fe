/** Views by strides: what no other view can show. */
import { RuntimeError } from "../errors.js";
import { record } from "../graph/record.js";
import type { Attrs } from "../graph/value.js";
import { numel, overlapsAnywhere } from "../tensor/strides.js";
import { Tensor, type Layout, type ViewStep } from "../tensor/tensor.js";
import { apply, attachHistory, sameShape } from "./apply.js";
import { castTo } from "./convert.js";
import { page } from "./family.js";
import { setGeometryStep } from "./inplace.js";
import { constant } from "./promote.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { asViewOf, expandTo } from "./view.js";

/** From the geometry of the input to that of the result. */
interface MapAttrs extends Attrs {
  readonly strides: readonly number[];
  readonly offset: number;
  readonly shape: readonly number[];
  readonly toStrides: readonly number[];
  readonly toOffset: number;
}

/** The way back: from `attrs`' result, of this shape, to a tensor of its input's shape. */
function reversed({ strides, offset, toStrides, toOffset }: MapAttrs, shape: readonly number[]): MapAttrs {
  return { strides: toStrides, offset: toOffset, shape, toStrides: strides, toOffset: offset };
}

/** Elements that meet at one place are added. It is linear, and its own transpose read backwards. */
const sumPrimitive: OpPrimitive<MapAttrs> = primitive<MapAttrs>({
  name: "as_strided_sum",
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  grad: (ctx, g) => [apply(sumPrimitive, [g], reversed(ctx.attrs, ctx.inputMeta(0).shape))],
  host: "strided.sum",
});

const stridedPrimitive: OpPrimitive<MapAttrs> = primitive<MapAttrs>({
  name: "as_strided",
  infer: ([x], { shape }) => ({ shape, dtype: x!.dtype }),
  // Every element gets what its place in memory got, shared among the elements that lie there.
  grad: (ctx, g) => {
    const { shape } = ctx.inputMeta(0);
    const { strides, offset } = ctx.attrs;
    const back = apply(sumPrimitive, [g], reversed(ctx.attrs, shape));
    if (!overlapsAnywhere(shape, strides)) return [back];
    const same = { strides, offset, shape, toStrides: strides, toOffset: offset };
    return [back.div(apply(sumPrimitive, [expandTo(constant(1, g.dtype), shape)], same))];
  },
  host: "strided.read",
  viewScatter: (base, value, attrs) => apply(writePrimitive, [base, value], attrs),
  viewRepeats: ({ shape, toStrides }) => overlapsAnywhere(shape, toStrides),
});

const writePrimitive: OpPrimitive<MapAttrs> = primitive<MapAttrs>({
  name: "as_strided_scatter",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (ctx, g) => [
    () => apply(writePrimitive, [g, expandTo(constant(0, g.dtype), ctx.inputMeta(1).shape)], ctx.attrs),
    () => apply(stridedPrimitive, [g], ctx.attrs),
  ],
  host: "strided.write",
});

function between(from: Layout, shape: readonly number[], to: Layout): MapAttrs {
  return {
    strides: from.strides,
    offset: from.offset,
    shape,
    toStrides: to.strides,
    toOffset: to.offset,
  };
}

/** How far into memory a tensor of this geometry reaches. */
export function reach(shape: readonly number[], { strides, offset }: Layout): number {
  if (numel(shape) === 0) return offset;
  return shape.reduce((n, d, i) => n + (d - 1) * strides[i]!, offset) + 1;
}

setGeometryStep((from, view): ViewStep => ({
  op: stridedPrimitive as unknown as OpPrimitive,
  attrs: between(from, view._shape, { strides: view._strides, offset: view._offset }),
}));

/** The view of `t`'s memory with this geometry. @throws RuntimeError when the memory does not reach so far */
export function stridedView(t: Tensor, shape: readonly number[], layout: Layout): Tensor {
  const storage = t._storage;
  checkGeometry("as_strided", shape, layout);
  const end = reach(shape, layout);
  if (numel(shape) > 0 && end > storage.value.numel) {
    const { itemsize } = storage.value.dtype;
    throw new RuntimeError(
      `setStorage: sizes [${shape.join(", ")}], strides [${layout.strides.join(", ")}], storage offset ${String(layout.offset)}, and ` +
        `itemsize ${String(itemsize)} requiring a storage size of ${String(end * itemsize)} are out of bounds for ` +
        `storage of size ${String(storage.value.nbytes)}`,
    );
  }
  const fromStorage = between({ strides: storage.strides, offset: 0 }, shape, layout);
  const generic = stridedPrimitive as unknown as OpPrimitive;
  const value = record(generic, [storage.value], fromStorage)[0]!;
  const result = new Tensor(value, storage, [{ op: generic, attrs: fromStorage }], layout);
  const fromTensor = between({ strides: t._strides, offset: t._offset }, shape, layout);
  asViewOf(t, result, []);
  attachHistory(generic, [t], fromTensor, [result]);
  // Through a view it may reach what the view does not show.
  const { base } = result._view!;
  const fromBase = between({ strides: base._strides, offset: base._offset }, shape, layout);
  result._view = { ...result._view!, steps: [{ op: generic, attrs: fromBase }] };
  return result;
}

function checkGeometry(name: string, shape: readonly number[], { strides, offset }: Layout): void {
  if (shape.length !== strides.length) {
    throw new RuntimeError(
      `${name}: mismatch in length of strides and shape: [${strides.join(", ")}] for [${shape.join(", ")}]`,
    );
  }
  if (shape.some((d) => d < 0)) {
    throw new RuntimeError(
      `Trying to create tensor with negative dimension ${String(Math.min(...shape))}: [${shape.join(", ")}]`,
    );
  }
  if (strides.some((s) => s < 0)) {
    throw new RuntimeError(
      `${name}: Negative strides are not supported at the moment, got strides: [${strides.join(", ")}]`,
    );
  }
  if (offset < 0) throw new RuntimeError(`Tensor: invalid storage offset ${String(offset)}`);
}

export const asStrided = op({
  signature: "as_strided(Tensor input, int[] size, int[] stride, int? storage_offset=None) -> Tensor",
  doc: `A view of the tensor's memory with sizes and strides of your own. Elements may lie on one another: clone before writing to such a view.\n\n${page("as_strided")}`,
  inplace: "view",
  call: (input, size, stride, offset) =>
    stridedView(input, size, { strides: stride, offset: offset ?? input._offset }),
});

export const asStridedScatter = op({
  signature:
    "as_strided_scatter(Tensor input, Tensor src, int[] size, int[] stride, int? storage_offset=None) -> Tensor",
  doc: `A copy of \`input\` with \`src\` over what \`asStrided(size, stride)\` would show.\n\n${page("as_strided_scatter")}`,
  call: (input, src, size, stride, offset) => {
    const copy = input.clone();
    const to = { strides: stride, offset: offset ?? copy._offset };
    checkGeometry("as_strided_scatter", size, to);
    if (!sameShape(src._shape, size)) {
      throw new RuntimeError(
        `expected src to have a size equal to the slice of self. src size = [${src._shape.join(", ")}], slice size = [${size.join(", ")}]`,
      );
    }
    if (numel(size) > 0 && reach(size, to) > copy.numel()) {
      throw new RuntimeError(
        `as_strided_scatter: [${size.join(", ")}] with strides [${stride.join(", ")}] reaches out of a tensor of ${String(copy.numel())} elements`,
      );
    }
    const attrs = between({ strides: copy._strides, offset: 0 }, size, to);
    return apply(writePrimitive, [input, castTo(src, input.dtype)], attrs);
  },
});
