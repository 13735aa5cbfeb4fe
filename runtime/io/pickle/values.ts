/** What a pickle is read into, before it becomes JavaScript's values. */
import { UnpicklingError } from "../../errors.js";

/** Python's `complex`. */
export class Complex {
  readonly re: number;
  readonly im: number;

  constructor(re: number, im: number) {
    this.re = re;
    this.im = im;
  }

  toString(): string {
    return `(${String(this.re)}${this.im < 0 || Object.is(this.im, -0) ? "-" : "+"}${String(Math.abs(this.im))}j)`;
  }
}

/** A function or class that a pickle names. Nothing is ever imported: it is the name and no more. */
export class Global {
  readonly module: string;
  readonly name: string;

  constructor(module: string, name: string) {
    this.module = module;
    this.name = name;
  }

  toString(): string {
    return `${this.module}.${this.name}`;
  }
}

/** A `dict`, an `OrderedDict`, or one of their relatives. */
export class Dict {
  readonly entries = new Map<unknown, unknown>();
  readonly ordered: boolean;
  /** Attributes that were set on an `OrderedDict`. */
  state: Dict | null = null;

  constructor(ordered = false) {
    this.ordered = ordered;
  }

  set(key: unknown, value: unknown): void {
    if (key === "__proto__") throw new UnpicklingError('a dictionary with the key "__proto__" is refused');
    this.entries.set(key, value);
  }

  get(key: string): unknown {
    return this.entries.get(key);
  }
}

/** An object of a class that is not known here: its name and what it holds. */
export class Instance {
  readonly type: Global;
  state: unknown = null;

  constructor(type: Global) {
    this.type = type;
  }
}
