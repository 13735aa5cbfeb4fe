import assert from "node:assert/strict";
import { after, test } from "node:test";
import { engine } from "../../../runtime/engine/client.js";
import { encodeModel } from "../../../runtime/graph/onnx/proto.js";
import { arriving, back, compiled, copied, keep, load, loadNode, newId, newRun, onnx } from "./support.js";
import { post, request, resident, result, run, slot } from "./support.js";

after(() => engine.close());

test("one node, there and back", () => {
  const add = loadNode("Add", 2, "float32", [3]);
  assert.deepEqual(
    result(add, copied(Float32Array.of(1, 2, 3)), copied(Float32Array.of(10, 20, 30))),
    Float32Array.of(11, 22, 33),
  );
});

test("segments run in order: a graph, a host kernel, a graph", () => {
  const slots = [0, 1, 2, 3].map(() => slot("float64", [2]));
  const program = load({
    slots,
    inputs: [0],
    outputs: [3, 1],
    segments: [
      onnx(slots, [0], [1], [{ op: "Add", inputs: ["v0", "v0"], outputs: ["v1"] }]),
      { kind: "host", kernel: "unary.erf", attrs: null, inputs: [1], outputs: [2], node: 1 },
      onnx(slots, [2], [3], [{ op: "Neg", inputs: ["v2"], outputs: ["v3"] }]),
    ],
  });
  const reply = run(program, [copied(Float64Array.of(0.25, 0.5))], [back(), back()]);
  const [out, doubled] = reply.buffers.map((b) => b.data);
  // erf(1/2) and erf(1) to 17 digits.
  const want = [-0.5204998778130465, -0.8427007929497149];
  want.forEach((w, i) => {
    assert.ok(Math.abs(Number(out![i]) - w) < 2e-16, `${String(out![i])} against ${w}`);
  });
  assert.deepEqual(doubled, Float64Array.of(0.5, 1));
});

test("a fed buffer stays, comes back, or goes", () => {
  const negate = loadNode("Neg", 1, "float32", [2]);
  const id = newId();
  assert.deepEqual(result(negate, arriving(Float32Array.of(1, 2), id)), Float32Array.of(-1, -2));
  assert.deepEqual(result(negate, resident(id, "keep", [2])), Float32Array.of(-1, -2));
  const reply = run(negate, [resident(id, "return", [2])], [back()]);
  assert.deepEqual(
    reply.buffers.map((b) => b.data),
    [Float32Array.of(-1, -2), Float32Array.of(1, 2)],
  );
  assert.equal(reply.buffers[1]!.id, id);
  assert.match(
    run(negate, [resident(id, "keep", [2])], [back()]).error!.message,
    /buffer \d+ is not resident/,
  );

  const other = newId();
  run(negate, [arriving(Float32Array.of(3, 4), other, "drop")], [back()]);
  assert.ok(run(negate, [resident(other, "keep", [2])], [back()]).error);
});

test("an output stays; fetch copies it, evict hands it over, drop forgets it", () => {
  const negate = loadNode("Neg", 1, "float32", [2]);
  const [a, b] = [newId(), newId()];
  for (const id of [a, b]) run(negate, [copied(Float32Array.of(1, 2))], [keep(id)]);
  assert.deepEqual(request("fetch", [a]).buffers, [{ id: a, data: Float32Array.of(-1, -2) }]);
  assert.deepEqual(request("fetch", [a, b]).buffers.length, 2);
  assert.deepEqual(request("evict", [a]).buffers, [{ id: a, data: Float32Array.of(-1, -2) }]);
  assert.ok(request("fetch", [a]).error);
  engine.post({ type: "drop", ids: [b] });
  assert.ok(request("fetch", [b]).error);
  assert.equal(engine.stats(newRun()).residentBuffers, 0);
});

