/** Data sets, samplers and loaders: PyTorch's `torch.utils.data`. @see https://pytorch.org/docs/stable/data.html */
export {
  ChainDataset,
  ConcatDataset,
  Dataset,
  IterableDataset,
  randomSplit,
  StackDataset,
  Subset,
  TensorDataset,
  type MapStyle,
} from "./dataset.js";
export {
  BatchSampler,
  DistributedSampler,
  RandomSampler,
  Sampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
} from "./sampler.js";
export { defaultCollate, defaultConvert, type Collated } from "./collate.js";
export type { LoaderState } from "./position.js";
export { DataLoader, type CollateFn, type DataLoaderOptions } from "./loader.js";
export { getWorkerInfo, type WorkerInfo } from "./workerInfo.js";
export { Image, type ImageMode } from "./image.js";
