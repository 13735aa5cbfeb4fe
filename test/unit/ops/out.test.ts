/** `out`: which ops take it, and what it does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Tensor, torch } from "../../../runtime/index.js";
import { records } from "../../../runtime/ops/index.js";
import { agreesWithPyTorch, given, plain, shaped, type Argument, type Call, type Given } from "./oracle.js";

const { float32, float64, int64, bool } = torch;

/** The functions of `torch` that have `out` in PyTorch 1.13, those apart that are not here yet. */
const names = `
abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr alias_copy all amax amin aminmax any arange arccos
arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin as_strided_copy asin asinh atan atan2 atanh baddbmm bernoulli
bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor bmm bucketize cat ceil chain_matmul
clamp clamp_max clamp_min clip column_stack concat concatenate conj_physical copysign cos cosh cross cummax cummin cumprod
cumsum deg2rad detach_copy diag diagonal_copy diff div divide dot dstack empty eq erf erfc erfinv exp exp2 expand_copy expm1
eye fix float_power floor floor_divide fmax fmin fmod frac frobenius_norm full gather gcd ge ger greater greater_equal gt
hardshrink heaviside histc histogram hstack hypot index_add index_copy index_reduce index_select inner isin isneginf isposinf
kron kthvalue lcm ldexp le lerp less less_equal linspace log log10 log1p log2 log_softmax logaddexp logaddexp2 logical_and
logical_not logical_or logical_xor logit logspace logsumexp lt masked_select matmul matrix_power max maximum mean median min
minimum mm mode msort mul multinomial multiply mv nan_to_num nanmean nanmedian nanquantile nansum narrow_copy ne neg negative
nonzero norm normal not_equal ones outer permute_copy pow prod quantile rad2deg rand randint randn randperm range reciprocal
remainder renorm round row_stack rsqrt scatter scatter_add scatter_reduce searchsorted select_copy sgn sigmoid sign signbit sin
sinc sinh slice_copy softmax sort split_copy split_with_sizes_copy sqrt square squeeze_copy stack std sub subtract sum t_copy
take take_along_dim tan tanh tensordot threshold topk transpose_copy tril triu true_divide trunc unbind_copy unfold_copy
unsqueeze_copy var vdot view_copy vstack where xlogy zeros`
  .trim()
  .split(/\s+/);

test("every op takes `out` where PyTorch's does", () => {
  const having = new Set(
    records.flatMap(({ record }) => (record.hasOut ? [record.name, ...record.aliases] : [])),
  );
  assert.deepEqual(
    names.filter((name) => !having.has(name)),
    [],
  );
});

const x = (...shape: number[]): Given => plain(shaped(shape, (i) => (((i * 7919) % 101) + 3) / 110));
const out = (dtype = float32, ...shape: number[]): Given => plain(shaped(shape, () => 7, dtype));
const into = (list: string, args: readonly Argument[], result: Given): Call[] =>
  list.split(" ").map((name): Call => [name, args, { out: result }]);

agreesWithPyTorch("it is written, made to fit, and given back", [
  ...into(
    "abs neg sin exp log sqrt tanh sigmoid erf floor square logit conj_physical",
    [x(2, 3)],
    out(float32, 2, 3),
  ),
  ...into("abs exp", [x(2, 3)], out(float32, 0)),
  ...into("exp sin", [x(2, 3)], out(float64, 2, 3)),
  ...into("add mul sub div pow maximum atan2 fmod", [x(2, 3), x(3)], out(float32, 2, 3)),
  ...into("add div", [plain(given([1, 2])), plain(given([3, 5]))], out(float64, 2)),
  ...into("eq lt logical_and", [x(2, 3), x(3)], out(bool, 2, 3)),
  ...into("eq lt", [x(2, 3), x(3)], out(float32, 2, 3)),
  ...into("sum mean amax prod", [x(2, 3), 1], out(float32, 2)),
  ...into("argmax", [x(2, 3), 1], out(int64, 2)),
  ...into("cumsum softmax", [x(2, 3), 1], out(float32, 2, 3)),
  ...into("cat stack hstack", [[x(2, 3), x(2, 3)]], out(float32, 0)),
  ...into("matmul mm", [x(2, 3), x(3, 2)], out(float32, 2, 2)),
  ["arange", [5], { out: out(int64, 0) }],
  ["full", [[2], 3.5], { out: out(float64, 2) }],
  ["zeros", [2, 3], { out: out(float32, 0) }],
]);

agreesWithPyTorch("several are a list", [
  ["max", [x(2, 3), 1], { out: [out(float32, 2), out(int64, 2)] }],
  ["sort", [x(2, 3)], { out: [out(float32, 2, 3), out(int64, 2, 3)] }],
  ["topk", [x(5), 2], { out: [out(float32, 0), out(int64, 0)] }],
  ["cummax", [x(2, 3), 1], { out: [out(float32, 2, 3), out(int64, 2, 3)] }],
]);

agreesWithPyTorch("what it cannot hold is refused, and so is a gradient through it", [
  ...into("exp div mean", [x(2, 3)], out(int64, 2, 3)).slice(0, 1),
  ["add", [x(2), x(2)], { out: out(int64, 2) }],
  ["argmax", [x(2, 3), 1], { out: out(float32, 2) }],
  ["matmul", [x(2, 3), x(3, 2)], { out: out(float64, 2, 2) }],
  ["max", [x(2, 3), 1], { out: [out(float32, 2), out(float32, 2)] }],
  ["exp", [{ ...x(2), requiresGrad: true }], { out: out(float32, 2) }],
]);

test("it is the very tensor that was given, and views of it see what is written", () => {
  const target = torch.zeros(2, 3);
  const row = target.at(0);
  const result = torch.exp(torch.ones(2, 3), { out: target });
  assert.equal(result, target);
  assert.ok(torch.allclose(row, torch.full([3], Math.E)));
  const parts = [torch.zeros(0), torch.zeros(0)];
  const copies = torch.unbindCopy(
    torch.tensor([
      [1.5, 2.5],
      [3.5, 4.5],
    ]),
    { out: parts },
  );
  assert.ok(copies.every((t, i) => t instanceof Tensor && t === parts[i]));
  assert.deepEqual(parts[1]!.tolist(), [3.5, 4.5]);
});
