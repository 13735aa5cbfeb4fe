/** What chance does to transforms. The default generator is asked as torchvision asks it, so a seed fixes them. */
import { ValueError } from "../../errors.js";
import { torch } from "../../torch.js";

/** A number in [low, high). */
export function uniform(low: number, high: number): number {
  return torch.empty(1).uniform_(low, high).item();
}

/** A whole number from `low` up to `high`, which is not reached. */
export function integer(low: number, high: number): number {
  return torch.randint(low, high, [1]).item();
}

/** True with probability `p`. */
export function chance(p: number): boolean {
  return torch.rand(1).item() < p;
}

/** The numbers below `n` in random order. */
export function order(n: number): number[] {
  return torch.randperm(n).tolist() as number[];
}

/** @throws ValueError */
export function probability(p: number): number {
  if (!(p >= 0 && p <= 1)) throw new ValueError(`a probability is from 0 to 1, not ${String(p)}`);
  return p;
}
