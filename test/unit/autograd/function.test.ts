import assert from "node:assert/strict";
import { test } from "node:test";
import { torch, type FunctionCtx, type Tensor } from "../../../runtime/index.js";

const leaf = (...values: number[]): Tensor => torch.tensor(values, { requiresGrad: true });
const list = (t: Tensor | null | undefined): unknown => t?.tolist() ?? null;
const { Function: AutogradFunction } = torch.autograd;

class Exp extends AutogradFunction {
  static forward(ctx: FunctionCtx, x: Tensor): Tensor {
    const y = x.exp();
    ctx.saveForBackward(y);
    return y;
  }
  static backward(ctx: FunctionCtx, g: Tensor): Tensor {
    return g.mul(ctx.savedTensors[0]!);
  }
}

class Scale extends AutogradFunction {
  static forward(ctx: FunctionCtx<{ by: number }>, x: Tensor, by: number): Tensor {
    ctx.by = by;
    return x.mul(by);
  }
  static backward(ctx: FunctionCtx<{ by: number }>, g: Tensor): [Tensor, null] {
    return [g.mul(ctx.by), null];
  }
}

test("a function with its own gradient, named in the graph, differentiable again", () => {
  const x = torch.tensor([0, 0.5], { dtype: torch.float64, requiresGrad: true });
  const y = Exp.apply(x);
  assert.equal(y.gradFn!.name(), "ExpBackward");
  const [first] = torch.autograd.grad(y.sum(), x, { createGraph: true });
  const [second] = torch.autograd.grad(first!.sum(), x);
  assert.ok(second!.allclose(x.exp()));
  assert.ok(torch.autograd.gradcheck((t) => Exp.apply(t!), x));
  assert.ok(torch.autograd.gradgradcheck((t) => Exp.apply(t!), x));
});

test("arguments that are no tensors, and own fields on the context", () => {
  const x = leaf(1, 2);
  Scale.apply(x, 3).sum().backward();
  assert.deepEqual(list(x.grad), [3, 3]);
  assert.equal(Scale.apply(torch.ones(2), 3).requiresGrad, false);
  assert.equal(torch.noGrad(() => Scale.apply(x, 3)).requiresGrad, false);
});

test("forward and setupContext apart", () => {
  class Square extends AutogradFunction {
    static forward(x: Tensor): Tensor {
      return x.mul(x);
    }
    static setupContext(ctx: FunctionCtx, [x]: [Tensor]): void {
      ctx.saveForBackward(x);
    }
    static backward(ctx: FunctionCtx, g: Tensor): Tensor {
      return g.mul(ctx.savedTensors[0]!).mul(2);
    }
  }
  const x = leaf(1, 2);
  Square.apply(x).sum().backward();
  assert.deepEqual(list(x.grad), [2, 4]);
});

test("what was saved is freed by backward, and checked for writes", () => {
  const x = leaf(1, 2);
  const y = Exp.apply(x).sum();
  y.backward();
  assert.throws(() => y.backward(), /Trying to backward through the graph a second time/);
  const z = Exp.apply(x);
  z.add_(1);
  assert.throws(() => z.sum().backward(), /modified by an inplace operation.*output 0 of/);
  class Bad extends AutogradFunction {
    static forward(ctx: FunctionCtx, t: Tensor): Tensor {
      ctx.saveForBackward(t, 3 as never);
      return t.clone();
    }
  }
  assert.throws(
    () => Bad.apply(x),
    /TypeError: saveForBackward can only save tensors, but argument 1 is of type number/,
  );
});

test("several outputs: which have gradients, and zeros for those nobody used", () => {
  const seen: unknown[] = [];
  class Many extends AutogradFunction {
    static forward(ctx: FunctionCtx, x: Tensor): [Tensor, Tensor, Tensor, number] {
      const third = x.mul(3);
      ctx.markNonDifferentiable(third);
      return [x.mul(1), x.gt(0), third, 5];
    }
    static backward(_: FunctionCtx, ...grads: (Tensor | null)[]): Tensor {
      seen.push(grads.map(list));
      return grads[0]!;
    }
  }
  class Raw extends AutogradFunction {
    static forward(ctx: FunctionCtx, x: Tensor): [Tensor, Tensor] {
      ctx.setMaterializeGrads(false);
      return [x.mul(1), x.mul(2)];
    }
    static backward(ctx: FunctionCtx, ...grads: (Tensor | null)[]): Tensor {
      seen.push([grads.map(list), ctx.needsInputGrad]);
      return grads[0]!;
    }
  }
  const x = leaf(1, 2);
  const [a, mask, third, five] = Many.apply(x);
  assert.deepEqual([a.requiresGrad, mask.requiresGrad, third.requiresGrad, five], [true, false, false, 5]);
  a.sum().backward();
  Raw.apply(x)[0].sum().backward();
  assert.deepEqual(seen, [
    [[1, 1], [false, false], [0, 0], null],
    [[[1, 1], null], [true]],
  ]);
});

