/** Layers of integers. @see https://pytorch.org/docs/stable/quantization-support.html */
export { Conv1d, Conv2d, Conv3d } from "./conv.js";
export { Linear } from "./linear.js";
export { DeQuantize, Quantize } from "./stubs.js";
export * as dynamic from "./dynamic.js";
