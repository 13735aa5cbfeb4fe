/** What the engine thread costs on top of the computing: round trips and hand-overs, in microseconds. */
import { engine } from "../runtime/engine/client.js";
import type { Feed } from "../runtime/engine/protocol.js";
import { encodeModel } from "../runtime/graph/onnx/proto.js";
import {
  back,
  copied,
  load,
  loadNode,
  newId,
  newRun,
  onnx,
  resident,
  run,
  slot,
} from "../test/unit/engine/support.js";

/** Median of batches. */
function measure(name: string, count: number, body: () => void): void {
  for (let i = 0; i < count; i++) body();
  const times = Array.from({ length: 9 }, () => {
    const start = performance.now();
    for (let i = 0; i < count; i++) body();
    return ((performance.now() - start) / count) * 1000;
  });
  const [fastest, , , , median] = times.sort((a, b) => a - b) as [number, number, number, number, number];
  console.log(`${name.padEnd(52)} ${median.toFixed(1).padStart(8)} µs (fastest ${fastest.toFixed(1)})`);
}

const shape = [4];
const data = Float32Array.of(1, 2, 3, 4);
const one = loadNode("Neg", 1, "float32", shape);
measure("one node, there and back", 1000, () => run(one, [copied(data)], [back()]));

const slots = Array.from({ length: 200 }, () => slot("float32", shape));
const inputs = slots.slice(0, 100).map((_, i) => i);
const outputs = inputs.map((i) => i + 100);
const nodes = inputs.map((i) => ({ op: "Neg", inputs: [`v${i}`], outputs: [`v${i + 100}`] }));
const hundred = load({ slots, inputs, outputs, segments: [onnx(slots, inputs, outputs, nodes)] });
const wants = (): ReturnType<typeof back>[] => inputs.map(back);

measure("100 nodes, 100 copied in, 100 back", 100, () =>
  run(
    hundred,
    inputs.map(() => copied(data)),
    wants(),
  ),
);
measure("100 nodes, 100 transferred in, 100 back", 100, () => {
  const arrays = inputs.map(() => data.slice());
  const feeds = arrays.map((a): Feed => copied(a));
  const number = newRun();
  engine.post(
    { type: "run", run: number, program: hundred, feeds, wants: wants() },
    arrays.map((a) => a.buffer),
  );
  engine.wait(number);
});
let ids = inputs.map(newId);
run(
  hundred,
  inputs.map(() => copied(data)),
  ids.map((id) => ({ id, return: false })),
);
measure("100 nodes, 100 resident, 100 back", 100, () =>
  run(
    hundred,
    ids.map((id) => resident(id, "keep", shape)),
    wants(),
  ),
);
measure("100 nodes, 100 resident, 100 stay", 100, () => {
  const next = ids.map(newId);
  run(
    hundred,
    ids.map((id) => resident(id, "drop", shape)),
    next.map((id) => ({ id, return: false })),
  );
  ids = next;
});

const thousand = Array.from({ length: 1000 }, (_, i) => ({
  op: "Transpose",
  inputs: [`v${i}`],
  outputs: [`v${i + 1}`],
  attrs: { perm: [0, 2, 1], axis: -1 },
}));
const info = (name: string) => ({ name, dtype: 1, shape: [2, 2, 2] });
const model = { inputs: [info("v0")], outputs: [info("v1000")], initializers: [], nodes: thousand };
measure("encodeModel, 1000 nodes", 10, () => encodeModel(model));
await engine.close();
