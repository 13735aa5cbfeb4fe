/** Dropout with PyTorch's random numbers. */
import { RuntimeError, ValueError } from "../errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { bool } from "../tensor/dtype.js";
import { functionalPage } from "./activation.js";
import { filled } from "./create.js";
import { titled } from "./inplace.js";
import { named } from "./results.js";
import { elementwise, maybeInPlace, num, type Elementwise } from "./elementwise.js";
import { drawn } from "./random.js";
import { op, type OpFunction } from "./record.js";

/** x · (noise / keep): the noise is divided first, as PyTorch does. */
const masked: Elementwise<{ keep: number }> = elementwise("dropout", {
  lower: (b, [x, noise], { keep }) => b.node("Mul", [x!, b.node("Div", [noise!, num(b, x!, keep)])]),
  grad: (ctx, g) => [masked([g, ctx.input(1)], ctx.attrs), null],
});

/** What SELU saturates at: -scale · α. */
const SATURATION = 1.7580993408473766;

/** a · (x · noise) + a · s · ((noise - 1) + p), s the saturation value, so that mean and variance stay. */
const saturated: Elementwise<{ p: number }> = elementwise("alpha_dropout", {
  lower: (b, [x, noise], { p }) => {
    const a = slope(p);
    const kept = b.node("Mul", [x!, b.node("Mul", [noise!, num(b, x!, a)])]);
    const dropped = b.node("Mul", [b.node("Sub", [noise!, num(b, x!, 1)]), num(b, x!, SATURATION * a)]);
    return b.node("Add", [kept, b.node("Add", [dropped, num(b, x!, SATURATION * a * p)])]);
  },
  grad: (ctx, g) => [g.mul(ctx.input(1).mul(slope(ctx.attrs.p))), null],
});

const slope = (p: number): number => 1 / Math.sqrt((SATURATION * SATURATION * p + 1) * (1 - p));

/** 1 with probability `keep`, else 0: one draw for every element, or for every feature map. */
function noiseFor(input: Tensor, keep: number, features: boolean): Tensor {
  const draw = { kind: "bernoulli", p: keep } as const;
  if (features) {
    if (input.ndim < 2) {
      throw new RuntimeError("Feature dropout requires at least 2 dimensions in the input");
    }
    return drawn(
      draw,
      input._shape.map((d, i) => (i < 2 ? d : 1)),
      input.dtype,
    );
  }
  // In C order whatever the input's strides are, as PyTorch draws here.
  return drawn(draw, input._shape, input.dtype);
}

interface Kind {
  readonly name: string;
  readonly features: boolean;
  readonly alpha: boolean;
}

function drop({ features, alpha }: Kind, input: Tensor, p: number, train: boolean): Tensor {
  if (!(p >= 0 && p <= 1)) {
    throw new RuntimeError(`dropout probability has to be between 0 and 1, but got ${String(p)}`);
  }
  if (p === 0 || !train || input.numel() === 0) return input;
  if (p === 1) return input.mul(0);
  const noise = noiseFor(input, 1 - p, features);
  return alpha ? saturated([input, noise], { p }) : masked([input, noise], { keep: 1 - p });
}

const elements: Kind = { name: "dropout", features: false, alpha: false };
const maps: Kind = { name: "feature_dropout", features: true, alpha: false };
const alphaElements: Kind = { name: "alpha_dropout", features: false, alpha: true };
const alphaMaps: Kind = { name: "feature_alpha_dropout", features: true, alpha: true };

function checkProbability(p: number): void {
  if (!(p >= 0 && p <= 1)) {
    throw new ValueError(`dropout probability has to be between 0 and 1, but got ${String(p)}`);
  }
}

/** `torch.dropout` and its like, which take everything by position. */
function primitiveForm<const N extends string>(
  kind: Kind & { readonly name: N },
): OpFunction<`${N}(Tensor input, float p, bool train) -> Tensor`> {
  return op({
    signature: `${kind.name}(Tensor input, float p, bool train) -> Tensor` as string,
    on: ["torch"],
    inplace: true,
    doc: "The function behind the one of the same purpose in `torch.nn.functional`.",
    call: ((input: Tensor, p: number, train: boolean) => drop(kind, input, p, train)) as never,
  }) as OpFunction<`${N}(Tensor input, float p, bool train) -> Tensor`>;
}

export const torchDropout = primitiveForm({ ...elements, name: "dropout" });
export const torchFeatureDropout = primitiveForm({ ...maps, name: "feature_dropout" });
export const torchAlphaDropout = primitiveForm({ ...alphaElements, name: "alpha_dropout" });
export const torchFeatureAlphaDropout = primitiveForm({ ...alphaMaps, name: "feature_alpha_dropout" });

