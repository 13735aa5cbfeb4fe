/** A tensor's memory: copies, formats, sharing. */
import { isGradEnabled, withGradMode } from "../autograd/mode.js";
import { RuntimeError } from "../errors.js";
import { numel, type Attrs } from "../graph/value.js";
import type { DType } from "../tensor/dtype.js";
import {
  contiguousFormat,
  formatStrides,
  hasFormat,
  preserveFormat,
  type MemoryFormat,
} from "../tensor/memoryFormat.js";
import { StorageHandle } from "../tensor/storageHandle.js";
import { contiguousStrides, suggestsChannelsLast } from "../tensor/strides.js";
import { Tensor, type Layout } from "../tensor/tensor.js";
import { apply, sameShape } from "./apply.js";
import { page } from "./family.js";
import { checkHistory, inPlaceView, titled } from "./inplace.js";
import { cat } from "./join.js";
import { constant } from "./promote.js";
import { op, primitive, type OpPrimitive } from "./record.js";
import { reach, stridedView } from "./strided.js";
import { expandTo, setViewAsDtype, viewOf } from "./view.js";

const method = (name: string): string =>
  `[PyTorch](https://pytorch.org/docs/stable/generated/torch.Tensor.${name}.html)`;

const clonePrimitive = primitive<Attrs>({
  name: "clone",
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  grad: (_, g) => [g],
  lower: (_, [x]) => x!,
  moves: true,
});

/** A copy with memory of its own that lies as the format says. */
function copyIn(t: Tensor, format: MemoryFormat): Tensor {
  const strides = formatStrides(format, t._shape, t._strides) ?? contiguousStrides(t._shape);
  return apply(clonePrimitive, [t], {}, strides);
}

export const clone = op({
  signature: "clone(Tensor input, *, memory_format? memory_format=None) -> Tensor",
  doc: `A copy with memory of its own; gradients flow through it. Its axes lie in memory in the order of the input's, unless \`memoryFormat\` says another.\n\n${page("clone")}`,
  call: (input, format) => copyIn(input, format ?? preserveFormat),
});

export const contiguous = op({
  signature: "contiguous(Tensor self, memory_format? memory_format=None) -> Tensor",
  on: ["Tensor"],
  doc: `The tensor itself when its elements lie in C order (or as \`memoryFormat\` says), else a copy that does.\n\n${method("contiguous")}`,
  call: (self, given) => {
    const format = given ?? contiguousFormat;
    formatStrides(format, self._shape);
    return hasFormat(format, self._shape, self._strides) ? self : copyIn(self, format);
  },
});

export const detach = op({
  signature: "detach(Tensor self) -> Tensor",
  doc: `The same memory, out of the graph: no gradient flows through the result.\n\n${method("detach")}`,
  call: (self) => self._alias(),
});

export const detachInPlace = op({
  signature: "detach_(Tensor input) -> Tensor",
  on: ["torch"],
  doc: `Takes the tensor out of the graph that made it: it becomes a leaf.\n\n${method("detach_")}`,
  call: (input) => input.detach_(),
});

/** A tensor like `self` over memory that has at least `count` elements: that of `self`, or a larger copy of it. */
function resized(self: Tensor, shape: readonly number[], strides: readonly number[]): Tensor {
  const layout: Layout = { strides, offset: self._offset };
  const missing = reach(shape, layout) - self._storage.value.numel;
  if (missing <= 0) return stridedView(self, shape, layout);
  const memory = stridedView(self, [self._storage.value.numel], { strides: [1], offset: 0 });
  const grown = cat([memory, expandTo(constant(0, self.dtype), [missing])]);
  if (self._offset === 0 && grown.numel() === numel(shape)) {
    const inOrder = grown.reshape(strides.length ? orderedShape(shape, strides) : []);
    return new Tensor(inOrder.permute(rankOfStrides(strides))._value, undefined, [], layout);
  }
  return stridedView(grown._fresh(), shape, layout);
}

/** Axes from the slowest to the fastest, and back. */
const slowestFirst = (strides: readonly number[]): number[] =>
  strides.map((_, i) => i).sort((a, b) => strides[b]! - strides[a]! || a - b);

