import assert from "node:assert/strict";
import { test } from "node:test";
import { torch, type FunctionCtx, type Tensor } from "../../../runtime/index.js";

const { gradcheck, gradgradcheck, GradcheckError } = torch.autograd;
const leaf = (...values: number[]): Tensor =>
  torch.tensor(values, { dtype: torch.float64, requiresGrad: true });

test("right gradients pass, of every input and output", () => {
  const f = (a?: Tensor, b?: Tensor): Tensor[] => [a!.mul(b!).sin(), a!.sum()];
  assert.ok(gradcheck(f, [leaf(1, 2), leaf(3, 4)]));
  assert.ok(gradgradcheck(f, [leaf(1, 2), leaf(3, 4)]));
  assert.ok(gradgradcheck((x) => x!.pow(3), leaf(1, 2), [leaf(1, 1)]));
});

test("a wrong gradient is shown beside the right one", () => {
  const wrong = (x?: Tensor): Tensor => x!.detach().mul(x!);
  assert.throws(
    () => gradcheck(wrong, leaf(1, 2)),
    (error: Error) =>
      error instanceof GradcheckError &&
      /Jacobian mismatch for output 0 with respect to input 0,\nnumerical:[^]*4\.00000[^]*analytical:[^]*2\.00000/.test(
        error.message,
      ),
  );
  assert.equal(gradcheck(wrong, leaf(1, 2), { raiseException: false }), false);
});

test("a second derivative that is missing is found", () => {
  class Flat extends torch.autograd.Function {
    static forward(ctx: FunctionCtx, x: Tensor): Tensor {
      ctx.saveForBackward(x);
      return x.pow(3);
    }
    static backward(ctx: FunctionCtx, g: Tensor): Tensor {
      return g.mul(ctx.savedTensors[0]!.detach().square().mul(3));
    }
  }
  const f = (x?: Tensor): Tensor => Flat.apply(x!);
  assert.ok(gradcheck(f, leaf(1, 2)));
  assert.throws(() => gradgradcheck(f, leaf(1, 2)), GradcheckError);
});

test("something must require a gradient", () => {
  assert.throws(
    () => gradcheck((x) => x!, torch.ones(2)),
    /ValueError: gradcheck expects at least one input tensor to require gradient/,
  );
});
