/** Data sets ready to use. */
export { Digits, type DigitsOptions } from "./digits.js";
export { VisionDataset, type TransformFn, type VisionOptions } from "./vision.js";
