/** What is the same for every tensor here, and may be asked for all the same. */
import { Tensor } from "./tensor.js";

/** How the elements lie: PyTorch's `torch.layout`. */
export class LayoutKind {
  readonly name: string;

  /** @internal */
  constructor(name: string) {
    this.name = name;
  }

  toString(): string {
    return `torch.${this.name}`;
  }
}

/** Dense, with a stride per axis: the only layout there is. */
export const strided = new LayoutKind("strided");

export interface TensorProperties {
  /** `torch.strided`. */
  readonly layout: LayoutKind;
  readonly isCpu: boolean;
  readonly isCuda: boolean;
  /** Always false, as are the others of its kind: no such tensors are made. */
  readonly isMeta: boolean;
  readonly isSparse: boolean;
  readonly isSparseCsr: boolean;
  readonly isQuantized: boolean;
  readonly isNested: boolean;
  readonly isMkldnn: boolean;
  readonly isMps: boolean;
  readonly isIpu: boolean;
  readonly isXpu: boolean;
  readonly isOrt: boolean;
  readonly isVulkan: boolean;
  /** Names of the axes: there are none. */
  readonly names: null[];
  readonly name: null;
  readonly volatile: boolean;
}

const getters: { readonly [K in keyof TensorProperties]: (this: Tensor) => TensorProperties[K] } = {
  layout: () => strided,
  isCpu() {
    return this.device.type === "cpu";
  },
  isCuda() {
    return this.device.type === "cuda";
  },
  isMeta: () => false,
  isSparse: () => false,
  isSparseCsr: () => false,
  isQuantized: () => false,
  isNested: () => false,
  isMkldnn: () => false,
  isMps: () => false,
  isIpu: () => false,
  isXpu: () => false,
  isOrt: () => false,
  isVulkan: () => false,
  names() {
    return this._shape.map(() => null);
  },
  name: () => null,
  volatile: () => false,
};

for (const [name, get] of Object.entries(getters)) {
  Object.defineProperty(Tensor.prototype, name, { get, configurable: true });
}

declare module "./tensor.js" {
  interface Tensor extends TensorProperties {}
}
