/** Transforms made of others. */
import { Transform } from "./transform.js";

type Step<A, B> = (value: A) => B;

/**
 * Several transforms, one after another.
 *
 *     new transforms.Compose([new transforms.ToTensor(), new transforms.Normalize(0.13, 0.31)])
 *
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.Compose.html
 */
export class Compose<A, Z> extends Transform<A, Z> {
  readonly transforms: readonly Step<unknown, unknown>[];

  constructor(transforms: readonly [Step<A, Z>]);
  constructor(transforms: readonly [Step<A, Z>, ...Step<Z, Z>[]]);
  constructor(transforms: readonly [...Step<A, A>[], Step<A, Z>, Step<Z, Z>]);
  constructor(transforms: readonly [...Step<A, A>[], Step<A, Z>]);
  constructor(transforms: readonly Step<never, unknown>[]);
  constructor(transforms: readonly Step<never, unknown>[]) {
    super();
    this.transforms = [...transforms] as Step<unknown, unknown>[];
  }

  forward(value: A): Z {
    return this.transforms.reduce<unknown>((v, transform) => transform(v), value) as Z;
  }
}

/**
 * A function as a transform.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.Lambda.html
 */
export class Lambda<A, B> extends Transform<A, B> {
  readonly lambd: (value: A) => B;

  constructor(lambd: (value: A) => B) {
    super();
    this.lambd = lambd;
  }

  forward(value: A): B {
    return this.lambd(value);
  }
}