test("a transferred buffer is gone from the user thread, a copied one is not", () => {
  const negate = loadNode("Neg", 1, "float32", [2]);
  const moved = Float32Array.of(1, 2);
  const number = newRun();
  engine.post(
    {
      type: "run",
      run: number,
      program: negate,
      feeds: [arriving(moved, newId(), "return", [2])],
      wants: [back()],
    },
    [moved.buffer],
  );
  assert.equal(moved.length, 0);
  assert.deepEqual(engine.wait(number).buffers[1]!.data, Float32Array.of(1, 2));
  const kept = Float32Array.of(1, 2);
  result(negate, copied(kept));
  assert.equal(kept.length, 2);
});

test("no two results share a buffer, nor a result with an input", () => {
  const slots = [slot("float32", [2]), slot("float32", [2])];
  const program = load({
    slots,
    inputs: [0],
    outputs: [0, 1, 1, 0],
    segments: [onnx(slots, [0], [1], [{ op: "Neg", inputs: ["v0"], outputs: ["v1"] }])],
  });
  const id = newId();
  const reply = run(program, [arriving(Float32Array.of(1, 2), id)], [back(), back(), back(), back()]);
  const data = reply.buffers.map((b) => [...(b.data as Float32Array)]);
  assert.deepEqual(data, [
    [1, 2],
    [-1, -2],
    [-1, -2],
    [1, 2],
  ]);
  assert.deepEqual(request("evict", [id]).buffers[0]!.data, Float32Array.of(1, 2));
});

test("a failure travels to what uses its results, with the first message", () => {
  const matmul = loadNode("MatMul", 2, "float32", [2, 2]);
  const negate = loadNode("Neg", 1, "float32", [2, 2]);
  const [x, y] = [newId(), newId()];
  // Shapes of the feeds that the graph refuses.
  const first = run(
    matmul,
    [copied(new Float32Array(4), [2, 2]), copied(new Float32Array(6), [3, 2])],
    [keep(x)],
  );
  const { message } = first.error!;
  assert.match(message, /MatMul|v1|dimension/);
  assert.equal(first.error!.inherited, undefined);
  const second = run(negate, [resident(x, "keep", [2, 2])], [back()]);
  assert.deepEqual(second.error, { ...first.error, inherited: true, buffer: x });
  assert.equal(run(negate, [resident(x, "keep", [2, 2])], [keep(y)]).error?.message, message);
  assert.equal(run(negate, [resident(y, "keep", [2, 2])], [back()]).error?.message, message);
  assert.equal(request("fetch", [y]).error?.message, message);
});

test("a failed run changes nothing else: state that came along stays, what was lent and what should go stays too", () => {
  const add = loadNode("Add", 2, "float32", [2]);
  const missing = 1_000_000;
  const [state, lent] = [newId(), newId()];
  const failed = run(add, [resident(missing, "keep", [2]), arriving(Float32Array.of(1, 2), state)], [back()]);
  assert.match(failed.error!.message, /not resident/);
  assert.deepEqual(failed.buffers, []);
  assert.deepEqual(request("fetch", [state]).buffers[0]!.data, Float32Array.of(1, 2));

  const again = run(
    add,
    [arriving(Float32Array.of(3, 4), lent, "return"), resident(missing, "keep", [2])],
    [back()],
  );
  assert.deepEqual(again.buffers, []);
  assert.deepEqual(request("fetch", [lent]).buffers[0]!.data, Float32Array.of(3, 4));
  run(add, [resident(state, "drop", [2]), resident(missing, "keep", [2])], [back()]);
  assert.deepEqual(request("fetch", [state]).buffers[0]!.data, Float32Array.of(1, 2));

  const unknown = run(999_999, [arriving(Float32Array.of(5, 6), lent)], [back()]);
  assert.match(unknown.error!.message, /program 999999 is not loaded/);
  assert.deepEqual(request("evict", [lent]).buffers[0]!.data, Float32Array.of(5, 6));
});

