/** Event files: records, events, PyTorch's own files read, ours against PyTorch's byte by byte. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, suite, test } from "node:test";
import { PNG } from "pngjs";
import { SummaryWriter, nn, readEvents, torch } from "../../../runtime/index.js";
import { crc32c } from "../../../runtime/events/crc32c.js";
import { decodeEvent, encodeEvent, type Event } from "../../../runtime/events/event.js";
import { EventFileReader, EventFileWriter, isEventFile } from "../../../runtime/events/file.js";
import { RunFolder } from "../../../runtime/events/folder.js";
import { frameRecord, RecordReader } from "../../../runtime/events/records.js";
import { scalarOf } from "../../../runtime/events/scalars.js";
import { ProtoReader, ProtoWriter } from "../../../runtime/protobuf.js";

interface Golden {
  readonly time: number;
  readonly pytorch: Readonly<Record<string, string>>;
  readonly hparams: readonly string[];
  readonly newer: Readonly<Record<string, string>>;
}
const golden = JSON.parse(fs.readFileSync("test/oracle/golden/events.json", "utf8")) as Golden;
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));

const root = fs.mkdtempSync(path.join(os.tmpdir(), "events-"));
after(() => fs.rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = (): string => path.join(root, String(folders++));
const eventFile = (dir: string): string => path.join(dir, fs.readdirSync(dir).find(isEventFile)!);
const records = (content: Uint8Array): Uint8Array[] => [...new RecordReader().push(content)];

suite("records", () => {
  test("the checksum is CRC-32C", () => {
    assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  });

  test("come whole however the bytes arrive", () => {
    const all = Buffer.concat([frameRecord(Buffer.from("one")), frameRecord(Buffer.from("second"))]);
    for (let cut = 0; cut <= all.length; cut++) {
      const reader = new RecordReader();
      const parts = [all.subarray(0, cut), all.subarray(cut)].flatMap((part) => [...reader.push(part)]);
      assert.deepEqual(
        parts.map((p) => Buffer.from(p).toString()),
        ["one", "second"],
      );
      assert.equal(reader.pending, 0);
    }
  });

  test("a changed byte is noticed", () => {
    const record = frameRecord(Buffer.from("payload"));
    for (let i = 0; i < record.length; i++) {
      const damaged = record.slice();
      damaged[i]! ^= 1;
      assert.throws(() => records(damaged), { name: "ValueError" });
    }
  });

  test("what is no message is a ValueError", () => {
    const event = encodeEvent({ wallTime: 1, step: 2, values: [{ tag: "t", simpleValue: 3 }] });
    for (let i = 1; i < event.length; i++) {
      try {
        decodeEvent(event.subarray(0, i));
      } catch (error) {
        assert.equal((error as Error).name, "ValueError");
      }
    }
    const w = new ProtoWriter();
    w.int(1, -5);
    const r = new ProtoReader(w.finish());
    assert.ok(r.next());
    assert.equal(r.integer(), -5);
  });
});

suite("PyTorch's files", () => {
  test("ours are the same, record by record", () => {
    const dir = folder();
    const walltime = golden.time;
    const w = new SummaryWriter(dir);
    w.addScalar("loss", 0.5, 3, { walltime });
    w.addScalar("loss", torch.tensor([1 / 3]), { walltime });
    w.addScalar("new", 2.5, 2 ** 40, { walltime, newStyle: true });
    w.addScalar("double", 0.1, 1, { walltime, newStyle: true, doublePrecision: true });
    w.addScalar("bad", NaN, 5, { walltime });
    w.addScalars("group/all", { a: 1, b: 2 }, 7, { walltime });
    const values = torch.arange(-8, 9).float().div(7);
    w.addHistogram("hist", values, 1, { walltime });
    w.addHistogram("hist", values, 2, { bins: "auto", walltime });
    w.addHistogram("hist", values, 3, { bins: [-1, 0, 0.5, 2], walltime });
    w.addHistogram("hist", values, 4, { walltime, maxBins: 16 });
    w.addText("note", "**bold** é", 1, { walltime });
    const metadata = ["x", "y"];
    const words = torch.tensor([
      [1, 2.5],
      [3, -4],
    ]);
    w.addEmbedding(words, { metadata, globalStep: 1, tag: "words" });
    w.close();
    for (const [name, content] of Object.entries(golden.pytorch)) {
      if (path.basename(name) !== "events") continue;
      const ours = records(fs.readFileSync(eventFile(path.join(dir, path.dirname(name)))));
      const theirs = records(bytes(content));
      assert.equal(ours.length, theirs.length, name);
      // The first is the version, with the time of its making.
      theirs.slice(1).forEach((record, i) => {
        const [a, b] = [decodeEvent(ours[i + 1]!), decodeEvent(record)];
        const close = (x: unknown, y: unknown, where: string): void => {
          if (typeof y === "number" && typeof x === "number" && Number.isFinite(y))
            assert.ok(Math.abs(x - y) <= 1e-12 * Math.max(1, Math.abs(y)), `${where}: ${x} ${y}`);
          else if (typeof y === "object" && y !== null) {
            assert.deepEqual(Object.keys(x as object), Object.keys(y), where);
            for (const key of Object.keys(y)) close((x as never)[key], (y as never)[key], `${where}.${key}`);
          } else assert.deepEqual(x, y, where);
        };
        close(a, b, `${name} record ${i + 1}`);
      });
    }
    const vectors = fs.readFileSync(path.join(dir, "00001/words/metadata.tsv"), "utf8");
    assert.equal(vectors, "x\ny\n");
    const tsv = fs.readFileSync(path.join(dir, "00001/words/tensors.tsv"), "utf8");
    assert.equal(tsv, "1\t2.5\n3\t-4\n");
  });

  test("newer writers' tensors are scalars and histograms", () => {
    const dir = folder();
    fs.mkdirSync(dir);
    fs.writeFileSync(path.join(dir, "events.out.tfevents.1"), bytes(golden.newer["events"]!));
    const found = [...readEvents(eventFile(dir))].flatMap(({ step, values = [] }) =>
      values.map((v) => [v.tag, step, scalarOf(v)]),
    );
    assert.deepEqual(found, [
      ["loss", 1, 0.25],
      ["loss", 2, 0.125],
      ["count", 2, -12],
      ["half", 2, 1.5],
      ["hist", 1, undefined],
    ]);
  });
});

suite("following a folder", () => {
  test("finds runs, reads what is new, bears a torn record and a damaged file", () => {
    const dir = folder();
    const a = new EventFileWriter(path.join(dir, "a"));
    const add = (value: number): void =>
      a.add({ wallTime: 5, step: value, values: [{ tag: "loss", simpleValue: value }] });
    add(1);
    const runs = new RunFolder(dir);
    assert.deepEqual(runs.poll().points, [{ run: "a", tag: "loss", step: 1, wallTime: 5000, value: 1 }]);
    assert.deepEqual(runs.poll().points, []);
    const record = frameRecord(
      encodeEvent({ wallTime: 6, step: 2, values: [{ tag: "loss", simpleValue: 2 }] }),
    );
    fs.appendFileSync(a.path, record.subarray(0, 20));
    assert.deepEqual(runs.poll().points, []);
    fs.appendFileSync(a.path, record.subarray(20));
    fs.mkdirSync(path.join(dir, "b"));
    fs.writeFileSync(path.join(dir, "b", "x.tfevents"), Buffer.alloc(64, 7));
    assert.equal(runs.poll().points.length, 1);
    assert.match([...runs.problems.values()].join(), /no event file/);
    a.close();
    assert.equal(new EventFileReader(a.path).problem, undefined);
  });

  test("a run that goes on from an earlier step says from where what it had is void", () => {
    const dir = folder();
    const point = (value: number): Event => ({
      wallTime: 5,
      step: value,
      values: [{ tag: "loss", simpleValue: value }],
    });
    const a = new EventFileWriter(dir);
    for (const event of [point(1), point(2), point(3)]) a.add(event);
    a.add({ wallTime: 6, step: 2, start: true });
    a.add(point(2));
    a.close();
    const { points, restarts, more } = new RunFolder(dir).poll();
    assert.deepEqual(
      points.map(({ step }) => step),
      [1, 2, 3, 2],
    );
    assert.deepEqual([restarts, more], [[{ run: ".", step: 2, before: 3 }], false]);
  });

  test("what does not fit into one look is read by the next", () => {
    const dir = folder();
    for (const name of ["a", "b"]) {
      const writer = new EventFileWriter(path.join(dir, name));
      writer.add({ wallTime: 1, step: 1, values: [{ tag: "loss", simpleValue: 1 }] });
      writer.close();
    }
    const runs = new RunFolder(dir, { maxBytes: 1 });
    const found: string[] = [];
    for (let more = true; more;) {
      const polled = runs.poll();
      found.push(...polled.points.map(({ run }) => run));
      ({ more } = polled);
    }
    assert.deepEqual(found, ["a", "b"]);
  });
});

test("the pixels of pictures and the values of matrices are what was given", () => {
  const dir = folder();
  const w = new SummaryWriter(dir);
  const colours = torch.arange(24).reshape([3, 2, 4]).div(23);
  w.addImage("chw", colours);
  w.addImage("hwc", colours.permute(1, 2, 0), { dataformats: "HWC" });
  w.addImages("two", torch.stack([torch.zeros(1, 2, 2), torch.ones(1, 2, 2)]));
  w.addHistogram("matrix", torch.arange(6).reshape([2, 3]));
  w.close();
  const values = [...readEvents(eventFile(dir))].flatMap((e) => e.values ?? []);
  const pixels = (i: number, channels: number): number[] => {
    const { data } = PNG.sync.read(Buffer.from(values[i]!.image!.encoded));
    return [...data].filter((_, at) => at % 4 < channels);
  };
  const flat = colours.permute(1, 2, 0).reshape([-1]).tolist() as number[];
  const expected = flat.map((v) => Math.trunc(v * 255));
  assert.deepEqual(pixels(0, 3), expected);
  assert.deepEqual(pixels(1, 3), expected);
  assert.deepEqual(pixels(2, 1), [0, 0, 255, 255, 0, 0, 255, 255]);
  assert.equal(values[3]!.histogram!.num, 6);
  assert.equal(values[3]!.histogram!.sum, 15);
});

test("pictures, sounds, graphs and hyperparameters", () => {
  const dir = folder();
  const w = new SummaryWriter(dir);
  w.addImage("grey", torch.zeros(1, 4, 5), 1);
  w.addImages("grid", torch.rand(10, 3, 4, 5), 1);
  w.addAudio("tone", torch.zeros(8), { sampleRate: 8000 });
  w.addGraph(new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU()), torch.zeros(1, 3));
  const hparams = { lr: 0.1, batch: 8, name: "sgd" };
  w.addHparams(
    hparams,
    { accuracy: 0.5 },
    { runName: "h", hparamDomainDiscrete: { lr: [0.1, 0.2], name: ["sgd", "adam"] } },
  );
  w.close();
  const events = [...readEvents(eventFile(dir))];
  const values = events.flatMap((e) => e.values ?? []);
  assert.deepEqual(
    values.flatMap(({ image }) => (image ? [[image.height, image.width, image.colorspace]] : [])),
    [
      [4, 5, 3],
      [8, 40, 3],
    ],
  );
  assert.ok(events.some(({ graph }) => Buffer.from(graph ?? []).includes("Sequential/Linear[0]/weight")));
  const h = [...readEvents(eventFile(path.join(dir, "h")))].flatMap((e) => e.values ?? []);
  const summary = (text: string): Uint8Array => {
    const r = new ProtoWriter();
    r.double(1, 0);
    r.bytes(5, bytes(text));
    return r.finish();
  };
  const theirs = golden.hparams.map((text) => decodeEvent(summary(text)).values![0]!);
  theirs.forEach((value, i) => {
    assert.equal(h[i]!.tag, value.tag);
    assert.equal(h[i]!.pluginContent!.length > 0, true);
  });
  assert.throws(() => w.addFigure(), { name: "NotImplementedError" });
});
