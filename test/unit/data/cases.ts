import { pathToFileURL } from "node:url";
import { data, torch } from "../../../runtime/index.js";

/** What goes through indices: PyTorch answers the same in test/oracle/data.py. */
export type Action =
  /** Two passes over a loader of the numbers below `n`. */
  | {
      readonly do: "loader";
      readonly n: number;
      readonly batchSize: number | null;
      readonly shuffle: boolean;
      readonly dropLast: boolean;
      readonly own: boolean;
    }
  | {
      readonly do: "random";
      readonly n: number;
      readonly replacement: boolean;
      readonly numSamples: number | null;
      readonly own: boolean;
    }
  | { readonly do: "subset"; readonly indices: readonly number[]; readonly own: boolean }
  | {
      readonly do: "weighted";
      readonly weights: readonly number[];
      readonly numSamples: number;
      readonly replacement: boolean;
      readonly own: boolean;
    }
  | { readonly do: "split"; readonly n: number; readonly lengths: readonly number[]; readonly own: boolean };

export interface Case {
  readonly seed: number;
  readonly actions: readonly Action[];
}

/** Each action is followed by one number from the default generator, which tells whether it stands where it should. */
export function cases(): Case[] {
  const loaders: Action[] = [];
  for (const [n, batchSize] of [
    [10, 3],
    [12, 4],
    [1, 1],
    [100, 64],
    [7, null],
  ] as const) {
    for (const shuffle of [true, false]) {
      for (const dropLast of batchSize === null ? [false] : [true, false]) {
        for (const own of [true, false]) loaders.push({ do: "loader", n, batchSize, shuffle, dropLast, own });
      }
    }
  }
  const others: Action[] = [];
  for (const own of [true, false]) {
    for (const replacement of [true, false]) {
      for (const [n, numSamples] of [
        [10, null],
        [10, 25],
        [32, 64],
        [70, 33],
        [5, 5],
      ] as const) {
        others.push({ do: "random", n, replacement, numSamples, own });
      }
    }
    others.push({ do: "subset", indices: [5, 3, 8, 1], own });
    for (const replacement of [true, false]) {
      others.push({ do: "weighted", weights: [0.1, 0.9, 0.4, 7, 3, 0.6], numSamples: 5, replacement, own });
    }
    for (const lengths of [
      [3, 7],
      [0.3, 0.3, 0.4],
      [0.25, 0.75],
      [10, 0],
    ]) {
      others.push({ do: "split", n: 10, lengths, own });
    }
  }
  return [
    ...[...loaders, ...others].map((action, i) => ({ seed: i, actions: [action] })),
    { seed: 42, actions: [...others, ...loaders] },
  ];
}

/** The indices that come of an action, pass by pass. */
export function perform(action: Action): unknown {
  const generator = action.own ? new torch.Generator().manualSeed(7) : null;
  switch (action.do) {
    case "loader": {
      const { n, batchSize, shuffle, dropLast } = action;
      const numbers = new data.TensorDataset(torch.arange(n));
      const loader = new data.DataLoader(numbers, { batchSize, shuffle, dropLast, generator });
      return [1, 2].map(() => Array.from(loader, ([x]) => x!.tolist()));
    }
    case "random": {
      const { n, replacement, numSamples } = action;
      const sampler = new data.RandomSampler({ length: n }, { replacement, numSamples, generator });
      return [1, 2].map(() => [...sampler]);
    }
    case "subset": {
      const sampler = new data.SubsetRandomSampler(action.indices, { generator });
      return [1, 2].map(() => [...sampler]);
    }
    case "weighted": {
      const { weights, numSamples, replacement } = action;
      const sampler = new data.WeightedRandomSampler(weights, numSamples, replacement, { generator });
      return [1, 2].map(() => [...sampler]);
    }
    case "split": {
      const whole = Array.from({ length: action.n }, (_, i) => i);
      return data.randomSplit(whole, action.lengths, { generator }).map(({ indices }) => indices);
    }
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(JSON.stringify(cases()));
  process.exit();
}