export const nativeDropout = op({
  signature: "native_dropout(Tensor input, float p, bool? train) -> (Tensor output, Tensor mask)",
  on: ["torch"],
  doc: "`F.dropout` that also gives the mask of what is kept; without training the input and a mask of ones.",
  call: (input, p, train) => {
    if (train === false || input.numel() === 0) {
      const mask = filled(input._shape, true, train === false ? bool : input.dtype);
      return named({ output: input.clone(), mask });
    }
    if (!(p >= 0 && p <= 1)) {
      throw new RuntimeError(`bernoulli_ expects p to be in [0, 1], but got p=${String(1 - p)}`);
    }
    if (!input.dtype.isFloatingPoint) {
      throw new RuntimeError(`result type Float can't be cast to the desired output type ${titled(input)}`);
    }
    const noise = noiseFor(input, 1 - p, false);
    // Nothing is kept: there is nothing to divide by.
    const output = p === 1 ? input.mul(0) : masked([input, noise], { keep: 1 - p });
    return named({ output, mask: noise.to(bool) });
  },
});

function functional(kind: Kind, input: Tensor, p: number, training: boolean, inplace: boolean): Tensor {
  checkProbability(p);
  return maybeInPlace(kind.name, input, inplace, (x) => drop(kind, x, p, training));
}

/** The same over an input without a batch axis, which gets one for the while. */
function batched(rank: number, input: Tensor, p: number, training: boolean, inplace: boolean): Tensor {
  checkProbability(p);
  return maybeInPlace("feature_dropout", input, inplace, (x) =>
    x.ndim === rank ? drop(maps, x, p, training) : drop(maps, x.unsqueeze(0), p, training).squeeze(0),
  );
}

export const dropout = op({
  signature: "dropout(Tensor input, float p=0.5, bool training=True, bool inplace=False) -> Tensor",
  on: ["F"],
  doc: `Zeroes every element with probability \`p\` and divides the others by 1 - p.\n\n${functionalPage("dropout")}`,
  call: (input, p, training, inplace) => functional(elements, input, p, training, inplace),
});

export const dropout1d = op({
  signature: "dropout1d(Tensor input, float p=0.5, bool training=True, bool inplace=False) -> Tensor",
  on: ["F"],
  doc: `Dropout of whole channels of an (N, C, L) or (C, L) input.\n\n${functionalPage("dropout1d")}`,
  call: (input, p, training, inplace) => {
    checkProbability(p);
    if (input.ndim !== 2 && input.ndim !== 3) {
      throw new RuntimeError(
        `dropout1d: Expected 2D or 3D input, but received a ${String(input.ndim)}D input. Note that dropout1d exists ` +
          "to provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional batch " +
          "dimension (i.e. 2D or 3D inputs).",
      );
    }
    return batched(3, input, p, training, inplace);
  },
});

export const dropout2d = op({
  signature: "dropout2d(Tensor input, float p=0.5, bool training=True, bool inplace=False) -> Tensor",
  on: ["F"],
  doc: `Dropout of whole channels of an (N, C, H, W) input; three axes are read as (N, C, L).\n\n${functionalPage("dropout2d")}`,
  call: (input, p, training, inplace) => functional(maps, input, p, training, inplace),
});

export const dropout3d = op({
  signature: "dropout3d(Tensor input, float p=0.5, bool training=True, bool inplace=False) -> Tensor",
  on: ["F"],
  doc: `Dropout of whole channels of an (N, C, D, H, W) or (C, D, H, W) input.\n\n${functionalPage("dropout3d")}`,
  call: (input, p, training, inplace) => batched(5, input, p, training, inplace),
});

export const alphaDropout = op({
  signature: "alpha_dropout(Tensor input, float p=0.5, bool training=False, bool inplace=False) -> Tensor",
  on: ["F"],
  doc: `Sets elements to the saturation value of SELU, and keeps mean and variance.\n\n${functionalPage("alpha_dropout")}`,
  call: (input, p, training, inplace) => functional(alphaElements, input, p, training, inplace),
});

export const featureAlphaDropout = op({
  signature:
    "feature_alpha_dropout(Tensor input, float p=0.5, bool training=False, bool inplace=False) -> Tensor",
  on: ["F"],
  doc: `\`F.alphaDropout\` of whole channels.\n\n${functionalPage("feature_alpha_dropout")}`,
  call: (input, p, training, inplace) => functional(alphaMaps, input, p, training, inplace),
});
