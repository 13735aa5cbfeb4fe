/** Models and curves to show in the webviews; LeNet's figures are PyTorch's. */
import { convMacs } from "../../runtime/inspect/arithmetic.js";
import type { ModelSnapshot, ModuleSnapshot, TensorSnapshot } from "../../runtime/inspect/snapshot.js";
import type { CurvePoint } from "../../webview/shared/protocol.js";

function tensor(name: string, shape: readonly number[], more: Partial<TensorSnapshot> = {}): TensorSnapshot {
  const count = shape.reduce((all, size) => all * size, 1);
  const dtype = more.dtype ?? "float32";
  const bytes = count * (dtype === "int64" ? 8 : 4);
  return { name, shape, dtype, count, bytes, trainable: true, ...more };
}

interface Parts {
  readonly extraRepr?: string;
  readonly parameters?: readonly TensorSnapshot[];
  readonly buffers?: readonly TensorSnapshot[];
  readonly children?: readonly ModuleSnapshot[];
  readonly out?: readonly number[];
  readonly macs?: number;
  readonly line?: number;
}

export function moduleOf(path: string, className: string, parts: Parts = {}): ModuleSnapshot {
  const { extraRepr = "", parameters = [], buffers = [], children = [], out, macs = 0, line } = parts;
  const own = parameters.filter(({ sharedWith }) => sharedWith === undefined);
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  return {
    path,
    name: path === "" ? className : path.split(".").at(-1)!,
    className,
    extraRepr,
    ...(line === undefined ? {} : { location: { file: "/project/model.ts", line, column: 2 } }),
    parameters,
    buffers,
    ownParameters: sum(parameters.map(({ count }) => count)),
    totalParameters: sum(own.map(({ count }) => count)) + sum(children.map((c) => c.totalParameters)),
    trainableParameters:
      sum(own.filter(({ trainable }) => trainable).map(({ count }) => count)) +
      sum(children.map((c) => c.trainableParameters)),
    bytes: sum([...own, ...buffers].map(({ bytes }) => bytes)) + sum(children.map((c) => c.bytes)),
    ...(out === undefined ? {} : { outputShapes: [out] }),
    macs: macs + sum(children.map((c) => c.macs ?? 0)),
    children,
  };
}

function conv(
  path: string,
  i: number,
  o: number,
  k: number,
  out: readonly number[],
  line: number,
  extra = "",
) {
  return moduleOf(path, "Conv2d", {
    extraRepr: `${i}, ${o}, kernel_size=(${k}, ${k}), stride=(1, 1)${extra}`,
    parameters: [tensor("weight", [o, i, k, k]), tensor("bias", [o])],
    out,
    macs: convMacs(out, i, [k, k]),
    line,
  });
}

function linear(path: string, i: number, o: number, line: number, rows: readonly number[] = [1]) {
  return moduleOf(path, "Linear", {
    extraRepr: `in_features=${i}, out_features=${o}, bias=True`,
    parameters: [tensor("weight", [o, i]), tensor("bias", [o])],
    out: [...rows, o],
    macs: rows.reduce((a, b) => a * b, 1) * i * o,
    line,
  });
}

export const lenet: ModelSnapshot = {
  training: true,
  input: "x float32[1, 1, 28, 28]",
  root: moduleOf("", "LeNet", {
    out: [1, 10],
    line: 4,
    children: [
      conv("conv1", 1, 6, 5, [1, 6, 28, 28], 5, ", padding=(2, 2)"),
      conv("conv2", 6, 16, 5, [1, 16, 10, 10], 6),
      moduleOf("pool", "MaxPool2d", {
        extraRepr: "kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False",
        out: [1, 16, 5, 5],
        line: 7,
      }),
      linear("fc1", 400, 120, 8),
      linear("fc2", 120, 84, 9),
      linear("fc3", 84, 10, 10),
    ],
  }),
};

function norm(path: string, size: number, tokens: number) {
  return moduleOf(path, "LayerNorm", {
    extraRepr: `(${size},), eps=1e-05, elementwise_affine=True`,
    parameters: [tensor("weight", [size]), tensor("bias", [size])],
    out: [1, tokens, size],
  });
}

/** A small GPT with a tied head, a frozen embedding and a buffer. */
export function gpt(layers = 4, d = 256, tokens = 128): ModelSnapshot {
  const block = (path: string) =>
    moduleOf(path, "Block", {
      out: [1, tokens, d],
      line: 20,
      children: [
        norm(`${path}.ln1`, d, tokens),
        moduleOf(`${path}.attn`, "CausalSelfAttention", {
          out: [1, tokens, d],
          line: 9,
          buffers: [tensor("mask", [1, 1, tokens, tokens], { trainable: false })],
          children: [
            linear(`${path}.attn.qkv`, d, 3 * d, 10, [1, tokens]),
            linear(`${path}.attn.proj`, d, d, 11, [1, tokens]),
          ],
        }),
        norm(`${path}.ln2`, d, tokens),
        moduleOf(`${path}.mlp`, "Sequential", {
          out: [1, tokens, d],
          line: 22,
          children: [
            linear(`${path}.mlp.0`, d, 4 * d, 23, [1, tokens]),
            moduleOf(`${path}.mlp.1`, "GELU", { extraRepr: "approximate='none'", out: [1, tokens, 4 * d] }),
            linear(`${path}.mlp.2`, 4 * d, d, 25, [1, tokens]),
          ],
        }),
      ],
    });
  return {
    training: false,
    input: "ids int64[1, 128]",
    root: moduleOf("", "GPT", {
      out: [1, tokens, 5000],
      line: 40,
      children: [
        moduleOf("tokens", "Embedding", {
          extraRepr: `5000, ${d}`,
          parameters: [tensor("weight", [5000, d])],
          out: [1, tokens, d],
          line: 41,
        }),
        moduleOf("positions", "Embedding", {
          extraRepr: `${tokens}, ${d}`,
          parameters: [tensor("weight", [tokens, d], { trainable: false })],
          out: [tokens, d],
          line: 42,
        }),
        moduleOf("blocks", "ModuleList", {
          line: 43,
          children: Array.from({ length: layers }, (_, i) => block(`blocks.${i}`)),
        }),
        norm("norm", d, tokens),
        moduleOf("head", "Linear", {
          extraRepr: `in_features=${d}, out_features=5000, bias=False`,
          parameters: [tensor("weight", [5000, d], { sharedWith: "tokens.weight" })],
          out: [1, tokens, 5000],
          macs: tokens * d * 5000,
          line: 45,
        }),
      ],
    }),
  };
}

/** A fixed sequence of numbers in [0, 1): the curves look the same every time. */
export function noise(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A loss that falls, with noise and now and then a spike. */
export function lossCurve(
  run: string,
  points: number,
  options: { seed?: number; rate?: number; tag?: string; start?: number; spikes?: boolean } = {},
): CurvePoint[] {
  const { seed = 1, rate = 0.01, tag = "loss", start = 1_790_000_000_000, spikes = true } = options;
  const random = noise(seed);
  return Array.from({ length: points }, (_, step) => {
    const base = 0.05 + 2.25 * Math.exp(-rate * step);
    const spike = spikes && random() < 0.004 ? 8 + 10 * random() : 0;
    return { run, tag, step, wallTime: start + step * 120, value: base * (0.8 + 0.4 * random()) + spike };
  });
}
