/** Programs of a property test: chains of operations, views and in-place updates, replayed here and in PyTorch. */

/** An argument as JSON: a number, a tensor by its place, a slice, indices, a mask, an ellipsis. */
export type Argument =
  | number
  | boolean
  | null
  | { readonly tensor: number }
  | { readonly slice: readonly (number | null)[] }
  | { readonly long: readonly unknown[] }
  | { readonly bool: readonly unknown[] }
  | { readonly ellipsis: true }
  | readonly Argument[];

/** `tensors[on].op(...args)`, by PyTorch's name; the result is the next tensor, whether it is a new one or not. */
export interface Step {
  readonly on: number;
  readonly op: string;
  readonly args: readonly Argument[];
  /** Whether gradients are recorded. */
  readonly grad: boolean;
  /** Which of several results is meant. */
  readonly pick?: number;
}

export interface Program {
  readonly seed: number;
  readonly dtype: "float32" | "float64";
  readonly leaves: readonly {
    readonly shape: readonly number[];
    readonly values: readonly number[];
    readonly requiresGrad: boolean;
  }[];
  readonly steps: readonly Step[];
}

/** What can be seen of a tensor without its values. */
export interface Look {
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly offset: number;
  readonly dtype: string;
  readonly requiresGrad: boolean;
  readonly isView: boolean;
  readonly version: number;
}

export interface Refusal {
  readonly error: string;
  readonly message: string;
}

/** Numbers; those that JSON lacks by name. */
export type Numbers = readonly (number | string)[];

/** What a program gave. */
export interface Answer {
  readonly steps: readonly (Look | Refusal)[];
  readonly end: readonly ((Look & { readonly values: Numbers }) | null)[];
  /** Tensors of which no gradient may be asked, and the class of error. */
  readonly refused: readonly (readonly [number, string])[];
  readonly grads?: readonly (Numbers | null)[];
  readonly backward?: Refusal;
}
