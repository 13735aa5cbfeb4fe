import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

/** `TENSORSCOPE_EAGER=1` runs every operation at its call: a debugger then sees values, and errors come where they are. */

const index = new URL("../../../runtime/index.js", import.meta.url).href;

function run(source: string, eager: boolean): { readonly stdout: string; readonly stderr: string } {
  const script = `const { F, nn, optim, planStats, torch } = await import(${JSON.stringify(index)});\n${source}`;
  return spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    env: { ...process.env, TENSORSCOPE_EAGER: eager ? "1" : "" },
    timeout: 60_000,
  });
}

test("training gives the same numbers", () => {
  const source = `
    torch.manualSeed(0);
    const model = new nn.Sequential(new nn.Linear(4, 8), new nn.Tanh(), new nn.Linear(8, 2));
    const optimizer = new optim.Adam(model.parameters(), 0.05);
    for (let i = 0; i < 5; i++) {
      optimizer.zeroGrad();
      const loss = F.crossEntropy(model(torch.randn(6, 4)), torch.randint(0, 2, [6]));
      loss.backward();
      optimizer.step();
      console.log(loss.item().toFixed(5));
    }
    const x = torch.tensor([3, 0, 4]);
    console.log(x.at(x.gt(0)).tolist().join());
  `;
  const [eager, lazy] = [run(source, true), run(source, false)];
  assert.equal(eager.stderr, "");
  assert.equal(eager.stdout, lazy.stdout);
});

test("a bad value is thrown by the call that uses it", () => {
  const source = `
    const index = torch.tensor([4]).add(5);
    try {
      torch.arange(5).at(index);
    } catch (error) {
      console.log(error.name);
    }
  `;
  assert.equal(run(source, true).stdout, "IndexError\n");
  assert.equal(run(source, false).stdout, "");
});
