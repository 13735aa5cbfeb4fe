import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { test } from "node:test";

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function untilGone(pid: number): Promise<void> {
  for (let i = 0; i < 100 && isAlive(pid); i++) await new Promise((done) => setTimeout(done, 50));
  assert.equal(isAlive(pid), false, `process ${pid} is still there`);
}

/** A starter that holds a leash on a server, whose child has left the server's process group. */
const starter = `
  const { spawn } = require("node:child_process");
  const sleeper = "setInterval(() => {}, 1000)";
  const server = \`
    const { spawn } = require("node:child_process");
    const child = spawn(process.execPath, ["-e", \${JSON.stringify(sleeper)}], { detached: true, stdio: "ignore" });
    console.log(process.pid, child.pid);
    setInterval(() => {}, 1000);
  \`;
  const leash = spawn(process.execPath, ["scripts/lib/leash.mjs", "mark" + process.pid, process.execPath, "-e", server],
    { stdio: ["pipe", "inherit", "inherit"], detached: true });
  process.stdin.on("data", () => leash.stdin.end());
`;

for (const [how, end] of [
  ["the starter lets go", (child: ReturnType<typeof spawn>) => child.stdin?.write("x")],
  ["the starter is killed", (child: ReturnType<typeof spawn>) => child.kill("SIGKILL")],
] as const) {
  test(`nothing is left on the leash when ${how}`, { skip: process.platform !== "linux" }, async () => {
    const child = spawn(process.execPath, ["-e", starter], { stdio: ["pipe", "pipe", "inherit"] });
    const line = await new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve));
    const [server, detached] = line.split(" ").map(Number) as [number, number];
    assert.ok(isAlive(server) && isAlive(detached));
    end(child);
    await untilGone(server);
    await untilGone(detached);
    child.kill("SIGKILL");
  });
}
