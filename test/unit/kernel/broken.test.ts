import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, test } from "node:test";
import { Lines } from "../../../runtime/source/edits.js";
import { inEnglish } from "../../../src/kernel/phrase.js";
import { applied } from "../../../src/kernel/trials.js";
import { Kernel, Project } from "./support.js";

/**
 * Forty and more models, each with one mistake. The manifest says where the one diagnostic stands, what it says and
 * what the first fix is called; with the fix applied the model traces to its end without a word.
 */
const folder = "test/fixtures/broken";

interface Broken {
  readonly name: string;
  /** The text of the range, and the line it begins in, from 1. */
  readonly guilty: string;
  readonly line: number;
  readonly message: string;
  readonly fix: string;
  /** The file the fix edits, where that is another one. */
  readonly edits?: string;
}

const manifest = JSON.parse(fs.readFileSync(path.join(folder, "manifest.json"), "utf8")) as Broken[];
const kernel = new Kernel({ traceBudget: 10_000 });
after(() => kernel.supervisor.dispose());

test("the manifest lists every model", () => {
  const models = fs.readdirSync(folder).filter((name) => name.endsWith(".ts") && name !== "sizes.ts");
  assert.deepEqual(manifest.map(({ name }) => `${name}.ts`).sort(), models.sort());
  assert.ok(models.length >= 40);
});

for (const { name, guilty, line, message, fix, edits } of manifest) {
  test(`broken/${name}`, async () => {
    const texts = Object.fromEntries(
      fs
        .readdirSync(folder)
        .filter((file) => file === `${name}.ts` || file === "sizes.ts")
        .map((file) => [file, fs.readFileSync(path.join(folder, file), "utf8")]),
    );
    using project = new Project(texts);
    const file = project.path(`${name}.ts`);
    const text = texts[`${name}.ts`]!;
    const { diagnostics } = await kernel.trace(file);
    assert.equal(diagnostics.length, 1, JSON.stringify(diagnostics.map((one) => one.message)));
    const [found] = diagnostics;
    const lines = new Lines(text);
    const { start, end } = found!.range;
    assert.equal(text.slice(lines.offset(start), lines.offset(end)), guilty);
    assert.equal(start.line + 1, line);
    assert.equal(found!.message, message);
    const [first] = found!.fixes ?? [];
    assert.equal(first && inEnglish(first.title), fix);
    const target = path.basename(first!.edits[0]!.file);
    assert.equal(target, edits ?? `${name}.ts`);
    project.write(target, applied(texts[target]!, first!.edits));
    const repaired = await kernel.trace(file);
    assert.deepEqual(repaired.diagnostics, []);
    assert.equal(repaired.modules[0]?.status, "traced");
  });
}
