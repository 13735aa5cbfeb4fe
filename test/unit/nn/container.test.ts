/** Containers of modules and of parameters. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nn, torch } from "../../../runtime/index.js";

const classes = (list: Iterable<nn.Module>): string[] => Array.from(list, (m) => m._getName());

test("Sequential: places, slices, insertion, removal and renumbering", () => {
  const s = new nn.Sequential(new nn.ReLU(), new nn.Tanh(), new nn.Sigmoid());
  assert.equal(s.length, 3);
  assert.ok(s.at(-1) instanceof nn.Sigmoid);
  assert.equal(s[1], s.at(1));
  assert.deepEqual(classes(s.at(torch.slice(0, 2))), ["ReLU", "Tanh"]);
  assert.deepEqual(
    [...s.at(torch.slice(1, 3)).namedChildren()].map(([n]) => n),
    ["1", "2"],
  );
  s.insert(1, new nn.Identity());
  assert.deepEqual(classes(s), ["ReLU", "Identity", "Tanh", "Sigmoid"]);
  assert.ok(s.pop(0) instanceof nn.ReLU);
  assert.deepEqual(
    [...s.namedChildren()].map(([n]) => n),
    ["0", "1", "2"],
  );
  s.deleteAt(0);
  s.append(new nn.ReLU()).setAt(0, new nn.GELU());
  assert.deepEqual(classes(s), ["GELU", "Sigmoid", "ReLU"]);
  assert.throws(() => s.at(3), { name: "IndexError", message: "index 3 is out of range" });
  assert.throws(() => s.insert(9, new nn.ReLU()), { name: "IndexError" });
});

test("Sequential: names by Map, in order even when they are numbers", () => {
  const s = new nn.Sequential(
    new Map([
      ["10", new nn.Linear(1, 1)],
      ["2", new nn.Linear(1, 1)],
    ]),
  );
  assert.deepEqual([...s.stateDict().keys()], ["10.weight", "10.bias", "2.weight", "2.bias"]);
  assert.deepEqual([...s.at(torch.slice(1, 2)).stateDict().keys()], ["2.weight", "2.bias"]);
});

test("Sequential: the same module twice runs twice and is counted once", () => {
  const fc = new nn.Linear(1, 1, { bias: false });
  torch.noGrad(() => fc.weight.fill_(2));
  const s = new nn.Sequential(fc, fc);
  assert.equal(s(torch.ones([1])).item(), 4);
  assert.equal([...s.parameters()].length, 1);
  assert.deepEqual([...s.stateDict().keys()], ["0.weight", "1.weight"]);
});

test("ModuleList: what lists do", () => {
  const list = new nn.ModuleList([new nn.Linear(1, 2), new nn.Linear(2, 3)]);
  list.extend(list);
  assert.equal(list.length, 4);
  assert.equal(list.at(1).outFeatures, 3);
  assert.deepEqual(classes(list.at(torch.slice(null, null, 2))), ["Linear", "Linear"]);
  list.insert(-10, new nn.Linear(5, 5));
  assert.equal(list.at(0).inFeatures, 5);
  list.deleteAt(torch.slice(1, 3));
  assert.equal(list.length, 3);
  assert.throws(() => (list as unknown as () => void)(), { name: "NotImplementedError" });
});

test("ModuleDict: what dicts do, in order of insertion", () => {
  const dict = new nn.ModuleDict([
    ["2", new nn.ReLU()],
    ["1", new nn.Tanh()],
  ]);
  assert.deepEqual(dict.keys(), ["2", "1"]);
  dict.update(new Map([["3", new nn.Sigmoid()]]));
  assert.deepEqual([...dict], ["2", "1", "3"]);
  assert.ok(dict.pop("1") instanceof nn.Tanh);
  assert.equal(dict.has("1"), false);
  assert.equal(dict.get("1"), undefined);
  assert.throws(() => dict.at("1"), { name: "KeyError" });
  assert.throws(() => dict.setAt("keys", new nn.ReLU()), { name: "KeyError" });
  dict.clear();
  assert.equal(dict.length, 0);
});

test("ParameterList: tensors become parameters, registered by number", () => {
  const list = new nn.ParameterList([torch.ones([2, 3]), new nn.Parameter(torch.zeros([4]))]);
  assert.deepEqual([...list.stateDict().keys()], ["0", "1"]);
  assert.ok(list.at(0) instanceof nn.Parameter);
  list.append(torch.ones([1]));
  assert.equal(list.length, 3);
  assert.equal([...list.parameters()].length, 3);
  assert.equal(
    String(list),
    `ParameterList(
    (0): Parameter containing: [torch.float32 of size 2x3]
    (1): Parameter containing: [torch.float32 of size 4]
    (2): Parameter containing: [torch.float32 of size 1]
)`,
  );
  assert.throws(() => (list as unknown as () => void)(), { name: "RuntimeError" });
  assert.throws(() => list.extend(torch.ones([1]) as never), { name: "TypeError" });
});

test("ParameterDict: a plain object's keys are sorted, a Map's are not", () => {
  const tensors = { b: torch.ones([5, 10]), a: torch.ones([1], { dtype: torch.float64 }) };
  assert.deepEqual([...new nn.ParameterDict(tensors).stateDict().keys()], ["a", "b"]);
  const dict = new nn.ParameterDict(new Map(Object.entries(tensors)));
  assert.deepEqual(dict.keys(), ["b", "a"]);
  assert.equal(
    String(dict),
    `ParameterDict(
    (b): Parameter containing: [torch.FloatTensor of size 5x10]
    (a): Parameter containing: [torch.DoubleTensor of size 1]
)`,
  );
  assert.equal(dict.get("c"), null);
  assert.deepEqual(dict.popitem()[0], "a");
  assert.throws(() => dict.at("a"), { name: "KeyError" });
});
