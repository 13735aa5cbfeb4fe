import type { Bag, Callable, Library, Tensor } from "./library.js";
import type { Module } from "./modules.js";

/**
 * The models that the corpus gives as Python source, written with the library's own classes. Each is found by what
 * its constructor declares, so that any training case with the same source trains the same model.
 */
type Forward = (this: Bag, x: Tensor, ...rest: unknown[]) => unknown;
type Fields = Readonly<Record<string, unknown>>;

/** A user's module: fields in the order given, and a forward. */
function define(library: Library, fields: Fields, forward: Forward): Module {
  const Base = library.value("nn.Module") as new () => object;
  class Model extends Base {
    constructor() {
      super();
      Object.assign(this, fields);
    }
    forward(...args: unknown[]): unknown {
      return forward.apply(this as unknown as Bag, args as Parameters<Forward>);
    }
  }
  return new Model() as unknown as Module;
}

/** Shorthands in the words of the Python sources. */
function words(library: Library) {
  const nn = (name: string, ...args: unknown[]): unknown => library.construct(`nn.${name}`, args);
  const F = (name: string, ...args: unknown[]): Tensor =>
    library.function(`nn.functional.${name}`)(...args) as Tensor;
  const torch = (name: string, ...args: unknown[]): Tensor => library.function(name)(...args) as Tensor;
  const on = (receiver: unknown, name: string, ...args: unknown[]): Tensor =>
    library.method(`Tensor.${name}`)(receiver, args) as Tensor;
  const run = (module: unknown, ...args: unknown[]): Tensor => (module as Callable)(...args) as Tensor;
  const pair = (module: unknown, ...args: unknown[]): [Tensor, Tensor] =>
    [...((module as Callable)(...args) as Iterable<Tensor>)] as [Tensor, Tensor];
  return { nn, F, torch, on, run, pair };
}

function lstm(library: Library): Module {
  const { nn, on, run, pair } = words(library);
  const fields = { lstm: nn("LSTM", 8, 24, { numLayers: 2, batchFirst: true }), fc: nn("Linear", 24, 10) };
  return define(library, fields, function (x) {
    const [y] = pair(this["lstm"], x);
    return run(this["fc"], on(y, "select", 1, -1));
  });
}

function gru(library: Library): Module {
  const { nn, torch, on, run, pair } = words(library);
  const fields = {
    gru: nn("GRU", 8, 16, { batchFirst: true, bidirectional: true }),
    fc: nn("Linear", 32, 10),
  };
  return define(library, fields, function (x) {
    const [, h] = pair(this["gru"], x);
    return run(this["fc"], torch("cat", [on(h, "select", 0, 0), on(h, "select", 0, 1)], { dim: 1 }));
  });
}

function block(library: Library, c: number, o: number, s: number): Module {
  const { nn, F, on, run } = words(library);
  const down =
    s !== 1 || c !== o
      ? nn("Sequential", nn("Conv2d", c, o, 1, { stride: s, bias: false }), nn("BatchNorm2d", o))
      : null;
  const fields = {
    conv1: nn("Conv2d", c, o, 3, { stride: s, padding: 1, bias: false }),
    bn1: nn("BatchNorm2d", o),
    conv2: nn("Conv2d", o, o, 3, { stride: 1, padding: 1, bias: false }),
    bn2: nn("BatchNorm2d", o),
    down,
  };
  return define(library, fields, function (x) {
    let y = F("relu", run(this["bn1"], run(this["conv1"], x)));
    y = run(this["bn2"], run(this["conv2"], y));
    return F("relu", on(y, "add", this["down"] === null ? x : run(this["down"], x)));
  });
}

function resnet(library: Library): Module {
  const { nn, F, on, run } = words(library);
  const fields = {
    conv1: nn("Conv2d", 1, 8, 3, { stride: 1, padding: 1, bias: false }),
    bn1: nn("BatchNorm2d", 8),
    layer1: block(library, 8, 8, 1),
    layer2: block(library, 8, 16, 2),
    fc: nn("Linear", 16, 10),
  };
  return define(library, fields, function (x) {
    let y = F("relu", run(this["bn1"], run(this["conv1"], x)));
    y = run(this["layer2"], run(this["layer1"], y));
    return run(this["fc"], on(F("adaptive_avg_pool2d", y, 1), "flatten", { startDim: 1 }));
  });
}

