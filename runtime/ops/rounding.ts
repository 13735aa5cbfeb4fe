/** Rounding to integers and to decimals. */
import { RuntimeError } from "../errors.js";
import type { Builder, Ref } from "../graph/builder.js";
import { elementwise, num, requireFloat, requireNumber, truncate, zerosFor } from "./elementwise.js";
import { page, unary } from "./family.js";
import { op } from "./record.js";

/** A step function: integers stay as they are, the gradient is 0. */
function step<const S extends string>(
  signature: S,
  doc: string,
  lower: string | ((b: Builder, x: Ref) => Ref),
  aliases: readonly string[] = [],
) {
  const name = /^\w+/.exec(signature)![0];
  return unary({
    signature,
    aliases,
    doc: `${doc}\n\n${page(name)}`,
    identityOnIntegers: true,
    check: (dtype) => requireNumber(`${name}_vml_cpu`, dtype),
    lower: typeof lower === "string" ? lower : (b, [x]) => lower(b, x!),
    grad: (g) => zerosFor(g._value),
  });
}

export const floor = step(
  "floor(Tensor input, *, Tensor? out=None) -> Tensor",
  "The largest integer not above.",
  "Floor",
);
export const ceil = step(
  "ceil(Tensor input, *, Tensor? out=None) -> Tensor",
  "The smallest integer not below.",
  "Ceil",
);
export const trunc = step(
  "trunc(Tensor input, *, Tensor? out=None) -> Tensor",
  "The integer part.",
  truncate,
  ["fix"],
);

const roundPrimitive = elementwise<{ decimals: number }>("round", {
  lower: (b, [x], { decimals }) => {
    if (decimals === 0) return b.node("Round", [x!]);
    const power = num(b, x!, 10 ** Math.abs(decimals));
    const [to, from] = decimals > 0 ? ["Mul", "Div"] : ["Div", "Mul"];
    return b.node(from!, [b.node("Round", [b.node(to!, [x!, power])]), power]);
  },
  grad: (ctx) => [zerosFor(ctx.inputMeta(0))],
});

export const round = op({
  signature: "round(Tensor input, *, int decimals=0, Tensor? out=None) -> Tensor",
  inplace: true,
  doc: `Rounded to \`decimals\` places, halves to even.\n\n${page("round")}`,
  call: (input, decimals) => {
    requireNumber("round_vml_cpu", input.dtype);
    if (!input.dtype.isFloatingPoint) {
      if (decimals === 0) return input.clone();
      throw new RuntimeError(`"round_cpu" not implemented for ${String(input.dtype)} with decimals`);
    }
    return roundPrimitive([input], { decimals });
  },
});

export const frac = unary({
  signature: "frac(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `The part after the point, with the sign of the element.\n\n${page("frac")}`,
  check: (dtype) => requireFloat("frac_cpu", dtype),
  lower: (b, [x]) => b.node("Sub", [x!, truncate(b, x!)]),
  // d frac(x) = dx
  grad: (g) => g,
});

const scale = (b: Builder, x: Ref, factor: number): Ref => b.node("Mul", [x, num(b, x, factor)]);

export const deg2rad = unary({
  signature: "deg2rad(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `Degrees to radians: x · π / 180.\n\n${page("deg2rad")}`,
  promote: "float",
  lower: (b, [x]) => scale(b, x!, Math.PI / 180),
  grad: (g) => g.mul(Math.PI / 180),
});

export const rad2deg = unary({
  signature: "rad2deg(Tensor input, *, Tensor? out=None) -> Tensor",
  doc: `Radians to degrees: x · 180 / π.\n\n${page("rad2deg")}`,
  promote: "float",
  lower: (b, [x]) => scale(b, x!, 180 / Math.PI),
  grad: (g) => g.mul(180 / Math.PI),
});
