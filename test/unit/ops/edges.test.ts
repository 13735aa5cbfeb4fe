/** Empty tensors, 0-d tensors, axes that are not there, and the classes of the errors they bring. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { torch } from "../../../runtime/index.js";
import { records } from "../../../runtime/ops/index.js";
import { agreesWithPyTorch, given, shaped, type Call } from "./oracle.js";

const { bool, float32, int32, int64 } = torch;
const x = (shape: readonly number[], dtype = float32) =>
  shaped(shape, (i) => (dtype === bool ? i % 2 : ((i * 7 + 1) % 11) - 4), dtype);
const each = (names: string, ...args: Call[1]): Call[] => names.split(" ").map((n): Call => [n, args]);

agreesWithPyTorch("reductions of nothing", [
  ...[[0], [2, 0], [0, 3]].flatMap((s) =>
    each("amax amin argmax argmin max min sum prod mean any all", x(s)),
  ),
  ...each("amax amin", x([2, 0]), []),
  ...[-1, 0, 1, 2].flatMap((d) => each("amax amin argmax argmin max min sum prod mean", x([2, 0]), d)),
  ...[-1, 0, 1, 3].flatMap((d) => [[], [0], [2, 0]].flatMap((s) => each("cummax cummin cumsum", x(s), d))),
]);

agreesWithPyTorch("what is looked at first: the axis or the dtype", [
  ...each("std var softmax log_softmax", x([2, 3], int32), 2),
  ...each("std var softmax log_softmax", x([2, 3], int32), 1),
]);

agreesWithPyTorch("sums and products of truths are truths where that is asked for", [
  ...[int64, int32, bool].flatMap((dtype): Call[] => [
    ["sum", [x([2, 3], dtype)], { dtype: bool }],
    ["sum", [x([2, 3], dtype), 1], { dtype: bool }],
    ["prod", [x([2, 3], dtype)], { dtype: bool }],
    ["prod", [x([2, 3], dtype), 1], { dtype: bool }],
  ]),
]);

agreesWithPyTorch("triangles need a matrix", [
  ...[[], [0], [3], [2, 3], [2, 0]].flatMap((s) => each("tril triu", x(s))),
]);

agreesWithPyTorch("batches of products", [
  ["addbmm", [x([2, 2]), x([2, 3]), x([3, 2])]],
  ["addbmm", [x([2, 2, 2]), x([2, 2, 3]), x([2, 3, 2])]],
  ["baddbmm", [x([2, 2]), x([2]), x([2])]],
  ["bmm", [x([2, 3]), x([3, 2])]],
  ["mv", [x([]), x([3])]],
]);

agreesWithPyTorch("indices that do not fit", [
  ...[0, 1].map((d): Call => ["index_select", [x([2, 3]), d, given([9])]]),
  ["index_fill", [x([2, 3]), 0, given([[0]]), 1]],
  ["index_copy", [x([2, 3]), 0, given([0, 1]), x([2])]],
  ["scatter", [x([2, 3]), 0, given([[0, 1]]), x([2])]],
  ["scatter_reduce", [x([2, 3]), 0, given([[0, 1]]), x([2]), "sum"]],
  ["gather", [x([2, 3]), 0, given([], int64)]],
  ["repeat_interleave", [x([2, 3]), given([[0, 1]]), 0]],
  ["isin", [x([2], bool), x([2])]],
]);

test("a name is one op in each place", () => {
  const seen = new Map<string, unknown>();
  for (const { record } of records) {
    for (const space of record.on) {
      for (const name of [record.name, ...record.aliases]) {
        const key = `${space}.${name}`;
        assert.ok(!seen.has(key), `${key} is there twice`);
        seen.set(key, record);
      }
    }
  }
});