function orderedShape(shape: readonly number[], strides: readonly number[]): number[] {
  return slowestFirst(strides).map((axis) => shape[axis]!);
}

function rankOfStrides(strides: readonly number[]): number[] {
  const order = slowestFirst(strides);
  return strides.map((_, axis) => order.indexOf(axis));
}

function resizeInPlace(
  name: string,
  self: Tensor,
  shape: readonly number[],
  format: MemoryFormat | null,
): Tensor {
  if (self.requiresGrad) throw new RuntimeError("cannot resize variables that require grad");
  if (shape.some((d) => d < 0)) {
    throw new RuntimeError(`Trying to create tensor with negative dimension: [${shape.join(", ")}]`);
  }
  if (format === preserveFormat) throw new RuntimeError("Unsupported memory format preserve_format");
  if (sameShape(self._shape, shape) && !format) return self;
  const strides = (format && formatStrides(format, shape)) ?? contiguousStrides(shape);
  return inPlaceView(name, self, () => withGradMode(false, () => resized(self, shape, strides)));
}

export const resize_ = op({
  signature: "resize_(Tensor self, int... size, *, memory_format? memory_format=None) -> Tensor",
  on: ["Tensor"],
  doc: `Gives this tensor another size over the same memory, from its start; where that is too small it gets a larger one of its own, filled up with zeros.\n\n${method("resize_")}`,
  call: (self, size, format) => resizeInPlace("resize_", self, size, format),
});

export const resizeAs_ = op({
  signature: "resize_as_(Tensor input, Tensor the_template, *, memory_format? memory_format=None) -> Tensor",
  doc: `\`resize_\` to the size of another tensor.\n\n${method("resize_as_")}`,
  call: (self, template, format) => {
    const like =
      format === preserveFormat && suggestsChannelsLast(template._shape, template._strides)
        ? template._strides
        : undefined;
    const result = resizeInPlace(
      "resize_as_",
      self,
      template._shape,
      format === preserveFormat ? null : format,
    );
    return like ? inPlaceView("resize_as_", result, () => resized(result, result._shape, like)) : result;
  },
});

export const resize = op({
  signature: "resize(Tensor self, int... sizes) -> Tensor",
  on: ["Tensor"],
  doc: "A view, or where the number of elements differs a copy, of another size. Prefer `reshape`, or `resize_`.",
  call: (self, sizes) => {
    if (numel(sizes) !== self.numel()) {
      throw new RuntimeError(
        `requested resize to [${sizes.join(", ")}] (${String(numel(sizes))} elements in total), but the given tensor has a size of ` +
          `[${self._shape.join(", ")}] (${String(self.numel())} elements). autograd's resize can only change the shape of a given tensor, ` +
          "while preserving the number of elements.",
      );
    }
    return self.contiguous().view(...sizes);
  },
});

export const resizeAs = op({
  signature: "resize_as(Tensor self, Tensor tensor) -> Tensor",
  on: ["Tensor"],
  doc: "`resize` to the size of another tensor.",
  call: (self, tensor) => resize(self, tensor.shape),
});

export const set_ = op(
  {
    signature: "set_(Tensor self) -> Tensor",
    on: ["Tensor"],
    doc: `Makes this tensor share the memory of another, or that memory's part with a size and strides of its own; without arguments it becomes empty.\n\n${method("set_")}`,
    call: (self) => share(self, expandTo(constant(0, self.dtype), [0])._fresh()),
  },
  {
    signature: "set_(Tensor self, Tensor source) -> Tensor",
    call: (self, source) => share(self, source),
  },
  {
    signature: "set_(Tensor self, storage source) -> Tensor",
    call: (self, source) => share(self, storageView(source, [source.size()], { strides: [1], offset: 0 })),
  },
  {
    signature:
      "set_(Tensor self, Tensor|storage source, int storage_offset, int[] size, int[]? stride=None) -> Tensor",
    call: (self, source, offset, size, stride) => {
      const strides = stride ?? contiguousStrides(size);
      return share(
        self,
        source instanceof Tensor
          ? stridedView(source, size, { strides, offset })
          : storageView(source, size, { strides, offset }),
      );
    },
  },
);

