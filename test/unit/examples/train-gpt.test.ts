import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite, test } from "node:test";
import { planStats } from "../../../runtime/index.js";
import { example, quietly } from "./support.js";

interface TrainGPT {
  trainGPT(options: {
    file?: string;
    steps: number;
    width?: number;
    context?: number;
    layers?: number;
    dropout?: number;
  }): { loss: number; entropy: number; sample: string };
}

suite("examples/train-gpt.ts", () => {
  test("the loss falls below the entropy of the single characters", async () => {
    const { trainGPT } = await example<TrainGPT>("train-gpt.ts");
    const { result } = quietly(() => trainGPT({ steps: 100, width: 48, context: 32 }));
    assert.ok(result.entropy > 2.9 && result.entropy < 3.3, `entropy ${result.entropy}`);
    assert.ok(result.loss < result.entropy - 0.3, `loss ${result.loss} beside ${result.entropy}`);
  });

  test("a text of one's own that repeats is learned by heart; writing it compiles nothing new", async () => {
    const { trainGPT } = await example<TrainGPT>("train-gpt.ts");
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "gpt-")), "text.txt");
    fs.writeFileSync(file, "\nabcdefgh".repeat(40));
    const small = { file, steps: 100, width: 32, context: 18, layers: 1, dropout: 0 };
    const { result } = quietly(() => trainGPT(small));
    fs.rmSync(path.dirname(file), { recursive: true });
    assert.ok(result.loss < 0.3, `loss ${result.loss}`);
    // What it writes goes on as the text does, but for a slip of the dice.
    const pairs = Array.from(result.sample)
      .slice(1)
      .map((character, i) => result.sample[i]! + character);
    const right = pairs.filter((pair) => "\nabcdefgh\n".includes(pair)).length;
    assert.ok(right > 0.9 * pairs.length, result.sample);
    // 200 characters, 17 lengths: after the third one there is one graph for all.
    const { compiled } = planStats();
    assert.ok(compiled < 60, `${compiled} compiled`);
  });
});
