/** The functions and classes of `torch` that are made of the layers above its tensors. */
import * as data from "./data/index.js";
import { load } from "./io/pth/load.js";
import { save } from "./io/pth/save.js";
import { SummaryWriter } from "./io/summary/writer.js";
import * as nn from "./nn/index.js";
import * as quantization from "./nn/quantization/index.js";
import { functionalCall } from "./nn/utils/stateless.js";
import * as optim from "./optim/index.js";
import { torch as base } from "./torch.js";

const utils = { ...base.utils, data, tensorboard: { SummaryWriter } };
const func = { ...base.func, functionalCall };

const ao = { quantization, nn: { quantized: nn.quantized } };

/**
 * The functions of PyTorch's `torch` module, by the calling rule: its names in camelCase, its argument order, options
 * in one trailing object.
 * @see https://pytorch.org/docs/stable/torch.html
 */
export const torch = Object.assign(base as Omit<typeof base, "func" | "utils">, {
  ao,
  quantization,
  nn,
  optim,
  func,
  utils,
  load,
  save,
});
