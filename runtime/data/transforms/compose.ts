/** Transforms made of others. */
import { ValueError } from "../../errors.js";
import { chance, integer, order } from "./random.js";
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

type Steps<T> = readonly ((value: T) => T)[];

/**
 * Several transforms with probability `p`, all or none.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomApply.html
 */
export class RandomApply<T> extends Transform<T, T> {
  readonly transforms: Steps<T>;
  readonly p: number;

  constructor(transforms: Steps<T>, { p = 0.5 }: { readonly p?: number } = {}) {
    super();
    this.transforms = transforms;
    this.p = p;
  }

  forward(value: T): T {
    return chance(this.p) ? this.transforms.reduce((v, transform) => transform(v), value) : value;
  }
}

/**
 * One of several transforms.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomChoice.html
 */
export class RandomChoice<T> extends Transform<T, T> {
  readonly transforms: Steps<T>;

  constructor(transforms: Steps<T>) {
    super();
    if (transforms.length === 0) throw new ValueError("RandomChoice needs transforms to choose from");
    this.transforms = transforms;
  }

  forward(value: T): T {
    return this.transforms[integer(0, this.transforms.length)]!(value);
  }
}

/**
 * Several transforms, in random order.
 * @see https://pytorch.org/vision/stable/generated/torchvision.transforms.RandomOrder.html
 */
export class RandomOrder<T> extends Transform<T, T> {
  readonly transforms: Steps<T>;

  constructor(transforms: Steps<T>) {
    super();
    this.transforms = transforms;
  }

  forward(value: T): T {
    return order(this.transforms.length).reduce((v, i) => this.transforms[i]!(v), value);
  }
}
