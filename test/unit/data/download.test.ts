import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { after, before, suite, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { ProgressState } from "../../../runtime/data/progress.js";
import { download } from "../../../runtime/data/files/download.js";
import { datasets, RuntimeError, setProgressSink, ValueError } from "../../../runtime/index.js";
import { idx, tar, temporaryFolder, write } from "./files.js";
import { serve, type Server } from "./server.js";

const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");

suite("downloads", () => {
  const folder = temporaryFolder();
  const big = randomBytes(5 * 1024 * 1024 + 100);
  const small = Buffer.from("some bytes");
  const digits = {
    "train-images-idx3-ubyte.gz": gzipSync(idx([2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])),
    "train-labels-idx1-ubyte.gz": gzipSync(idx([2], [7, 1])),
  };
  const record = (label: number): number[] => [label, ...Array.from({ length: 3072 }, (_, i) => i % 251)];
  const cifar = gzipSync(
    tar({
      ...Object.fromEntries(
        [1, 2, 3, 4, 5].map((i) => [`cifar-10-batches-bin/data_batch_${i}.bin`, Uint8Array.from(record(i))]),
      ),
      "cifar-10-batches-bin/test_batch.bin": Uint8Array.from([...record(9), ...record(0)]),
      "cifar-10-batches-bin/batches.meta.txt": Buffer.from("airplane\nautomobile\nbird\n"),
      "cifar-10-batches-bin/../../outside.txt": small,
    }),
  );
  let server: Server;

  before(async () => {
    const bodies = Object.fromEntries(Object.entries(digits).map(([name, body]) => [name, { body }]));
    server = await serve({
      big: { body: big },
      small: { body: small },
      flaky: { body: big, breakAfter: 300_000 },
      stubborn: { body: big, breakAfter: 300_000, noRanges: true },
      gone: { body: small, status: 404 },
      "cifar-10-binary.tar.gz": { body: cifar },
      ...bodies,
    });
    setProgressSink(() => undefined);
  });
  after(async () => {
    setProgressSink(undefined);
    await server.close();
  });

  const at = (name: string): string => path.join(folder, name);
  const fetchFile = (name: string, file: string, options: { md5?: string; maxBytes?: number } = {}): void =>
    download({ urls: [server.url + name], ...options }, at(file));

  test("a file arrives whole, with progress, once", async () => {
    const states: ProgressState[] = [];
    setProgressSink((state) => states.push(state));
    fetchFile("big", "deep/down/big.bin", { md5: md5(big) });
    setProgressSink(() => undefined);
    assert.ok(fs.readFileSync(at("deep/down/big.bin")).equals(big));
    assert.deepEqual(fs.readdirSync(at("deep/down")), ["big.bin"]);
    assert.equal(states[0]!.desc, "big.bin (MiB)");
    assert.deepEqual([states[0]!.total, states.at(-1)!.step, states.at(-1)!.done], [6, 6, true]);
    assert.deepEqual(await server.requests(), ["GET big"]);
    fetchFile("big", "deep/down/big.bin", { md5: md5(big) });
    assert.deepEqual(await server.requests(), []);
  });

  test("a broken connection is taken up where it broke", async () => {
    fetchFile("flaky", "flaky.bin", { md5: md5(big) });
    assert.ok(fs.readFileSync(at("flaky.bin")).equals(big));
    const [first, second] = await server.requests();
    assert.equal(first, "GET flaky");
    assert.match(second!, /^GET flaky bytes=[1-9]\d*-$/);
    fetchFile("stubborn", "stubborn.bin", { md5: md5(big) });
    assert.ok(fs.readFileSync(at("stubborn.bin")).equals(big));
    await server.requests();
  });

  test("what an earlier run left goes on, or is thrown away when it is of something else", async () => {
    write(folder, "rest.bin.part", big.subarray(0, 1_000_000));
    fetchFile("big", "rest.bin", { md5: md5(big) });
    assert.deepEqual(await server.requests(), ["GET big bytes=1000000-"]);
    write(folder, "other.bin.part", randomBytes(1_000_000));
    fetchFile("big", "other.bin", { md5: md5(big) });
    assert.ok(fs.readFileSync(at("other.bin")).equals(big));
    write(folder, "whole.bin.part", small);
    fetchFile("small", "whole.bin", { md5: md5(small) });
    assert.ok(fs.readFileSync(at("whole.bin")).equals(small));
    await server.requests();
  });

  test("a wrong checksum, a missing file, too many bytes", () => {
    assert.throws(() => fetchFile("small", "bad.bin", { md5: md5(big) }), (error) => {
      assert.ok(error instanceof RuntimeError);
      return error.message.includes(md5(small)) && error.message.includes(md5(big));
    }); // prettier-ignore
    assert.throws(() => fetchFile("gone", "bad.bin"), /gone: the server answers 404/);
    assert.throws(() => fetchFile("big", "bad.bin", { maxBytes: 1000 }), /larger than the 1000 bytes/);
    assert.throws(() => download({ urls: ["ftp://127.0.0.1/x"] }, at("bad.bin")), ValueError);
    assert.ok(!fs.existsSync(at("bad.bin")));
  });

  test("the next address is tried when one fails", () => {
    download({ urls: [`${server.url}gone`, `${server.url}small`] }, at("second.bin"));
    assert.ok(fs.readFileSync(at("second.bin")).equals(small));
  });

  test("MNIST fetches what is missing, only when asked", async () => {
    class Served<X, Y> extends datasets.MNIST<X, Y> {
      static override readonly mirrors = [server.url];
      static override readonly resources = Object.fromEntries(
        Object.entries(digits).map(([name, bytes]) => [name, md5(bytes)]),
      );
    }
    await server.requests();
    assert.throws(() => new Served(folder), /download: true/);
    assert.deepEqual(await server.requests(), []);
    const set = new Served(folder, { download: true });
    assert.deepEqual([...set.targets], [7, 1]);
    assert.deepEqual((await server.requests()).length, 2);
    assert.equal(new Served(folder).length, 2);
  });

  test("CIFAR10 unpacks its archive's own files and nothing else", () => {
    class Served<X, Y> extends datasets.CIFAR10<X, Y> {
      static override readonly layout = {
        ...datasets.CIFAR10.layout,
        archive: { url: `${server.url}cifar-10-binary.tar.gz`, md5: md5(cifar) },
      };
    }
    const set = new Served(at("cifar"), { download: true });
    assert.deepEqual([...set.targets], [1, 2, 3, 4, 5]);
    assert.equal(set.classes[1], "automobile");
    assert.equal(new Served(at("cifar"), false).length, 2);
    assert.ok(!fs.existsSync(at("outside.txt")) && !fs.existsSync(at("cifar/outside.txt")));
    assert.equal(fs.readdirSync(at("cifar/cifar-10-batches-bin")).length, 7);
  });
});
