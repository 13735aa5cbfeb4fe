import { draw } from "../../../runtime/random/distributions.js";
import type { Mt19937 } from "../../../runtime/random/mt19937.js";
import type { HostArray } from "../../../runtime/tensor/dtype.js";

/** Parameter name -> shape. */
export type Shapes = Readonly<Record<string, readonly number[]>>;

const size = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);
const fanIn = (shape: readonly number[]): number => size(shape.slice(1));

/** What PyTorch 1.13's layers draw when constructed, in order; parameters left out are constants. */
export function initialise(gen: Mt19937, layer: string, shapes: Shapes): Map<string, HostArray> {
  const out = new Map<string, HostArray>();
  const uniform = (key: string, bound: number): void => {
    const shape = shapes[key];
    if (shape) out.set(key, draw("uniform", gen, "float32", size(shape), { from: -bound, to: bound }));
  };
  const normal = (key: string, std: number): void => {
    out.set(key, draw("normal", gen, "float32", size(shapes[key]!), { mean: 0, std }));
  };
  const xavier = (key: string): void => {
    const [rows, columns] = shapes[key] as [number, number];
    uniform(key, Math.sqrt(3) * Math.sqrt(2 / (rows + columns)));
  };
  const linear = (prefix: string): void => {
    const fan = fanIn(shapes[`${prefix}weight`]!);
    uniform(`${prefix}weight`, Math.sqrt(3) * (Math.sqrt(2 / (1 + Math.sqrt(5) ** 2)) / Math.sqrt(fan)));
    uniform(`${prefix}bias`, 1 / Math.sqrt(fan));
  };
  const attention = (prefix: string): void => {
    linear(`${prefix}out_proj.`);
    out.delete(`${prefix}out_proj.bias`); // drawn, then set to 0
    if (shapes[`${prefix}in_proj_weight`]) xavier(`${prefix}in_proj_weight`);
    else for (const which of ["q", "k", "v"]) xavier(`${prefix}${which}_proj_weight`);
  };
  const encoderLayer = (prefix: string): void => {
    attention(`${prefix}self_attn.`);
    linear(`${prefix}linear1.`);
    linear(`${prefix}linear2.`);
  };
  const decoderLayer = (prefix: string): void => {
    attention(`${prefix}self_attn.`);
    attention(`${prefix}multihead_attn.`);
    linear(`${prefix}linear1.`);
    linear(`${prefix}linear2.`);
  };

  switch (layer) {
    case "Linear":
    case "Conv1d":
    case "Conv2d":
    case "Conv3d":
    case "ConvTranspose1d":
    case "ConvTranspose2d":
      linear("");
      break;
    case "Bilinear": {
      const bound = 1 / Math.sqrt(shapes["weight"]![1]!);
      uniform("weight", bound);
      uniform("bias", bound);
      break;
    }
    case "Embedding":
    case "EmbeddingBag":
      normal("weight", 1);
      break;
    case "RNN":
    case "LSTM":
    case "GRU":
    case "RNNCell":
    case "LSTMCell":
    case "GRUCell": {
      const hidden = shapes["weight_hh_l0"] ?? shapes["weight_hh"];
      for (const key of Object.keys(shapes)) uniform(key, 1 / Math.sqrt(hidden![1]!));
      break;
    }
    case "MultiheadAttention":
      attention("");
      break;
    case "TransformerEncoderLayer":
      encoderLayer("");
      break;
    case "TransformerDecoderLayer":
      decoderLayer("");
      break;
    case "Transformer":
      // One layer of each kind is constructed (and copied); then every matrix is drawn again.
      encoderLayer("encoder.layers.0.");
      decoderLayer("decoder.layers.0.");
      for (const [key, shape] of Object.entries(shapes)) if (shape.length > 1) xavier(key);
      break;
    case "Sequential":
      for (const key of Object.keys(shapes)) {
        if (key.endsWith(".weight")) linear(key.slice(0, -"weight".length));
      }
      break;
    case "BatchNorm2d":
    case "LayerNorm":
    case "PReLU":
      break;
    default:
      throw new Error(`no recipe for ${layer}`);
  }
  return out;
}
