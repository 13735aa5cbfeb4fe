import { torch, nn, F, type Tensor } from "tensorscope";

export interface GPTOptions {
  readonly vocabulary?: number;
  /** The longest text it looks back on. */
  readonly context?: number;
  readonly width?: number;
  readonly heads?: number;
  readonly layers?: number;
  readonly dropout?: number;
}

/**
 * Attention of every place to those before it.
 * @input x float32[1, 64, 64]
 */
export class CausalSelfAttention extends nn.Module {
  qkv: nn.Linear;
  project: nn.Linear;
  readonly heads: number;

  constructor(width = 64, heads = 4) {
    super();
    this.heads = heads;
    this.qkv = new nn.Linear(width, 3 * width);
    this.project = new nn.Linear(width, width);
  }

  forward(x: Tensor): Tensor {
    const [n, length, width] = x.shape as [number, number, number];
    const [q, k, v] = this.qkv(x)
      .view(n, length, 3, this.heads, width / this.heads)
      .permute(2, 0, 3, 1, 4)
      .unbind(0) as [Tensor, Tensor, Tensor];
    const seen = F.scaledDotProductAttention(q, k, v, { isCausal: true });
    return this.project(seen.transpose(1, 2).reshape(n, length, width));
  }
}

/**
 * Attention, then a perceptron at each place, both beside a path that goes straight through.
 * @input x float32[1, 64, 64]
 */
export class Block extends nn.Module {
  norm1: nn.LayerNorm;
  attention: CausalSelfAttention;
  norm2: nn.LayerNorm;
  mlp: nn.Sequential;

  constructor(width = 64, heads = 4, dropout = 0) {
    super();
    this.norm1 = new nn.LayerNorm(width);
    this.attention = new CausalSelfAttention(width, heads);
    this.norm2 = new nn.LayerNorm(width);
    this.mlp = new nn.Sequential(
      new nn.Linear(width, 4 * width),
      new nn.GELU(),
      new nn.Linear(4 * width, width),
      new nn.Dropout(dropout),
    );
  }

  forward(x: Tensor): Tensor {
    x = x.add(this.attention(this.norm1(x)));
    return x.add(this.mlp(this.norm2(x)) as Tensor);
  }
}

/**
 * A small GPT: what comes after each character of a text, given all before it.
 * @input tokens int64[1, 64] in 0..64
 */
export class GPT extends nn.Module {
  token: nn.Embedding;
  position: nn.Embedding;
  blocks: nn.Sequential;
  norm: nn.LayerNorm;
  head: nn.Linear;
  readonly context: number;

  constructor({
    vocabulary = 64,
    context = 64,
    width = 64,
    heads = 4,
    layers = 2,
    dropout = 0.1,
  }: GPTOptions = {}) {
    super();
    this.context = context;
    this.token = new nn.Embedding(vocabulary, width);
    this.position = new nn.Embedding(context, width);
    this.blocks = new nn.Sequential(
      ...Array.from({ length: layers }, () => new Block(width, heads, dropout)),
    );
    this.norm = new nn.LayerNorm(width);
    this.head = new nn.Linear(width, vocabulary, { bias: false });
    this.apply((m) => {
      if (m instanceof nn.Linear || m instanceof nn.Embedding) nn.init.normal_(m.weight, 0, 0.02);
    });
  }

  /** Scores of the next character: `[N, T]` → `[N, T, vocabulary]`. */
  forward(tokens: Tensor): Tensor {
    const places = torch.arange(tokens.size(1));
    const x = this.token(tokens).add(this.position(places));
    return this.head(this.norm(this.blocks(x) as Tensor));
  }
}
