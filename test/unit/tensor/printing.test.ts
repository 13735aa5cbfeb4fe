import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { test } from "node:test";
import { setTracing } from "../../../runtime/graph/executor.js";
import { nn, torch, type DType, type Tensor } from "../../../runtime/index.js";
import { dtypes, type DTypeName } from "../../../runtime/tensor/dtype.js";
import { findOracle } from "../random/oracle.js";

type Golden = [
  dtype: DTypeName,
  shape: number[],
  data: string,
  options: Record<string, unknown>,
  grad: boolean,
  text: string,
];

const file = "test/oracle/golden/printing.json";

function make(dtype: DType, shape: readonly number[], data: string): Tensor {
  if (data !== "arange" && data !== "sevenths") {
    return torch._fromBytes(Buffer.from(data, "base64"), dtype, shape);
  }
  const t = torch.arange(
    shape.reduce((n, d) => n * d, 1),
    { dtype: torch.float64 },
  );
  return (data === "arange" ? t : t.div(7).sub(20)).to(dtype).reshape([...shape]);
}

const camel = (options: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).map(([k, v]) => [k.replace("sci_mode", "sciMode"), v]));

function compare(rows: readonly Golden[]): void {
  for (const [dtype, shape, data, options, grad, text] of rows) {
    torch.setPrintoptions({ profile: "default", sciMode: null });
    torch.setPrintoptions(camel(options));
    const t = make(dtypes[dtype], shape, data);
    if (grad) t.requiresGrad_();
    assert.equal(String(t), text, `${dtype} [${shape.join(", ")}] ${JSON.stringify(options)}`);
  }
  torch.setPrintoptions({ profile: "default", sciMode: null });
}

test("tensors print as PyTorch's do", () => {
  compare(JSON.parse(readFileSync(file, "utf8")) as Golden[]);
});

test("the golden texts are what PyTorch prints today", (t) => {
  const python = findOracle();
  if (python === undefined) {
    assert.ok(!process.env["CI"], "CI has PyTorch 1.13");
    t.skip("no PyTorch 1.13 here");
    return;
  }
  const { stdout } = spawnSync(python, ["test/oracle/printing.py"], { encoding: "utf8", maxBuffer: 1 << 26 });
  assert.equal(stdout, readFileSync(file, "utf8"));
});

test("history, parameters, console and templates", () => {
  const x = torch.ones(2, { requiresGrad: true });
  assert.equal(String(x.add(1)), "tensor([2., 2.], grad_fn=<AddBackward0>)");
  assert.equal(
    String(
      x
        .double()
        .mul(1 / 3)
        .mul(torch.ones(3, 2, { dtype: torch.float64 })),
    ),
    "tensor([[0.3333, 0.3333],\n        [0.3333, 0.3333],\n        [0.3333, 0.3333]], dtype=torch.float64, grad_fn=<MulBackward0>)",
  );
  assert.equal(
    String(new nn.Parameter(torch.ones(2))),
    "Parameter containing:\ntensor([1., 1.], requires_grad=True)",
  );
  assert.equal(inspect(x), "tensor([1., 1.], requires_grad=True)");
  assert.equal(inspect({ x: x.detach() }), "{ x: tensor([1., 1.]) }");
  assert.equal(`${torch.tensor(2.5)}`, "tensor(2.5000)");
});

test("while only shapes are known, printing gives the shape", () => {
  setTracing(true);
  try {
    assert.equal(String(torch.ones(2, 3)), "tensor(..., size=(2, 3))");
    assert.equal(String(torch.ones(4).long()), "tensor(..., size=(4,), dtype=torch.int64)");
  } finally {
    setTracing(false);
  }
});

test("options: bad ones are refused", () => {
  assert.throws(() => torch.setPrintoptions({ digits: 3 } as never), /TypeError.*unexpected option 'digits'/);
  assert.throws(() => torch.setPrintoptions({ profile: "tiny" }), /ValueError.*'tiny'/);
});
