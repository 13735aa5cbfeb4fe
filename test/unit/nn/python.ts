/** Snippets of Python run by Debian's PyTorch, to set answers side by side with ours. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { Tensor } from "../../../runtime/index.js";
import { findOracle } from "../random/oracle.js";

const python = findOracle();

/** Why tests against PyTorch do not run here; nothing where they do. */
export const noPython: string | false =
  python !== undefined || process.env.CI ? false : "no Python with PyTorch 1.13";

const prelude = `
import json, sys, math, warnings
warnings.simplefilter("ignore")
import torch
from torch import nn
import torch.nn.functional as F
torch.set_num_threads(1)
def plain(x):
    if isinstance(x, torch.Tensor):
        return plain(x.detach().tolist())
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    if isinstance(x, float) and not math.isfinite(x):
        return str(x)
    return x
def ramp(*shape, scale=0.1, requires_grad=False):
    n = math.prod(shape)
    t = ((torch.arange(n) * 37 + 11) % 64 - 31.5) * scale / 4
    return t.reshape(shape).requires_grad_(requires_grad)
out = {}
def case(name):
    def run(f):
        torch.manual_seed(0)
        try:
            out[name] = plain(f())
        except Exception as error:
            out[name] = {"error": type(error).__name__, "message": str(error)}
    return run
`;

/**
 * Answers of Python functions by name: `@case("name")` marks each one in `source`, which has torch, nn, F and `ramp`;
 * the seed is 0 before each.
 */
export function ask(source: string): Readonly<Record<string, unknown>> {
  if (python === undefined) {
    assert.ok(!process.env.CI, "CI must have a Python with PyTorch 1.13");
    return {};
  }
  const script = `${prelude}\n${source}\njson.dump(out, sys.stdout)`;
  const { stdout, stderr, status } = spawnSync(python, ["-"], {
    input: script,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** Our values in the form of Python's answers. */
export function plain(x: unknown): unknown {
  if (x instanceof Tensor) return plain(x.detach().tolist());
  if (x instanceof Map) return Object.fromEntries([...x].map(([k, v]) => [k, plain(v)]));
  if (Array.isArray(x)) return x.map(plain);
  if (typeof x === "bigint") return Number(x);
  if (typeof x === "number" && !Number.isFinite(x)) {
    return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
  }
  if (typeof x === "object" && x !== null) {
    return Object.fromEntries(Object.entries(x).map(([k, v]) => [k, plain(v)]));
  }
  return x;
}

/** Asserts that our value is Python's, numbers within a tolerance. */
export function same(ours: unknown, theirs: unknown, tolerance = 2e-5, path = ""): void {
  const x = plain(ours);
  if (typeof x === "number" && typeof theirs === "number") {
    const bound = tolerance * Math.max(1, Math.abs(theirs));
    assert.ok(Math.abs(x - theirs) <= bound, `${path}: ${String(x)} where PyTorch has ${String(theirs)}`);
    return;
  }
  if (typeof theirs === "object" && theirs !== null && typeof x === "object" && x !== null) {
    assert.deepEqual(Object.keys(x), Object.keys(theirs), `${path}: keys`);
    for (const key of Object.keys(theirs)) {
      same(
        (x as Record<string, unknown>)[key],
        (theirs as Record<string, unknown>)[key],
        tolerance,
        `${path}/${key}`,
      );
    }
    return;
  }
  assert.deepEqual(x, theirs, path);
}
