import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { F, optim, progress, report, torch, type Tensor } from "tensorscope";
import { GPT, type GPTOptions } from "./gpt.js";

const sonnets = fileURLToPath(new URL("./text/sonnets.txt", import.meta.url));

/** The entropy of the characters of a text, in nats: the loss of who knows how often each comes, and nothing of the order. */
function unigramEntropy(text: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((sum, n) => sum - (n / text.length) * Math.log(n / text.length), 0);
}

/** Goes on from `tokens` for `count` characters, each drawn by its probability. */
function write(model: GPT, tokens: number[], count: number): number[] {
  model.eval();
  torch.noGrad(() => {
    for (let i = 0; i < count; i++) {
      const scores = model(torch.tensor([tokens.slice(-model.context)])).at(0, -1);
      tokens.push(torch.multinomial(F.softmax(scores.div(0.8), -1), 1).item());
    }
  });
  model.train();
  return tokens;
}

export interface GPTTraining extends Omit<GPTOptions, "vocabulary"> {
  /** A text file; Shakespeare's sonnets if none is given. */
  readonly file?: string;
  readonly steps?: number;
  readonly batchSize?: number;
  readonly seed?: number;
}

/**
 * Trains a small GPT to write like a text, character by character; its loss falls below the entropy of the single characters.
 * @train GPT on sonnets
 */
export function trainGPT({
  file = sonnets,
  steps = 500,
  batchSize = 16,
  seed = 0,
  ...options
}: GPTTraining = {}): {
  model: GPT;
  /** Mean of the last tenth of the steps, in nats a character. */
  loss: number;
  entropy: number;
  sample: string;
} {
  torch.manualSeed(seed);
  const text = [...readFileSync(file, "utf8")];
  const characters = [...new Set(text)].sort();
  const numbers = new Map(characters.map((character, i) => [character, i]));
  const tokens = torch.tensor(text.map((character) => numbers.get(character)!));
  const entropy = unigramEntropy(text);

  const model = new GPT({ ...options, vocabulary: characters.length });
  const optimizer = new optim.AdamW(model.parameters(), { lr: 2e-3, weightDecay: 0.1, betas: [0.9, 0.95] });
  const scheduler = new optim.lrScheduler.CosineAnnealingLR(optimizer, steps, { etaMin: 2e-4 });
  const last: Tensor[] = [];
  for (const step of progress(steps, { desc: "GPT" })) {
    // Pieces from anywhere in the text; what is wanted is each piece one character on.
    const starts = torch.randint(0, text.length - model.context, [batchSize, 1]);
    const places = starts.add(torch.arange(model.context));
    optimizer.zeroGrad();
    const scores = model(tokens.at(places));
    const loss = F.crossEntropy(scores.flatten(0, 1), tokens.at(places.add(1)).flatten());
    loss.backward();
    optimizer.step();
    scheduler.step();
    report("loss", loss);
    if (step >= 0.9 * steps) last.push(loss.detach());
  }
  const loss = torch.stack(last).mean().item();
  const sample = write(model, [numbers.get("\n") ?? 0], 200)
    .map((i) => characters[i])
    .join("")
    .trim();
  console.log(`${sample}\n`);
  console.log(
    `GPT: loss ${loss.toFixed(3)} nats a character, entropy of the characters ${entropy.toFixed(3)}`,
  );
  return { model, loss, entropy, sample };
}

if (import.meta.main) trainGPT(process.argv[2] === undefined ? {} : { file: process.argv[2] });
