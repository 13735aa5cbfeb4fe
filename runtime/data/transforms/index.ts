/** Transforms of pictures and tensors: torchvision's. @see https://pytorch.org/vision/stable/transforms.html */
export { ColorJitter, GaussianBlur, Grayscale } from "./colour.js";
export { Compose, Lambda, RandomApply, RandomChoice, RandomOrder } from "./compose.js";
export {
  CenterCrop,
  Pad,
  RandomAffine,
  RandomCrop,
  RandomHorizontalFlip,
  RandomResizedCrop,
  RandomRotation,
  RandomVerticalFlip,
  Resize,
} from "./geometry.js";
export type { Interpolation } from "./pixels.js";
export { Normalize, RandomErasing, ToPILImage, ToTensor } from "./tensor.js";
export { Transform } from "./transform.js";
