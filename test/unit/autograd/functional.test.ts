import assert from "node:assert/strict";
import { test } from "node:test";
import { torch, type Tensor } from "../../../runtime/index.js";

const { functional } = torch.autograd;
const { func } = torch;
const floats = (...values: number[]): Tensor => torch.tensor(values, { dtype: torch.float64 });
const list = (t: unknown): unknown => (Array.isArray(t) ? t.map(list) : (t as Tensor).tolist());
const cube = (x: Tensor): Tensor => x.pow(3);
const sumOfCubes = (x: Tensor): Tensor => x.pow(3).sum();

test("jacobian: rows for outputs, columns for inputs, both ways", () => {
  const expected = [
    [3, 0],
    [0, 12],
  ];
  assert.deepEqual(list(functional.jacobian(cube, floats(1, 2))), expected);
  assert.deepEqual(
    list(functional.jacobian(cube, floats(1, 2), { strategy: "forward-mode", vectorize: true })),
    expected,
  );
  const both = (x?: Tensor, y?: Tensor): Tensor[] => [x!.mul(y!), x!.sum()];
  assert.deepEqual(list(functional.jacobian(both, [floats(1, 2), floats(3, 4)])), [
    [
      [
        [3, 0],
        [0, 4],
      ],
      [
        [1, 0],
        [0, 2],
      ],
    ],
    [
      [1, 1],
      [0, 0],
    ],
  ]);
});

test("hessian, vjp, jvp, vhp, hvp", () => {
  const x = floats(1, 2);
  assert.deepEqual(list(functional.hessian(sumOfCubes, x)), [
    [6, 0],
    [0, 12],
  ]);
  const product = (a?: Tensor, b?: Tensor): Tensor => a!.mul(b!).sum();
  assert.deepEqual(list(functional.hessian(product, [floats(1), floats(2)])), [
    [[[0]], [[1]]],
    [[[1]], [[0]]],
  ]);
  assert.deepEqual(list(functional.vjp(cube, x, floats(1, 10))), [
    [1, 8],
    [3, 120],
  ]);
  assert.deepEqual(list(functional.jvp(cube, x, floats(1, 10))), [
    [1, 8],
    [3, 120],
  ]);
  assert.deepEqual(list(functional.vhp(sumOfCubes, x, floats(1, 10))), [9, [6, 120]]);
  assert.deepEqual(list(functional.hvp(sumOfCubes, x, floats(1, 10))), [9, [6, 120]]);
  assert.deepEqual(list(functional.vjp(sumOfCubes, x)), [9, [3, 12]], "v may be left out for one number");
});

test("createGraph keeps the way back; without it results are free of history", () => {
  const x = floats(1, 2).requiresGrad_();
  const kept = functional.jacobian(sumOfCubes, x, { createGraph: true });
  kept.sum().backward();
  assert.deepEqual(list(x.grad), [6, 12]);
  assert.equal(functional.jacobian(sumOfCubes, x).requiresGrad, false);
});

test("strict refuses independence, and bad vectors are refused with shapes", () => {
  const constant = (): Tensor => floats(1);
  assert.deepEqual(list(functional.jacobian(constant, floats(1, 2))), [[0, 0]]);
  assert.throws(
    () => functional.jacobian(constant, floats(1, 2), { strict: true }),
    /Output 0 of the user-provided function does not require gradients/,
  );
  const partly = (a?: Tensor, _b?: Tensor): Tensor => a!.mul(2);
  assert.throws(
    () => functional.jacobian(partly, [floats(1), floats(1)], { strict: true }),
    /Output 0 of the user-provided function is independent of input 1/,
  );
  assert.throws(
    () => functional.jvp(cube, floats(1, 2), floats(1)),
    /v has invalid size at entry 0: should be \[2\] but got \[1\]/,
  );
  assert.throws(
    () => functional.vjp(cube, floats(1, 2)),
    /can only be left out if the user-provided function has a single output/,
  );
  assert.throws(
    () => functional.hessian(cube, floats(1, 2)),
    /single Tensor with a single element, but it gave \[2\]/,
  );
  assert.throws(
    () => functional.jacobian((() => 3) as never, floats(1)),
    /TypeError: The outputs of the user-provided function given to jacobian/,
  );
});