test("one failed buffer does not take the others of its request with it", () => {
  const negate = loadNode("Neg", 1, "float32", [1]);
  const [good, bad, late] = [newId(), newId(), newId()];
  run(negate, [arriving(Float32Array.of(1), good)], [back()]);
  run(negate, [arriving(Float32Array.of(2), late)], [back()]);
  run(negate, [resident(1_000_000, "keep", [1])], [keep(bad)]);
  const reply = request("evict", [good, bad, late]);
  assert.deepEqual(
    reply.buffers.map((b) => b.id),
    [good, late],
  );
  assert.deepEqual(
    reply.failed?.map((f) => f.id),
    [bad],
  );
  assert.match(reply.error!.message, /not resident/);
});

test("an unknown host kernel and an invalid model are errors of their runs", () => {
  const slots = [slot("float32", [1]), slot("float32", [1])];
  const segment = {
    kind: "host",
    kernel: "no.such",
    attrs: null,
    inputs: [0],
    outputs: [1],
    node: 4,
  } as const;
  const host = load({ slots, inputs: [0], outputs: [1], segments: [segment] });
  const { error } = run(host, [copied(Float32Array.of(1))], [back()]);
  assert.match(error!.message, /no host kernel no\.such/);
  assert.equal(error!.node, 4);
  const model = Uint8Array.of(1, 2, 3);
  const broken = load({
    slots,
    inputs: [0],
    outputs: [1],
    segments: [compiled(model, [0], [1])],
  });
  assert.ok(run(broken, [copied(Float32Array.of(1))], [back()]).error);
  engine.post({ type: "release", program: broken });
  assert.deepEqual(
    result(loadNode("Neg", 1, "float32", [1]), copied(Float32Array.of(1))),
    Float32Array.of(-1),
  );
});

test("a size left open is told with the result", () => {
  const slots = [slot("float32", [null]), slot("int64", [1, null]), slot("float32", [null])];
  const program = load({
    slots,
    inputs: [0],
    outputs: [1, 2],
    segments: [
      onnx(
        slots,
        [0],
        [1, 2],
        [
          { op: "NonZero", inputs: ["v0"], outputs: ["v1"] },
          { op: "Neg", inputs: ["v0"], outputs: ["v2"] },
        ],
      ),
    ],
  });
  const [where, negated] = run(program, [copied(Float32Array.of(0, 5, 0, 7))], [back(), back()]).buffers;
  assert.deepEqual([where!.shape, where!.data], [[1, 2], BigInt64Array.of(1n, 3n)]);
  assert.deepEqual(negated!.shape, [4]);
  const none = run(program, [copied(Float32Array.of(0))], [back(), back()]).buffers[0]!;
  assert.deepEqual([none.shape, none.data], [[1, 0], new BigInt64Array(0)]);
});

test("draws repeat after a seed; a refused state fails the next draw and a seed mends it", () => {
  const draw = { kind: "uniform", dtype: "float32", count: 4, from: 0, to: 1 };
  const take = () => {
    const [run, id] = [newRun(), newId()];
    engine.post({ type: "draw", run, requests: [{ generator: 7, draw, outputs: [id] }] });
    engine.wait(run);
    return request("evict", [id]);
  };
  const seed = (): void => {
    engine.post({ type: "seed", generator: 7, seed: 5n });
  };
  seed();
  const first = take().buffers[0]!.data;
  assert.equal(first.length, 4);
  assert.notDeepEqual(take().buffers[0]!.data, first);
  seed();
  assert.deepEqual(take().buffers[0]!.data, first);

  engine.post({ type: "setState", generator: 7, state: new Uint8Array(3) });
  const refused = take();
  assert.equal(refused.error?.errorClass, "RuntimeError");
  assert.match(refused.error.message, /RNG state size to be 3/);
  seed();
  assert.deepEqual(take().buffers[0]!.data, first);
});

