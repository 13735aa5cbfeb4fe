/** docs/coverage.md is what `npm run coverage` writes, and no name of PyTorch is silently absent. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { namesOf, sections, tensorProperties } from "../../../runtime/names.js";
import { F, nn, NotImplementedError, Tensor, torch } from "../../../runtime/index.js";
import { isAbsent, isPlanned } from "../../../runtime/ops/absent.js";
import { camel } from "../../../runtime/ops/schema.js";
import { coverage, path } from "../../../scripts/coverage.js";

const { linalg, special, fft, masked, sparse } = torch;
const holders: Record<(typeof sections)[number], object> = {
  torch,
  Tensor: Tensor.prototype,
  "nn.functional": F,
  "nn.init": nn.init,
  "nn.utils": nn.utils,
  linalg,
  special,
  fft,
  masked,
  sparse,
};

test("docs/coverage.md is up to date: `npm run coverage` writes it", async () => {
  assert.equal(readFileSync(path, "utf8"), await coverage());
});

for (const section of sections) {
  // A module's own namespace cannot be filled.
  if (section === "nn.utils") continue;
  test(`${section}: a name that is missing says so`, () => {
    const holder = holders[section];
    for (const name of namesOf(section)) {
      const key = camel(name);
      assert.ok(key in holder, `${section}.${name} is silently absent`);
      if (!isAbsent(holder, key)) continue;
      const call = (): unknown => {
        const member = Reflect.get(holder, key, torch.ones(1)) as (...args: unknown[]) => unknown;
        return member(1, 2, 3);
      };
      assert.throws(call, (error: unknown) => {
        assert.ok(error instanceof NotImplementedError, String(error));
        assert.ok(error.message.includes(`${key} is not implemented: `), error.message);
        return true;
      });
    }
  });
}

test("dtypes that are missing say so where they are named, not where they would be the default", () => {
  const name = "complex64";
  assert.throws(
    () => torch.zeros(2, { dtype: (torch as unknown as Record<string, never>)[name] }),
    NotImplementedError,
  );
});

test("what is to come has a type without a call signature", () => {
  assert.ok(isPlanned("linalg", "det") && isPlanned("Tensor", "lgamma"));
  assert.ok(!isPlanned("torch", "cudnn_convolution"));
  // @ts-expect-error: This expression is not callable. Type 'NotImplemented<"torch.linalg.det">' has no call signatures.
  assert.throws(() => torch.linalg.det(torch.eye(2)) as unknown, NotImplementedError);
});

test("properties of real tensors that exist for complex ones", () => {
  const x = torch.tensor([
    [1, -2, 0],
    [0.5, 4, -1],
  ]);
  assert.ok(tensorProperties.has("mH"));
  assert.deepEqual(x.H.tolist(), x.t().tolist());
  assert.deepEqual(x.mH.shape, [3, 2]);
  assert.equal(x.real, x);
  assert.equal(x.conj(), x);
  assert.throws(() => x.imag, /imag is not implemented for tensors with non-complex dtypes/);
  assert.deepEqual(
    torch
      .angle(torch.tensor([1, -1, 0, NaN]))
      .isnan()
      .tolist(),
    [false, false, false, true],
  );
});
