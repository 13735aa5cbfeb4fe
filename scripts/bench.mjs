/** Step times beside PyTorch's: npm run bench [-- NAME …] runs bench/NAME.ts, or all of them. */
import * as fs from "node:fs";
import { build, ensureDependencies, fail, node, root } from "./lib/setup.mjs";

process.chdir(root);
await ensureDependencies();
await build("--out-only");
const known = fs.existsSync("bench")
  ? fs.readdirSync("bench").flatMap((name) => (name.endsWith(".bench.ts") ? [name.slice(0, -9)] : []))
  : [];
const wanted = process.argv.slice(2);
for (const name of wanted)
  if (!known.includes(name)) fail(`No such benchmark: ${name}. There are ${known.join(", ")}.`);
for (const name of wanted.length > 0 ? wanted : known) {
  const status = await node(["--expose-gc", "--enable-source-maps", `out/bench/${name}.bench.js`]);
  if (status !== 0) process.exitCode = status;
}
