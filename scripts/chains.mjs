/** Random chains of operations here and in PyTorch: npm run chains -- [--count N] [--seed N]. See test/chains/main.ts. */
import { build, ensureDependencies, node, root } from "./lib/setup.mjs";

process.chdir(root);
// Under `npm test` everything is built already.
if (process.env.TENSORSCOPE_BUILT === undefined) {
  await ensureDependencies();
  await build("--out-only");
}
process.exitCode = await node(["--enable-source-maps", "out/test/chains/main.js", ...process.argv.slice(2)], {
  cwd: root,
  env: process.env,
});
