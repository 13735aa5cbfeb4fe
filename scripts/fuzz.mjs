/**
 * Random damage: npm run fuzz -- io [--count N] [--seed S]. Mutated .pth and .safetensors files are loaded; test/fuzz
 * says what must not happen.
 */
import { build, ensureDependencies, node, root } from "./lib/setup.mjs";

process.chdir(root);
await ensureDependencies();
await build("--out-only");
process.exitCode = await node(["--enable-source-maps", "out/test/fuzz/main.js", ...process.argv.slice(2)], {
  cwd: root,
  env: process.env,
});
