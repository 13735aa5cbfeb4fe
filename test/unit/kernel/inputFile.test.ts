import assert from "node:assert/strict";
import * as fs from "node:fs";
import { after, test } from "node:test";
import { PNG } from "pngjs";
import { torch } from "../../../runtime/index.js";
import { saveNpy } from "../../../runtime/io/numpy.js";
import { Kernel, Project } from "./support.js";

const kernel = new Kernel();
after(() => kernel.supervisor.dispose());

const model = (tag: string): string => `import { nn, type Tensor } from "tensorscope";
/** @input x ${tag} */
export class Same extends nn.Module {
  forward(x: Tensor) { return x; }
}
`;

test("an input's values come from a .npy or .png file, on Run only and inside the workspace", async () => {
  using project = new Project({ "models/npy.ts": model("float32[N, 2] = ../data/pairs.npy") });
  fs.mkdirSync(project.path("data"));
  saveNpy(
    project.path("data/pairs.npy"),
    torch.tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]),
  );
  const picture = new PNG({ width: 2, height: 1 });
  picture.data.set([255, 0, 0, 255, 0, 0, 255, 255]);
  project.write("models/png.ts", model("float32[1, 3, 1, 2] = red-blue.png"));
  fs.writeFileSync(project.path("models/red-blue.png"), PNG.sync.write(picture));

  const run = (name: string, workspace = project.folder) =>
    kernel.supervisor.forward({
      file: project.path(`models/${name}.ts`),
      overlay: [],
      export: "Same",
      workspace,
    });
  assert.deepEqual((await run("npy")).outputs[0]?.head, [1, 2, 3, 4, 5, 6]);
  assert.deepEqual((await run("npy")).outputs[0]?.shape, [3, 2]);
  // Red, green and blue planes from 0 to 1.
  assert.deepEqual((await run("png")).outputs[0]?.head, [1, 0, 0, 0, 0, 1]);

  await assert.rejects(run("npy", project.path("models")), /only files inside the workspace are read/);
  project.write("models/wrong.ts", model("float32[N, 3] = ../data/pairs.npy"));
  await assert.rejects(run("wrong"), /holds \[3, 2\], the tag says \[N, 3\]/);
  project.write("models/none.ts", model("float32[N, 3] = none.npy"));
  await assert.rejects(run("none"), /there is no such file/);
  // While typing, the file is not looked for.
  const reply = await kernel.trace(project.path("models/none.ts"));
  assert.deepEqual(reply.diagnostics, []);
});
