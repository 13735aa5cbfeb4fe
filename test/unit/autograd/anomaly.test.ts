import assert from "node:assert/strict";
import { test } from "node:test";
import { torch, type FunctionCtx, type Tensor } from "../../../runtime/index.js";

const { detectAnomaly, setDetectAnomaly } = torch.autograd;

test("a NaN in backward is laid at the line of the forward call", () => {
  const x = torch.tensor([0, 1], { requiresGrad: true });
  const run = (): void => {
    const root = x.sqrt(); // the guilty line
    root.mul(0).sum().backward();
  };
  assert.throws(
    () => detectAnomaly(run),
    (error: Error) => {
      assert.match(error.message, /Function 'SqrtBackward0' returned nan values in its 0th output/);
      assert.match(error.message, /whose forward call is at .*anomaly\.test\.ts:\d+:\d+/);
      assert.match(error.stack!, /^ +at run .*anomaly\.test\.ts/m);
      return true;
    },
  );
  run();
  detectAnomaly(run, { checkNan: false });
});

test("an error inside backward names the forward call and keeps its own stack as the cause", () => {
  class Broken extends torch.autograd.Function {
    static forward(_: FunctionCtx, x: Tensor): Tensor {
      return x.mul(1);
    }
    static backward(): Tensor {
      throw new Error("broken");
    }
  }
  const x = torch.ones(2, { requiresGrad: true });
  assert.throws(
    () => detectAnomaly(() => Broken.apply(x).sum().backward()),
    (error: Error) => {
      assert.match(
        error.message,
        /^broken\nError detected in BrokenBackward, whose forward call is at .*anomaly\.test\.ts/,
      );
      assert.match((error.cause as Error).stack!, /backward/);
      return true;
    },
  );
});

test("for a block, and from here on", () => {
  {
    using _ = detectAnomaly();
    assert.equal(torch.isAnomalyEnabled(), true);
    assert.equal(torch.isAnomalyCheckNanEnabled(), true);
  }
  assert.equal(torch.isAnomalyEnabled(), false);
  setDetectAnomaly(true, { checkNan: false });
  assert.deepEqual([torch.isAnomalyEnabled(), torch.isAnomalyCheckNanEnabled()], [true, false]);
  setDetectAnomaly(false);
  assert.equal(torch.isAnomalyEnabled(), false);
});
