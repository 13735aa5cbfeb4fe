/**
 * What a graph for the webgpu device may contain. ONNX Runtime runs a node that its WebGPU provider lacks on the CPU,
 * fetching and sending what it needs, inside the same session: right, and slow. Here operations are written in others that
 * the provider has, and those that cannot be are told apart, to be put into a graph for the CPU.
 */
import { logPlacement, logsPlacement } from "../engine/placement.js";
import { Builder, type Ref } from "./builder.js";
import type { OnnxAttrs } from "./onnx/proto.js";
import type { Carrier } from "./primitive.js";
import type { Node, Value } from "./value.js";

export function isOnWebgpu(value: Value): boolean {
  return value.device.type === "webgpu";
}

const said = new Set<string>();

/** `TENSORSCOPE_LOG=placement`: says once what does not run on the device. */
export function notePlacement(line: string): void {
  if (!logsPlacement || said.has(line)) return;
  said.add(line);
  logPlacement(line);
}

/** Why a node is not for the device by what it reads and gives. */
export function unfit(node: Node): string | undefined {
  const dtypes = [...node.inputs, ...node.outputs].map((v) => v.dtype.name);
  const other = dtypes.find((d) => d === "float64" || d === "float16" || d === "bfloat16");
  if (other) return other;
  if (!dtypes.includes("float32")) return `${dtypes[0]!} without float32`;
  return undefined;
}

type Variant = (b: Builder, inputs: readonly (Ref | null)[], attrs: OnnxAttrs | undefined) => Ref | undefined;

/**
 * Without groups, a number of input channels that 3 divides and 4 does not (but 3 itself) is read three at a time and the rest
 * of the arithmetic goes by fours: the result is wrong (ONNX Runtime issue 29651). Channels of zeros make it a multiple of 4.
 */
const conv: Variant = (b, inputs, attrs) => {
  const [x, w, bias] = inputs as [Ref, Ref, Ref | undefined];
  const channels = x.shape[1]!;
  if ((attrs?.["group"] ?? 1) !== 1 || channels <= 3 || channels % 3 !== 0 || channels % 4 === 0)
    return undefined;
  const more = 4 - (channels % 4);
  const widened = ({ name, dtype, shape }: Ref): Ref => {
    const wide = shape.map((n, i) => (i === 1 ? n + more : n));
    const zeros = b.ints([...shape.map(() => 0), ...shape.map((_, i) => (i === 1 ? more : 0))]);
    return b.node("Pad", [{ name, dtype, shape }, zeros], undefined, dtype, wide);
  };
  return b.node("Conv", bias ? [widened(x), widened(w), bias] : [widened(x), widened(w)], attrs);
};

/** x − max x − ln Σ exp(x − max x) */
const logSoftmax: Variant = (b, inputs, attrs) => {
  const x = inputs[0]!;
  const axis = b.ints([attrs?.["axis"] as number]);
  const below = b.node("Sub", [x, b.node("ReduceMax", [x, axis], { keepdims: 1 })]);
  const sum = b.node("ReduceSum", [b.node("Exp", [below]), axis], { keepdims: 1 });
  return b.node("Sub", [below, b.node("Log", [sum])]);
};

/** A move of blocks into channels, as its definition has it: a transpose between two reshapes. */
const spaceToDepth: Variant = (b, inputs, attrs) => {
  const x = inputs[0]!;
  const side = attrs?.["blocksize"] as number;
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const split = b.reshape(x, [n, c, h / side, side, w / side, side]);
  const turned = b.node("Transpose", [split], { perm: [0, 3, 5, 1, 2, 4] });
  return b.reshape(turned, [n, c * side * side, h / side, w / side]);
};

/** Truths are compared and combined there as whole numbers of 32 bits, which have no carrier: `INT32` is ONNX's number. */
const INT32 = 6;
const asInt32 = (b: Builder, x: Ref): Ref => b.node("Cast", [x], { to: INT32 }, "int64");
const not = (b: Builder, x: Ref): Ref => b.node("Not", [x]);
const equalTruths = (b: Builder, x: Ref, y: Ref): Ref => b.node("Equal", [asInt32(b, x), asInt32(b, y)]);

/** Operations that the provider lacks or gets wrong, in others; `undefined` where it does as it is. */
const variants: Readonly<Record<string, Variant>> = {
  Conv: conv,
  LogSoftmax: logSoftmax,
  SpaceToDepth: spaceToDepth,
  Or: (b, [x, y]) => not(b, b.node("And", [not(b, x!), not(b, y!)])),
  Xor: (b, [x, y]) => not(b, equalTruths(b, x!, y!)),
  Equal: (b, [x, y]) => (x!.dtype === "bool" ? equalTruths(b, x!, y!) : undefined),
};

/** What the provider takes and then fails at, or gets wrong, and has no variant here: why it is the CPU's. */
function refusalOf(
  op: string,
  inputs: readonly (Ref | null)[],
  attrs: OnnxAttrs | undefined,
): string | undefined {
  switch (op) {
    case "ConvTranspose":
      if (inputs[0]!.shape.length > 4) return "a transposed convolution of three axes";
      return (attrs?.["group"] ?? 1) === 1 ? undefined : "a transposed convolution in groups";
    case "Asin":
    case "Acos":
      return "a precision of 5e-4 there";
    default:
      return undefined;
  }
}

export class WebgpuBuilder extends Builder {
  /** Why the operation is the CPU's, when it is. */
  refusal: string | undefined;
  override readonly device = "webgpu";

  override node(
    op: string,
    inputs: readonly (Ref | null)[],
    attrs?: OnnxAttrs,
    dtype?: Carrier,
    shape?: readonly number[],
    domain?: string,
  ): Ref {
    const result = domain === undefined ? variants[op]?.(this, inputs, attrs) : undefined;
    if (result) return shape ? { ...result, shape } : result;
    this.refusal ??= refusalOf(op, inputs, attrs);
    return super.node(op, inputs, attrs, dtype, shape, domain);
  }

  override multi(...args: Parameters<Builder["multi"]>): Ref[] {
    if (args[0] === "MaxPool") this.refusal ??= "places of the largest elements";
    return super.multi(...args);
  }
}
