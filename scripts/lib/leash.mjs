/**
 * Runs a command that must not outlive its starter: `node leash.mjs MARK COMMAND ARG…`.
 *
 * The command gets a process group of its own. When standard input closes, which the end of the
 * starter brings about however it ended, the group is killed, and on Linux every process that
 * carries the mark in its environment: a server's children may have left the group.
 */
import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";

const [mark, command, ...args] = process.argv.slice(2);
const variable = "TENSORSCOPE_LEASH";
const isWindows = process.platform === "win32";

const child = spawn(command, args, {
  detached: !isWindows,
  stdio: ["ignore", "inherit", "inherit"],
  env: { ...process.env, [variable]: mark },
});

function marked() {
  if (process.platform !== "linux") return [];
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      try {
        return fs.readFileSync(`/proc/${name}/environ`, "latin1").includes(`${variable}=${mark}`);
      } catch {
        return false; // Gone meanwhile, or not ours.
      }
    })
    .map(Number);
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}

let ending = false;
async function end(code) {
  if (ending) return;
  ending = true;
  if (isWindows) {
    spawnSync("taskkill", ["/pid", String(child.pid), "/T", "/F"], { stdio: "ignore" });
  } else {
    signal(-child.pid, "SIGTERM");
    for (let i = 0; i < 20 && marked().length > 0; i++) await new Promise((done) => setTimeout(done, 50));
    signal(-child.pid, "SIGKILL");
    for (const pid of marked()) signal(pid, "SIGKILL");
  }
  process.exit(code);
}

child.on("error", (error) => {
  console.error(error.message);
  void end(127);
});
child.on("exit", (code) => void end(code ?? 1));
process.stdin.on("end", () => void end(0)).on("error", () => void end(0));
process.stdin.resume();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => void end(130));
