/** Layers with int8 weights whose input is quantized on the way. */
export { DynamicConv1d as Conv1d, DynamicConv2d as Conv2d, DynamicConv3d as Conv3d } from "./conv.js";
export { DynamicLinear as Linear } from "./linear.js";
