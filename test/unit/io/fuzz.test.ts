import assert from "node:assert/strict";
import { test } from "node:test";
import { torch } from "../../../runtime/index.js";
import { writeZip } from "../../../runtime/io/zipWriter.js";
import { IoFuzzer } from "../../fuzz/io.js";

test("damaged files give a value or an error with a reason", () => {
  const fuzzer = new IoFuzzer();
  for (let seed = 1; seed <= 600; seed++) assert.equal(fuzzer.run(seed), undefined, `seed ${String(seed)}`);
  assert.ok(fuzzer.loaded > 5, "some damage does not matter");
});

test("a reference whose kind is an integer beyond 2⁵³ is refused: found by damage", () => {
  const pickle = Buffer.from("8002288a08ffffffffffffff7f74512e", "hex");
  assert.throws(() => torch.load(writeZip([["archive/data.pkl", pickle]], false)), {
    name: "UnpicklingError",
    message: /refers to 9223372036854775807, which is no storage/,
  });
});
