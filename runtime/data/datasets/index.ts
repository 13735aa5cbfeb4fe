/** Data sets ready to use. */
export { Digits, type DigitsOptions } from "./digits.js";
export { CIFAR10, CIFAR100, type CIFAROptions } from "./cifar.js";
export { FashionMNIST, KMNIST, MNIST, type MNISTOptions } from "./mnist.js";
export { VisionDataset, type TransformFn, type VisionOptions } from "./vision.js";
