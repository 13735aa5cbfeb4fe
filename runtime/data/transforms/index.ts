/** Transforms of pictures and tensors: torchvision's. @see https://pytorch.org/vision/stable/transforms.html */
export {
  ColorJitter,
  GaussianBlur,
  Grayscale,
  RandomGrayscale,
  RandomInvert,
  RandomPosterize,
  RandomSolarize,
} from "./colour.js";
export { Compose, Lambda, RandomApply, RandomChoice, RandomOrder } from "./compose.js";
export {
  CenterCrop,
  FiveCrop,
  Pad,
  RandomAffine,
  RandomCrop,
  RandomHorizontalFlip,
  RandomResizedCrop,
  RandomRotation,
  RandomVerticalFlip,
  Resize,
  TenCrop,
} from "./geometry.js";
export type { Interpolation } from "./pixels.js";
export { Normalize, PILToTensor, RandomErasing, ToPILImage, ToTensor } from "./tensor.js";
export { Transform } from "./transform.js";
