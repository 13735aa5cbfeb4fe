/** What stands behind the functions of `F` by PyTorch's old names, callbacks over elements, and questions to a tensor. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { torch } from "../../../runtime/index.js";
import { agreesWithPyTorch, given, plain, shaped, type Given } from "./oracle.js";

const { float32, int64, uint8 } = torch;
const x = (...shape: number[]): Given => shaped(shape, (i) => (((i * 7919 + 13) % 1009) - 504) / 201);

agreesWithPyTorch("normalisations with their statistics", [
  ["native_group_norm", [x(2, 4, 3), x(4), x(4), 2, 4, 3, 2, 1e-5]],
  ["native_group_norm", [x(2, 4, 3), null, null, 2, 4, 3, 2, 1e-5]],
  ["native_layer_norm", [x(2, 3), [3], x(3), null, 1e-5]],
  ["native_batch_norm", [x(4, 3), x(3), x(3), null, null, true, 0.1, 1e-5]],
  ["native_batch_norm", [x(4, 3), null, null, plain(x(3)), plain(shaped([3], () => 2)), false, 0.1, 1e-5]],
  ["batch_norm_update_stats", [plain(x(4, 3)), plain(x(3)), plain(x(3)), 0.1]],
]);

agreesWithPyTorch("integers are not normalised", [
  [
    "nn.functional.layer_norm",
    [
      given(
        [
          [1, 2],
          [3, 4],
        ],
        int64,
      ),
      [2],
    ],
  ],
  ["nn.functional.group_norm", [given([[[1], [2]]], int64), 1]],
  [
    "nn.functional.instance_norm",
    [
      given(
        [
          [
            [1, 2],
            [3, 4],
          ],
        ],
        int64,
      ),
    ],
  ],
  [
    "nn.functional.batch_norm",
    [
      given(
        [
          [1, 2],
          [3, 4],
        ],
        int64,
      ),
      null,
      null,
    ],
    { training: true },
  ],
]);

agreesWithPyTorch(
  "dropout with its mask",
  [
    ["native_dropout", [x(20), 0.3, true]],
    ["native_dropout", [x(4), 1, true]],
    ["native_dropout", [x(4), 0, true]],
    ["native_dropout", [x(4), 0.5, false]],
    ["native_dropout", [x(0), 0.5, true]],
    ["native_dropout", [x(4), 1.5, true]],
    ["native_dropout", [given([1, 2]), 0.5, true]],
  ],
  { seed: 3 },
);

agreesWithPyTorch("losses by the number of their reduction", [
  ...[0, 1, 2].flatMap((reduction) => [
    ["kl_div", [x(2, 3), shaped([2, 3], (i) => (i + 1) / 9), reduction]] as const,
    [
      "binary_cross_entropy_with_logits",
      [x(2, 3), shaped([2, 3], (i) => i / 6), null, null, reduction],
    ] as const,
    ["hinge_embedding_loss", [x(3), plain(given([1, -1, 1], float32)), 1, reduction]] as const,
    ["margin_ranking_loss", [x(3), x(3), plain(given([1, -1, 1], float32)), 0.5, reduction]] as const,
  ]),
]);

agreesWithPyTorch("conjugates and parts of real numbers", [
  ...["conj", "conj_physical", "resolve_conj", "resolve_neg", "real", "angle"].map(
    (name) => [name, [x(2, 3)]] as const,
  ),
  ["angle", [given([1, -1, 0])]],
  ["imag", [x(2)]],
  ["is_conj", [x(2)]],
  ["is_neg", [x(2)]],
]);

test("callbacks over every element", () => {
  const t = torch.tensor([1, 2, 3]);
  assert.equal(
    t.apply_((v: unknown) => Number(v) * 2),
    t,
  );
  assert.deepEqual(t.tolist(), [2, 4, 6]);
  t.map_(torch.tensor([10, 20, 30]), (a: unknown, b: unknown) => Number(a) + Number(b));
  assert.deepEqual(t.tolist(), [12, 24, 36]);
  t.map2_(
    torch.tensor([1, 2, 3]),
    torch.tensor([5]),
    (a: unknown, b: unknown, c: unknown) => Number(a) * Number(b) - Number(c),
  );
  assert.deepEqual(t.tolist(), [7, 43, 103]);
  assert.equal(t._version, 3);
  assert.throws(() => torch.ones(1, { requiresGrad: true }).apply_((v: unknown) => v), /requires grad/);
  assert.throws(() => t.map_(torch.ones(3), (a: unknown) => a), TypeError);
  assert.throws(() => torch.zeros(1, { dtype: uint8 }).apply_(() => 300), /without overflow/);
});

test("the old constructor", () => {
  const t = torch.ones(1, { dtype: torch.float64 });
  assert.deepEqual([t.new(2, 3).shape, t.new(2, 3).dtype], [[2, 3], torch.float64]);
  assert.deepEqual(t.new([1, 2]).tolist(), [1, 2]);
  assert.throws(() => t.new(torch.ones(1)), TypeError);
});

const tooShort = /has 12 bytes, 4 elements of torch.float32 need 16/;
test("raw numbers from a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "raw-"));
  try {
    const file = join(folder, "numbers.bin");
    writeFileSync(file, Buffer.from(Float32Array.of(1.5, 2.5, 3.5).buffer));
    assert.deepEqual(torch.fromFile(file, { size: 2 }).tolist(), [1.5, 2.5]);
    assert.throws(() => torch.fromFile(file, { size: 4 }), tooShort);
    assert.throws(() => torch.fromFile(file, { shared: true, size: 2 }), /shared/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