function storageView(source: StorageHandle, size: readonly number[], layout: Layout): Tensor {
  return stridedView(new Tensor(source._storage.value, source._storage), size, layout);
}

function share(self: Tensor, source: Tensor): Tensor {
  if (isGradEnabled() && self.requiresGrad) checkHistory("set_", self);
  if (source.dtype !== self.dtype) {
    throw new RuntimeError(
      `Could not set tensor of type ${titled(source)} to a tensor of type ${titled(self)}`,
    );
  }
  self._become(source);
  self._versions.value++;
  return self;
}

export const isSetTo = op({
  signature: "is_set_to(Tensor self, Tensor tensor) -> bool",
  on: ["Tensor"],
  doc: `Whether both tensors are the same part of the same memory, with the same size and strides.\n\n${method("is_set_to")}`,
  call: (self, tensor) =>
    self._storage === tensor._storage &&
    self._offset === tensor._offset &&
    sameShape(self._shape, tensor._shape) &&
    sameShape(self._strides, tensor._strides),
});

export const untypedStorage = op({
  signature: "untyped_storage(Tensor self) -> storage",
  on: ["Tensor"],
  doc: `The memory this tensor shares with its views.\n\n${method("untyped_storage")}`,
  call: (self) => StorageHandle.of(self._storage),
});

export const storage = op({
  signature: "storage(Tensor self) -> storage",
  on: ["Tensor"],
  doc: `The memory this tensor shares with its views.\n\n${method("storage")}`,
  call: (self) => StorageHandle.of(self._storage),
});

export const dataPtr = op({
  signature: "data_ptr(Tensor self) -> int",
  on: ["Tensor"],
  doc: `A number that tells where the first element is: equal for tensors that start at the same place of the same memory.\n\n${method("data_ptr")}`,
  call: (self) => StorageHandle.of(self._storage).dataPtr() + self._offset * self.dtype.itemsize,
});

const bitcast: OpPrimitive<{ dtype: DType }> = primitive<{ dtype: DType }>({
  name: "view_dtype",
  infer: ([x], { dtype }) => ({
    shape: x!.shape.map((d, i) => (i === x!.shape.length - 1 ? (d * x!.dtype.itemsize) / dtype.itemsize : d)),
    dtype,
  }),
  grad: null,
  host: "bitcast",
  moves: true,
  viewScatter: (base, value) => apply(bitcast, [value], { dtype: base.dtype }),
});

/** `x.view(dtype)`: the bytes read as another dtype. */
function viewAsDtype(self: Tensor, dtype: DType): Tensor {
  if (dtype === self.dtype) return self.view(self.shape);
  const [from, to] = [self.dtype.itemsize, dtype.itemsize];
  const names = `to view ${titled(self)} as ${titled({ dtype })} (different element sizes)`;
  let { _strides: strides, _offset: offset } = self;
  if (from !== to) {
    if (self.ndim === 0) throw new RuntimeError(`self.dim() cannot be 0 ${names}`);
    if (strides.at(-1) !== 1) {
      throw new RuntimeError(`self.stride(-1) must be 1 ${names}, but got ${String(strides.at(-1))}`);
    }
    const ratio = to / from;
    if (ratio > 1 && self._shape.at(-1)! % ratio !== 0) {
      throw new RuntimeError(
        `self.size(-1) must be divisible by ${String(ratio)} ${names}, but got ${String(self._shape.at(-1))}`,
      );
    }
    if (ratio > 1 && (offset % ratio !== 0 || strides.slice(0, -1).some((s) => s % ratio !== 0))) {
      throw new RuntimeError(
        `self.storage_offset() and strides must be divisible by ${String(ratio)} ${names}, but got ${String(offset)} and [${strides.join(", ")}]`,
      );
    }
    strides = strides.map((s, i) => (i === strides.length - 1 ? 1 : s / ratio));
    offset /= ratio;
  }
  return viewOf(bitcast, self, { dtype }, { strides, offset });
}

setViewAsDtype(viewAsDtype);
