import assert from "node:assert/strict";
import { test } from "node:test";
import { IoFuzzer } from "../../fuzz/io.js";

test("damaged files give a value or an error with a reason", () => {
  const fuzzer = new IoFuzzer();
  for (let seed = 1; seed <= 600; seed++) assert.equal(fuzzer.run(seed), undefined, `seed ${String(seed)}`);
  assert.ok(fuzzer.loaded > 5, "some damage does not matter");
});
