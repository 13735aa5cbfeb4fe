import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { torch, type Tensor } from "../../../runtime/index.js";

const leaf = (...values: number[]): Tensor => torch.tensor(values, { requiresGrad: true });

test("noGrad takes a function and gives its result", () => {
  const x = leaf(1, 2);
  const y = torch.noGrad(() => x.mul(2));
  assert.equal(y.requiresGrad, false);
  assert.equal(x.mul(2).requiresGrad, true);
});

test("noGrad opens a scope for using", () => {
  const x = leaf(1, 2);
  {
    using _ = torch.noGrad();
    assert.equal(x.mul(2).requiresGrad, false);
    assert.equal(
      torch.enableGrad(() => x.mul(2).requiresGrad),
      true,
    );
    {
      using _on = torch.enableGrad();
      assert.equal(torch.isGradEnabled(), true);
    }
    assert.equal(torch.isGradEnabled(), false);
  }
  assert.equal(torch.isGradEnabled(), true);
});

test("the mode survives await, and stays out of what runs meanwhile", async () => {
  const x = leaf(1);
  const seen: [string, boolean][] = [];
  const look = (who: string): unknown => seen.push([who, x.mul(2).requiresGrad]);
  const quiet = torch.noGrad(async () => {
    look("quiet");
    await sleep(5);
    look("quiet");
  });
  look("other");
  await Promise.all([
    quiet,
    (async () => {
      look("other");
      await sleep(2);
      look("other");
    })(),
  ]);
  for (const [who, recorded] of seen) assert.equal(recorded, who === "other");
  assert.equal(seen.length, 5);
});

test("using survives await too, and ends with its block", async () => {
  const scoped = async (): Promise<boolean[]> => {
    using _ = torch.noGrad();
    const before = torch.isGradEnabled();
    await sleep(2);
    return [before, torch.isGradEnabled()];
  };
  const running = (async () => {
    await sleep(1);
    return torch.isGradEnabled();
  })();
  const [inside, outside] = await Promise.all([scoped(), running]);
  assert.deepEqual(inside, [false, false]);
  assert.equal(outside, true, "begun before");
  assert.equal(torch.isGradEnabled(), true, "once the block has ended");
});

test("an error ends the scope", () => {
  assert.throws(() =>
    torch.noGrad(() => {
      throw new Error("inside");
    }),
  );
  assert.equal(torch.isGradEnabled(), true);
});

test("setGradEnabled: for a function, for a block, and from here on", () => {
  assert.equal(
    torch.setGradEnabled(false, () => torch.isGradEnabled()),
    false,
  );
  {
    using _ = torch.setGradEnabled(false);
    assert.equal(torch.isGradEnabled(), false);
  }
  torch.setGradEnabled(false);
  assert.equal(torch.isGradEnabled(), false);
  torch.setGradEnabled(true);
  assert.equal(torch.isGradEnabled(), true);
  torch.noGrad(() => {
    torch.setGradEnabled(true);
    assert.equal(torch.isGradEnabled(), true);
  });
  assert.equal(torch.isGradEnabled(), true);
});

test("hooks may change the mode, whatever backward's own is", () => {
  const x = leaf(1, 2);
  const y = x.mul(2);
  const seen: boolean[] = [];
  y.registerHook(() => {
    seen.push(torch.isGradEnabled());
    torch.enableGrad(() => seen.push(torch.isGradEnabled()));
    using _ = torch.enableGrad();
    seen.push(torch.isGradEnabled());
  });
  y.sum().backward({ retainGraph: true });
  y.sum().backward({ createGraph: true });
  assert.deepEqual(seen, [false, true, true, true, true, true]);
});

test("inference mode records nothing; its tensors are refused where PyTorch refuses them", () => {
  const x = leaf(1, 2);
  const made = torch.inferenceMode(() => {
    assert.equal(torch.isInferenceModeEnabled(), true);
    assert.equal(torch.enableGrad(() => x.mul(2)).requiresGrad, false);
    assert.equal(
      torch.inferenceMode(false, () => x.mul(2).requiresGrad),
      true,
    );
    const t = torch.ones(2);
    t.add_(1);
    return t;
  });
  assert.equal(made.isInference(), true);
  assert.equal(made.view(2, 1).isInference(), true);
  assert.equal(made.clone().isInference(), false);
  assert.equal(x.isInference(), false);
  assert.throws(() => made.add_(1), /RuntimeError: Inplace update to inference tensor/);
  assert.throws(() => made.requiresGrad_(), /inference tensor outside InferenceMode/);
  assert.throws(() => made._version, /do not track version counter/);
  assert.deepEqual(made.add(x).tolist(), [3, 4]);
});
