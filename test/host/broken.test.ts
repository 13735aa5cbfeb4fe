import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { startHost, type Host } from "./harness/host.js";
import { root } from "./harness/paths.js";
import { until } from "./harness/wait.js";
import { Workbench } from "./harness/workbench.js";
import { makeWorkspace, type Workspace } from "./harness/workspace.js";

/** A few of the broken models as a person meets them: the mark, its words, and the fix from the light bulb. */
const fixtures = path.join(root, "test/fixtures/broken");
const manifest = JSON.parse(fs.readFileSync(path.join(fixtures, "manifest.json"), "utf8")) as readonly {
  readonly name: string;
  readonly guilty: string;
  readonly line: number;
  readonly message: string;
  readonly fix: string;
}[];

let host: Host;
let workspace: Workspace;
let workbench: Workbench;

before(async () => {
  workspace = makeWorkspace({}, [fixtures]);
  host = await startHost();
  workbench = await Workbench.launch(host);
  await workbench.openFolder(workspace.folder);
});

after(async () => {
  await workbench.close();
  await host.close();
  workspace.remove();
});

for (const name of ["linear-in-features", "plain-array", "matmul-transposed"]) {
  test(`${name}: one mark at the guilty expression, and the fix mends it`, () =>
    workbench.attempt(`broken-${name}`, async () => {
      const { line, guilty, message, fix } = manifest.find((one) => one.name === name)!;
      await workbench.openFile(`${name}.ts`);
      const words = new RegExp(message.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      const problem = await workbench.problem(words, 60_000);
      assert.equal(problem.line, line);
      await workbench.screenshot(`broken-${name}`);
      const before = workspace.read(`${name}.ts`);
      const text = before.split("\n")[line - 1] ?? "";
      await workbench.quickFix(line, fix, text.indexOf(guilty) + 2);
      await until("the problem to go", async () =>
        (await workbench.problems()).every((one) => !words.test(one.message)),
      );
      await workbench.screenshot(`mended-${name}`);
      await workbench.save();
      await until("the fix in the file", () => workspace.read(`${name}.ts`) !== before);
    }));
}
