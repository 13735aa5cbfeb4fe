/**
 * What a graph for the webgpu device may contain. ONNX Runtime runs a node that its WebGPU provider lacks on the CPU,
 * fetching and sending what it needs, inside the same session: right, and slow. Here operations are written in others that
 * the provider has, and those that cannot be are told apart, to be put into a graph for the CPU.
 */
import { writeSync } from "node:fs";
import { Builder, type Ref } from "./builder.js";
import type { OnnxAttrs } from "./onnx/proto.js";
import type { Carrier } from "./primitive.js";
import type { Node, Value } from "./value.js";

export function isOnWebgpu(value: Value): boolean {
  return value.device.type === "webgpu";
}

const logged = process.env["TENSORSCOPE_LOG"]?.split(",").includes("placement") === true;
const said = new Set<string>();

/** `TENSORSCOPE_LOG=placement`: says once what does not run on the device. */
export function logPlacement(line: string): void {
  if (!logged || said.has(line)) return;
  said.add(line);
  // Not the console: a thread that never yields prints only its first line.
  writeSync(2, `placement: ${line}\n`);
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

/** Operations that the provider lacks or gets wrong, in others; `undefined` where it does as it is. */
const variants: Readonly<Record<string, Variant>> = {
  Conv: conv,
};

/** Operations without a variant that only the CPU has. */
const refused = new Set<string>([]);

export class WebgpuBuilder extends Builder {
  /** The first operation that the device does not have. */
  refusal: string | undefined;

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
    if (refused.has(op)) this.refusal ??= op;
    return super.node(op, inputs, attrs, dtype, shape, domain);
  }
}