function gptBlock(library: Library, d: number, heads: number): Module {
  const { nn, on, run, pair } = words(library);
  const fields = {
    ln1: nn("LayerNorm", d),
    attn: nn("MultiheadAttention", d, heads, { batchFirst: true }),
    ln2: nn("LayerNorm", d),
    mlp: nn("Sequential", nn("Linear", d, 4 * d), nn("GELU"), nn("Linear", 4 * d, d)),
  };
  return define(library, fields, function (x, mask) {
    const y = run(this["ln1"], x);
    const [attended] = pair(this["attn"], y, y, y, { attnMask: mask, needWeights: false });
    const sum = on(x, "add", attended);
    return on(sum, "add", run(this["mlp"], run(this["ln2"], sum)));
  });
}

function gpt(library: Library): Module {
  const { nn, torch, on, run } = words(library);
  const [V, T, d, heads, layers] = [30, 16, 32, 4, 2];
  const fields = {
    tok: nn("Embedding", V, d),
    pos: nn("Embedding", T, d),
    blocks: nn(
      "ModuleList",
      Array.from({ length: layers }, () => gptBlock(library, d, heads)),
    ),
    ln: nn("LayerNorm", d),
    head: nn("Linear", d, V, { bias: false }),
  };
  return define(library, fields, function (ix) {
    const n = ix.shape[1]!;
    let x = on(run(this["tok"], ix), "add", run(this["pos"], torch("arange", n)));
    const mask = torch("triu", torch("ones", n, n, { dtype: library.value("bool") }), { diagonal: 1 });
    for (const b of this["blocks"] as Iterable<unknown>) x = run(b, x, mask);
    return run(this["head"], run(this["ln"], x));
  });
}

function encoder(library: Library): Module {
  const { nn, on, run } = words(library);
  const layer = nn("TransformerEncoderLayer", 16, 2, { dimFeedforward: 32, dropout: 0, batchFirst: true });
  const fields = {
    inp: nn("Linear", 8, 16),
    enc: nn("TransformerEncoder", layer, 2),
    fc: nn("Linear", 16, 10),
  };
  return define(library, fields, function (x) {
    return run(this["fc"], on(run(this["enc"], run(this["inp"], x)), "mean", 1));
  });
}

function transformer(library: Library): Module {
  const { nn, run } = words(library);
  const V = 30;
  const fields = {
    e: nn("Embedding", V, 16),
    t: nn("Transformer", {
      dModel: 16,
      nhead: 2,
      numEncoderLayers: 1,
      numDecoderLayers: 1,
      dimFeedforward: 32,
      dropout: 0,
      batchFirst: true,
    }),
    o: nn("Linear", 16, V),
  };
  const mask = library.value("nn.Transformer") as { generateSquareSubsequentMask(size: number): Tensor };
  return define(library, fields, function (ix) {
    const m = mask.generateSquareSubsequentMask(ix.shape[1]!);
    const masks = { tgtMask: m, srcMask: m, memoryMask: m };
    return run(this["o"], run(this["t"], run(this["e"], ix), run(this["e"], ix), masks));
  });
}

/** What a constructor's source must hold for a model to be its counterpart, the more telling first. */
const counterparts: readonly (readonly [RegExp, (library: Library) => Module])[] = [
  [/self\.lstm = nn\.LSTM\(8, 24, num_layers=2, batch_first=True\); self\.fc = nn\.Linear\(24, 10\)/, lstm],
  [
    /self\.gru = nn\.GRU\(8, 16, batch_first=True, bidirectional=True\); self\.fc = nn\.Linear\(32, 10\)/,
    gru,
  ],
  [
    /self\.layer1 = Block\(8, 8, 1\); self\.layer2 = Block\(8, 16, 2\); self\.fc = nn\.Linear\(16, 10\)/,
    resnet,
  ],
  [/def __init__\(self, V=30, T=16, d=32, h=4, L=2\)[^]*self\.blocks = nn\.ModuleList/, gpt],
  [
    /nn\.TransformerEncoder\(nn\.TransformerEncoderLayer\(16, 2, 32, dropout=0\.0, batch_first=True\), 2\)/,
    encoder,
  ],
  [/self\.t = nn\.Transformer\(16, 2, 1, 1, 32, dropout=0\.0, batch_first=True\)/, transformer],
];

/** The counterpart of a Python source, or nothing when there is none. */
export function counterpart(library: Library, source: string): Module | undefined {
  return counterparts.find(([shape]) => shape.test(source))?.[1](library);
}
