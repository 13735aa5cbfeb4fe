/** Transforms of pictures and tensors: torchvision's. @see https://pytorch.org/vision/stable/transforms.html */
export { Compose, Lambda } from "./compose.js";
export { Normalize, ToTensor } from "./tensor.js";
export { Transform } from "./transform.js";
