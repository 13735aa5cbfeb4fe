import { torch, type nn, type Tensor } from "tensorscope";

/** Inputs with the class of each. */
export type Batches = Iterable<[inputs: Tensor, classes: Tensor]>;

/** The share of inputs whose class the model names right, measured in evaluation mode. */
export function accuracy(model: nn.Module & ((inputs: Tensor) => Tensor), batches: Batches): number {
  model.eval();
  let right = 0;
  let all = 0;
  torch.noGrad(() => {
    for (const [inputs, classes] of batches) {
      right += model(inputs).argmax(1).eq(classes).sum().item();
      all += classes.numel();
    }
  });
  model.train();
  return right / all;
}

export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
