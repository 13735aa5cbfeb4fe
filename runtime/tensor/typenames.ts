import type { DType, DTypeName } from "./dtype.js";

const titles: Readonly<Record<DTypeName, string>> = {
  float64: "Double",
  float32: "Float",
  float16: "Half",
  bfloat16: "BFloat16",
  int64: "Long",
  int32: "Int",
  int16: "Short",
  int8: "Char",
  uint8: "Byte",
  bool: "Bool",
};

/** A dtype as PyTorch's messages spell it: `Float`, `Long`. */
export function typeTitle(dtype: { readonly name: DTypeName }): string {
  return titles[dtype.name];
}

/** PyTorch's name of a tensor type on the CPU: `torch.FloatTensor`. */
export function typeString(dtype: DType): string {
  return `torch.${titles[dtype.name]}Tensor`;
}
