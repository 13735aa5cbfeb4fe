import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startHost, type Host } from "./harness/host.js";
import { until } from "./harness/wait.js";
import { Workbench } from "./harness/workbench.js";
import { makeWorkspace, type Workspace } from "./harness/workspace.js";

const model = `import { nn, type Tensor } from "tensorscope";

/** @input x float32[N, 4] */
export class Net extends nn.Module {
  fc = new nn.Linear(4, 3);

  forward(x: Tensor): Tensor {
    return this.fc(x).relu();
  }
}
`;

let host: Host;
let bare: Workspace;
let configured: Workspace;

before(async () => {
  bare = makeWorkspace({ "model.ts": model });
  configured = makeWorkspace({
    "base.json": `{ "compilerOptions": { "paths": { "@/*": ["./lib/*"] } } }`,
    "lib/size.ts": "export const size = 4;\n",
    "tsconfig.json": `{
  "extends": "./base.json",
  "compilerOptions": {
    "strict": true, // as everywhere
    "module": "ESNext",
    "moduleResolution": "Bundler",
    "target": "ES2023"
  }
}
`,
    "src/model.ts": model
      .replace("(4, 3)", "(size, 3)")
      .replace("\n\n", `\nimport { size } from "@/size";\n\n`),
  });
  host = await startHost();
});

after(async () => {
  await host.close();
  bare.remove();
  configured.remove();
});

async function inWindow(name: string, folder: string, body: (workbench: Workbench) => Promise<void>) {
  const workbench = await Workbench.launch(host);
  try {
    await workbench.openFolder(folder);
    await workbench.attempt(name, () => body(workbench));
  } finally {
    await workbench.close();
  }
}

test("a folder with nothing but a model: one click, and the import resolves and completes", () =>
  inWindow("intellisense", bare.folder, async (workbench) => {
    await workbench.openFile("model.ts");
    await workbench.problem(/Cannot find module 'tensorscope'/, 90_000);
    await workbench.screenshot("intellisense-before");
    await workbench.clickNotification(/does not know "tensorscope"/, "Set Up");
    await until("no problem", async () => (await workbench.problems()).length === 0, 90_000);
    assert.match(bare.read("tsconfig.json"), /"tensorscope": \["\.\/\.tensorscope\/types\/index\.d\.ts"\]/);
    await workbench.runCommand("View: Hide Panel");
    await workbench.openFile("model.ts");
    await workbench.goTo(5, "  fc = new nn.Linea".length + 1);
    const suggestions = await workbench.suggestions();
    assert.ok(
      suggestions.some((label) => label === "Linear"),
      suggestions.join(" "),
    );
    await workbench.screenshot("intellisense");
  }));

test("a configuration that is there keeps its comments and the paths it inherits", () =>
  inWindow("intellisense-configured", configured.folder, async (workbench) => {
    await workbench.openFile("src/model.ts");
    await workbench.problem(/Cannot find module 'tensorscope'/, 90_000);
    await workbench.quickFix(1, "Set up Tensorscope's types in this folder");
    await until("no problem", async () => (await workbench.problems()).length === 0, 90_000);
    const config = configured.read("tsconfig.json");
    assert.match(config, /"strict": true, \/\/ as everywhere/);
    assert.match(config, /"@\/\*": \["\.\/lib\/\*"\]/);
    assert.match(config, /"tensorscope": \["\.\/\.tensorscope\/types\/index\.d\.ts"\]/);
    await workbench.codeLens(/▶ Forward \[N,4\] → \[N,3\]/, 60_000);
  }));
