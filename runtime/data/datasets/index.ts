/** Data sets ready to use. */
export { Digits, type DigitsOptions } from "./digits.js";
export { CIFAR10, CIFAR100, type CIFAROptions } from "./cifar.js";
export { FashionMNIST, KMNIST, MNIST, type MNISTOptions } from "./mnist.js";
export { ImageFolder, type ImageFolderOptions } from "./folder.js";
export { CSV, type CSVOptions } from "./csv.js";
export { Parquet } from "./parquet.js";
export { TableDataset, type ColumnValues, type Row, type TableOptions } from "./table.js";
export { CharDataset, TextLineDataset, type CharDatasetOptions } from "./text.js";
export { VisionDataset, type TransformFn, type VisionOptions } from "./vision.js";
