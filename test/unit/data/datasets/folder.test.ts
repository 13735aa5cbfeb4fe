import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { suite, test } from "node:test";
import zlib from "node:zlib";
import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import {
  data,
  datasets,
  FileNotFoundError,
  NotImplementedError,
  transforms,
  ValueError,
} from "../../../../runtime/index.js";
import { temporaryFolder, write } from "../files.js";

const folder = temporaryFolder();

/** A PNG whose pixels count upwards. */
function png(width: number, height: number, colorType: 0 | 2 | 4 | 6): Buffer {
  const channels = { 0: 1, 2: 3, 4: 2, 6: 4 }[colorType];
  const picture = new PNG({ width, height });
  picture.data = Buffer.from(Array.from({ length: width * height * channels }, (_, i) => i));
  return PNG.sync.write(picture, { colorType, inputColorType: colorType, inputHasAlpha: channels % 2 === 0 });
}

function chunk(type: string, body: Uint8Array): Buffer {
  const out = Buffer.alloc(12 + body.length);
  out.writeUInt32BE(body.length, 0);
  out.write(type, 4, "latin1");
  out.set(body, 8);
  out.writeUInt32BE(crc(out.subarray(4, 8 + body.length)), 8 + body.length);
  return out;
}

function crc(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return (c ^ 0xffffffff) >>> 0;
}

/** A PNG of any header and data. */
function rawPng(width: number, height: number, interlaced: boolean, pixels: Uint8Array): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, interlaced ? 1 : 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", zlib.deflateSync(pixels)),
    chunk("IEND", new Uint8Array()),
  ]);
}

const flatJpeg = (): Buffer =>
  jpeg.encode({ width: 9, height: 5, data: Buffer.alloc(9 * 5 * 4, Buffer.from([200, 100, 50, 255])) }, 95)
    .data;

suite("pictures in files", () => {
  test("PNG: grey, colour, opacity", () => {
    for (const [type, mode, bytes] of [
      [0, "L", [0, 1, 2, 3, 4, 5]],
      [2, "RGB", [0, 1, 2, 3, 4, 5]],
      [6, "RGBA", [0, 1, 2, 3, 4, 5]],
    ] as const) {
      const image = data.Image.open(write(folder, "a.png", png(3, 2, type)));
      assert.deepEqual(
        [image.mode, image.width, image.height, [...image.data.subarray(0, 6)]],
        [mode, 3, 2, [...bytes]],
      );
    }
  });

  test("PNG: interlaced", () => {
    // One pixel: one pass, a filter byte and the pixel.
    assert.deepEqual([...data.Image.decode(rawPng(1, 1, true, Uint8Array.of(0, 77))).data], [77]);
  });

  test("JPEG, within what its losses allow", () => {
    const image = data.Image.open(write(folder, "a.jpg", flatJpeg()));
    assert.deepEqual([image.mode, image.width, image.height], ["RGB", 9, 5]);
    [200, 100, 50].forEach((value, c) => assert.ok(Math.abs(image.data[c]! - value) <= 4));
  });

  test("damaged, oversized and other pictures are refused, by name", () => {
    const bad: [Buffer, RegExp][] = [
      [Buffer.from("hello"), /bad.* is no PNG or JPEG/],
      [png(3, 2, 2).subarray(0, 45), /bad.* cannot be read as a picture/],
      [flatJpeg().subarray(0, 300), /bad.* cannot be read as a picture/],
      [rawPng(60000, 60000, false, new Uint8Array(10)), /60000 × 60000 pixels/],
      [rawPng(8, 8, true, new Uint8Array(1 << 20)), /cannot be read as a picture/],
      [rawPng(0, 8, false, new Uint8Array(10)), /no pixels/],
    ];
    for (const [bytes, message] of bad) {
      const file = write(folder, "bad", bytes);
      assert.throws(
        () => data.Image.open(file),
        (error: unknown) => error instanceof ValueError && message.test(error.message),
        String(message),
      );
    }
    assert.throws(() => data.Image.decode(Buffer.from("GIF89a")), NotImplementedError);
    assert.throws(() => data.Image.open(path.join(folder, "none.png")), FileNotFoundError);
  });
});

suite("ImageFolder", () => {
  const root = path.join(folder, "root");
  write(root, "dog/b.PNG", png(3, 2, 0));
  write(root, "dog/a.png", png(3, 2, 6));
  write(root, "cat/z/1.jpeg", flatJpeg());
  write(root, "cat/y.jpg", flatJpeg());
  write(root, "cat/readme.txt", "no picture");
  write(root, "Ant/1.png", png(3, 2, 2));
  write(root, "loose.png", png(3, 2, 2));

  test("classes and samples in torchvision's order", () => {
    const set = new datasets.ImageFolder(root);
    assert.deepEqual(set.classes, ["Ant", "cat", "dog"]);
    assert.deepEqual({ ...set.classToIdx }, { Ant: 0, cat: 1, dog: 2 });
    assert.deepEqual(
      set.samples.map(([file, label]) => [path.relative(root, file), label]),
      [
        ["Ant/1.png", 0],
        ["cat/y.jpg", 1],
        ["cat/z/1.jpeg", 1],
        ["dog/a.png", 2],
        ["dog/b.PNG", 2],
      ],
    );
    assert.deepEqual([set.targets, set.length], [[0, 1, 1, 2, 2], 5]);
  });

  test("pictures come in RGB, and go through transforms", () => {
    const set = new datasets.ImageFolder(root, { transform: new transforms.ToTensor() });
    assert.deepEqual(set.at(4)[0].shape, [3, 2, 3]);
    const grey = new datasets.ImageFolder(root).at(4)[0];
    assert.deepEqual([grey.mode, ...grey.data.subarray(3, 6)], ["RGB", 1, 1, 1]);
  });

  test("links in circles come to an end", () => {
    fs.symlinkSync(path.join(root, "dog"), path.join(root, "dog", "self"));
    assert.equal(new datasets.ImageFolder(root).length, 5);
    fs.rmSync(path.join(root, "dog", "self"));
  });

  test("what is missing or not read is said", () => {
    assert.throws(() => new datasets.ImageFolder(path.join(folder, "none")), FileNotFoundError);
    fs.mkdirSync(path.join(root, "empty"));
    assert.throws(() => new datasets.ImageFolder(root), /no valid file for the classes empty\. Supported/);
    assert.equal(new datasets.ImageFolder(root, { allowEmpty: true }).classes.length, 4);
    write(root, "empty/1.webp", "RIFF");
    assert.throws(() => new datasets.ImageFolder(root), NotImplementedError);
    const set = new datasets.ImageFolder(root, { loader: () => new data.Image(Uint8Array.of(9), 1, 1) });
    assert.deepEqual([...set.at(-1)[0].data], [9]);
    assert.deepEqual(
      new datasets.ImageFolder(root, { isValidFile: (f) => f.endsWith("webp"), allowEmpty: true }).length,
      1,
    );
    fs.rmSync(path.join(root, "empty"), { recursive: true });
  });

  test("a picture that cannot be read names its file and its index", () => {
    write(root, "cat/a.png", "broken");
    const loader = new data.DataLoader(new datasets.ImageFolder(root), {
      collateFn: (batch: unknown[]) => batch,
    });
    assert.throws(() => [...loader], /a\.png is no PNG or JPEG.*\(while reading sample 1 of the data set\)/);
    fs.rmSync(path.join(root, "cat/a.png"));
  });
});