test("func.grad gives a function, which nests", () => {
  const x = floats(1, 2);
  assert.deepEqual(list(func.grad(sumOfCubes)(x)), [3, 12]);
  assert.deepEqual(list(func.grad((t: Tensor) => func.grad(sumOfCubes)(t).sum())(x)), [6, 12]);
  const sine = func.grad(func.grad(func.grad((t: Tensor) => t.sin())));
  assert.equal((sine(torch.tensor(0, { dtype: torch.float64 })) as Tensor).item(), -1);
  assert.equal(func.grad(sumOfCubes)(x).requiresGrad, false);
  assert.equal(x.requiresGrad, false);
});

test("func.grad by several arguments, by structures, with something besides", () => {
  const f = (a: Tensor, b: Tensor): Tensor => a.mul(b).sum();
  assert.deepEqual(list(func.grad(f, [0, 1])(floats(1, 2), floats(3, 4))), [
    [3, 4],
    [1, 2],
  ]);
  assert.deepEqual(list(func.grad(f, { argnums: -1 })(floats(1, 2), floats(3, 4))), [1, 2]);
  const params = { w: floats(2), b: floats(1) };
  const loss = (p: typeof params, x: Tensor): Tensor => p.w.mul(x).add(p.b).square().sum();
  const grads = func.grad(loss)(params, floats(3));
  assert.deepEqual([list(grads.w), list(grads.b)], [[42], [14]]);
  const [gradient, aux] = func.grad((x: Tensor) => [x.square().sum(), x.mul(2)], { hasAux: true })(
    floats(3),
  ) as Tensor[];
  assert.deepEqual([list(gradient), list(aux), aux!.requiresGrad], [[6], [6], false]);
  assert.deepEqual(list(func.gradAndValue(sumOfCubes)(floats(2))), [[12], 8]);
});

test("what is captured and has gradients of its own keeps them", () => {
  const w = floats(2).requiresGrad_();
  const g = func.grad((x: Tensor) => x.square().mul(w).sum())(floats(3));
  g.sum().backward();
  assert.deepEqual(list(w.grad), [6]);
});

test("func.vjp, jvp, jacrev, jacfwd, hessian", () => {
  const x = floats(1, 2);
  const [value, pull] = func.vjp(cube, x);
  assert.deepEqual(list([value, ...(pull(floats(1, 10)) as Tensor[])]), [
    [1, 8],
    [3, 120],
  ]);
  assert.deepEqual(list(func.jvp(cube, [x], [floats(1, 10)])), [
    [1, 8],
    [3, 120],
  ]);
  const expected = [
    [3, 0],
    [0, 12],
  ];
  assert.deepEqual(list(func.jacrev(cube)(x)), expected);
  assert.deepEqual(list(func.jacfwd(cube)(x)), expected);
  assert.deepEqual(list(func.hessian(sumOfCubes)(x)), [
    [6, 0],
    [0, 12],
  ]);
  assert.deepEqual(list(func.jacrev(func.jacrev(sumOfCubes))(x)), [
    [6, 0],
    [0, 12],
  ]);
});

test("func refuses what has no single number", () => {
  assert.throws(
    () => func.grad(cube)(floats(1, 2)),
    /Expected f\(...\) to return a scalar tensor, got tensor with 1 dims/,
  );
  assert.throws(
    () => func.grad((() => 3) as never)(floats(1)),
    /Expected f\(...\) to return a tensor, got number/,
  );
  assert.throws(
    () => func.grad(sumOfCubes, { argnums: 2 })(floats(1)),
    /Got argnum=2, but only 1 positional inputs/,
  );
});