test("waiting for what is not under way is an error, not a wait", () => {
  assert.throws(() => engine.wait(123_456_789), /not under way/);
  const number = post(loadNode("Neg", 1, "float32", [1]), [copied(Float32Array.of(1))], [back()]);
  engine.wait(number);
  assert.throws(() => engine.wait(number), /not under way/);
});

test("at most four runs are under way", () => {
  const matmul = loadNode("MatMul", 2, "float32", [300, 300]);
  const id = newId();
  run(
    matmul,
    [arriving(new Float32Array(90_000), id, "keep", [300, 300]), resident(id, "keep", [300, 300])],
    [back()],
  );
  let settled = 0;
  let most = 0;
  let last = 0;
  engine.onReply(() => settled++);
  for (let i = 1; i <= 12; i++) {
    last = post(matmul, [resident(id, "keep", [300, 300]), resident(id, "keep", [300, 300])], [back()]);
    most = Math.max(most, i - settled);
  }
  engine.wait(last);
  assert.equal(settled, 12);
  assert.ok(most <= 4, `${most} under way`);
});

test("dropped buffers are written again by results that stay, and by none that leave", () => {
  const add = loadNode("Add", 2, "float32", [4]);
  const [a, b, c] = [newId(), newId(), newId()];
  run(add, [arriving(Float32Array.of(1, 2, 3, 4), a), resident(a, "keep", [4])], [keep(b)]);
  const [sent] = run(add, [resident(a, "drop", [4]), resident(b, "keep", [4])], [back()]).buffers;
  run(add, [resident(b, "keep", [4]), resident(b, "keep", [4])], [keep(c)]);
  assert.deepEqual(sent!.data, Float32Array.of(3, 6, 9, 12));
  assert.deepEqual(request("fetch", [b]).buffers[0]!.data, Float32Array.of(2, 4, 6, 8));
  assert.deepEqual(request("fetch", [c]).buffers[0]!.data, Float32Array.of(4, 8, 12, 16));
  assert.match(
    run(add, [resident(a, "keep", [4]), resident(b, "keep", [4])], [back()]).error!.message,
    /not resident/,
  );
});

test("programs share a session; constants of each are fed beside its slots", () => {
  const shape = [null];
  const slots = [slot("float32", shape), slot("float32", shape)];
  const first = onnx(slots, [0], [1], [{ op: "Expand", inputs: ["v0", "size"], outputs: ["v1"] }]);
  assert.ok(first.kind === "onnx");
  const model = encodeModel({
    inputs: [
      { name: "v0", dtype: 1, shape },
      { name: "size", dtype: 7, shape: [1] },
    ],
    outputs: [{ name: "v1", dtype: 1 }],
    initializers: [],
    nodes: [{ op: "Expand", inputs: ["v0", "size"], outputs: ["v1"] }],
  });
  const sized = (n: number, withModel: boolean): number => {
    const { model: _, ...rest } = first;
    const constants = [
      { name: "size", dtype: "int64", dims: [1], data: BigInt64Array.of(BigInt(n)) },
    ] as const;
    const segment = { ...rest, ...(withModel ? { model } : {}), constants };
    return load({
      slots: [slot("float32", [1]), slot("float32", [n])],
      inputs: [0],
      outputs: [1],
      segments: [segment],
    });
  };
  const before = engine.stats(newRun()).sessions;
  const [two, three] = [sized(2, true), sized(3, false)];
  assert.deepEqual(result(two, copied(Float32Array.of(7))), Float32Array.of(7, 7));
  assert.deepEqual(result(three, copied(Float32Array.of(7))), Float32Array.of(7, 7, 7));
  assert.equal(engine.stats(newRun()).sessions, before + 1);
  engine.post({ type: "release", program: two });
  assert.deepEqual(result(three, copied(Float32Array.of(8))), Float32Array.of(8, 8, 8));
  engine.post({ type: "release", program: three });
  assert.equal(engine.stats(newRun()).sessions, before);
});
