/**
 * PyTorch's cases against the library: npm run conformance -- FOLDER [--family A,B] [--filter RE]
 * [--device D] [--json FILE]. What the arguments mean is told by test/conformance.
 */
import * as fs from "node:fs";
import { build, ensureDependencies, fail, node, root } from "./lib/setup.mjs";

process.chdir(root);
const entry = "out/test/conformance/main.js";
// Under `npm test` everything is built already.
if (process.env.TENSORSCOPE_BUILT === undefined) {
  await ensureDependencies();
  await build("--out-only");
}
if (!fs.existsSync(entry)) fail("There is no conformance runner in this tree.");
const child = await node(["--enable-source-maps", entry, ...process.argv.slice(2)], {
  cwd: root,
  env: process.env,
});
process.exitCode = child;