test("inputs returned as they are, or changed in place", () => {
  class Same extends AutogradFunction {
    static forward(_: FunctionCtx, x: Tensor): Tensor {
      return x;
    }
    static backward(_: FunctionCtx, g: Tensor): Tensor {
      return g.mul(2);
    }
  }
  class AddOne extends AutogradFunction {
    static forward(ctx: FunctionCtx, x: Tensor): Tensor {
      x.add_(1);
      ctx.markDirty(x);
      return x;
    }
    static backward(_: FunctionCtx, g: Tensor): Tensor {
      return g.mul(10);
    }
  }
  const x = leaf(1, 2);
  const same = Same.apply(x);
  assert.notEqual(same, x);
  assert.equal(same.gradFn!.name(), "SameBackward");
  assert.throws(() => same.add_(1), /This view was created inside a custom Function/);
  same.sum().backward();
  assert.deepEqual(list(x.grad), [2, 2]);
  const h = x.mul(1);
  const written = AddOne.apply(h);
  assert.equal(written, h);
  assert.deepEqual(list(h), [2, 3]);
  h.sum().backward();
  assert.deepEqual(list(x.grad), [12, 12]);
  const base = x.mul(1);
  AddOne.apply(base.select(0, 1));
  base.sum().backward();
  assert.deepEqual(list(x.grad), [13, 22]);
  assert.throws(
    () => AddOne.apply(leaf(1)),
    /a leaf Variable that requires grad has been used in an in-place operation/,
  );
});

test("what backward returns is checked, summed and converted", () => {
  const returning = (result: (g: Tensor) => unknown) =>
    class Given extends AutogradFunction {
      static forward(_: FunctionCtx, x: Tensor, by: number): Tensor {
        return x.mul(by);
      }
      static backward(_: FunctionCtx, g: Tensor): unknown {
        return result(g);
      }
    };
  const x = leaf(1, 2);
  const run = (result: (g: Tensor) => unknown) => (): void => returning(result).apply(x, 2).sum().backward();
  assert.throws(
    run((g) => g),
    /function GivenBackward returned an incorrect number of gradients \(expected 2, got 1\)/,
  );
  assert.throws(
    run((g) => [g, null, g]),
    /expected 2, got 3/,
  );
  assert.throws(
    run((g) => [g, g]),
    /a gradient different than null at position 2, but the corresponding forward input was not a Tensor/,
  );
  assert.throws(
    run(() => [3, null]),
    /expected a Tensor or null from GivenBackward \(got number\)/,
  );
  assert.throws(
    run((g) => [torch.cat([g, g]), null]),
    /Function GivenBackward returned an invalid gradient at index 0 - got \[4\] but expected shape compatible with \[2\]/,
  );
  run((g) => [torch.stack([g, g, g]).double(), null, null])();
  assert.deepEqual([list(x.grad), x.grad!.dtype], [[3, 3], torch.float32]);
  run(() => [null, null])();
});

test("a backward that cannot be differentiated again says so", () => {
  class Once extends AutogradFunction {
    static forward(ctx: FunctionCtx, x: Tensor): Tensor {
      ctx.saveForBackward(x);
      return x.mul(x);
    }
    static backward = torch.autograd.function.onceDifferentiable((ctx: FunctionCtx, g: Tensor) =>
      ctx.savedTensors[0]!.mul(2).mul(g),
    );
  }
  const x = leaf(1, 2);
  const weight = leaf(1, 1);
  const [first] = torch.autograd.grad(Once.apply(x).mul(weight).sum(), x, { createGraph: true });
  assert.deepEqual(list(first), [2, 4]);
  assert.throws(
    () => first!.sum().backward(),
    /trying to differentiate twice a function that was marked with onceDifferentiable/,
  );
});

test("a missing forward or backward is named", () => {
  class Nothing extends AutogradFunction {}
  class Half extends AutogradFunction {
    static forward(_: FunctionCtx, x: Tensor): Tensor {
      return x.mul(2);
    }
  }
  assert.throws(
    () => Nothing.apply.call(Nothing as never, leaf(1)),
    /NotImplementedError: You must implement the forward function/,
  );
  assert.throws(
    () => Half.apply(leaf(1)).sum().backward(),
    /NotImplementedError: You must implement the backward method.*Half/,
  );
});
