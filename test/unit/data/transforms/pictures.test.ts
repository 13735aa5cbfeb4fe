import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { data, torch, transforms, ValueError } from "../../../../runtime/index.js";

const { Image } = data;
const grey = (width: number, ...pixels: number[]): data.Image =>
  new Image(Uint8Array.from(pixels), width, pixels.length / width);
const numbered = (width: number, height: number): data.Image =>
  grey(width, ...Array.from({ length: width * height }, (_, i) => i));
const rows = ({ data: pixels, width, channels }: data.Image): number[][] =>
  Array.from({ length: pixels.length / (width * channels) }, (_, y) => [
    ...pixels.subarray(y * width * channels, (y + 1) * width * channels),
  ]);

suite("transforms that move pixels", () => {
  test("CenterCrop and Pad", () => {
    assert.deepEqual(rows(new transforms.CenterCrop(2)(numbered(4, 4))), [[5, 6], [9, 10]]); // prettier-ignore
    assert.deepEqual(rows(new transforms.CenterCrop([1, 3])(grey(1, 7))), [[0, 7, 0]]);
    assert.deepEqual(rows(new transforms.Pad([1, 0, 2, 1], { fill: 9 })(grey(1, 7))), [[9, 7, 9, 9], [9, 9, 9, 9]]); // prettier-ignore
    assert.deepEqual(new transforms.Pad(2)(numbered(3, 1)).height, 5);
    assert.throws(() => new transforms.Pad([1, 2, 3]), ValueError);
  });

  test("Resize keeps the proportions, or takes height and width", () => {
    const wide = numbered(12, 6);
    const size = (image: data.Image): number[] => [image.height, image.width];
    assert.deepEqual(size(new transforms.Resize(3)(wide)), [3, 6]);
    assert.deepEqual(size(new transforms.Resize([5, 4])(wide)), [5, 4]);
    assert.deepEqual(size(new transforms.Resize(3, { maxSize: 4 })(wide)), [2, 4]);
    // The filter widens when a picture shrinks: (3·0 + 3·80 + 1·160) / 7.
    assert.deepEqual(rows(new transforms.Resize([1, 2])(grey(4, 0, 80, 160, 240))), [[57, 183]]);
    assert.deepEqual(rows(new transforms.Resize([1, 4])(grey(2, 0, 200))), [[0, 50, 150, 200]]);
    assert.deepEqual(rows(new transforms.Resize([1, 4], { interpolation: "nearest" })(grey(2, 0, 200))), [[0, 0, 200, 200]]); // prettier-ignore
    const flat = grey(5, ...Array<number>(25).fill(77));
    for (const interpolation of ["nearest", "bilinear", "bicubic"] as const) {
      assert.ok(new transforms.Resize([9, 3], { interpolation })(flat).data.every((v) => v === 77));
    }
    assert.throws(() => new transforms.Resize(0), ValueError);
    assert.throws(() => new transforms.Resize(3, { interpolation: "lanczos" as never }), ValueError);
  });

  test("Resize agrees with PyTorch's antialiased interpolation", () => {
    // F.interpolate((torch.arange(35.) ** 2 % 255).view(1, 1, 5, 7), size=…, mode=…, antialias=True).round()
    const image = grey(7, ...Array.from({ length: 35 }, (_, i) => i ** 2 % 255));
    const near = (actual: number[][], expected: number[][]): void =>
      actual.forEach((row, y) =>
        row.forEach((v, x) => {
          assert.ok(Math.abs(v - expected[y]![x]!) <= 1, `${v} for ${expected[y]![x]} at ${y}, ${x}`);
        }),
      );
    near(rows(new transforms.Resize([3, 4])(image)), [
      [25, 38, 60, 84],
      [167, 65, 88, 146],
      [112, 112, 88, 140],
    ]);
    near(rows(new transforms.Resize([3, 4], { interpolation: "bicubic" })(image)), [
      [18, 37, 59, 83],
      [185, 58, 87, 158],
      [114, 115, 84, 141],
    ]);
    near([rows(new transforms.Resize([8, 9])(image))[3]!], [[150, 166, 109, 32, 55, 78, 103, 129, 152]]);
  });

  test("FiveCrop and TenCrop: corners, the middle, and those of the mirror image", () => {
    const five = new transforms.FiveCrop(1)(numbered(3, 3));
    assert.deepEqual(five.map(rows), [[[0]], [[2]], [[6]], [[8]], [[4]]]);
    const first = (all: data.Image[]): number[] => all.map(({ data: pixels }) => pixels[0]!);
    assert.deepEqual(first(new transforms.TenCrop(2)(numbered(3, 3))), [0, 1, 3, 4, 0, 2, 1, 5, 4, 2]);
    assert.deepEqual(
      first(new transforms.TenCrop(1, { verticalFlip: true })(numbered(3, 3))).slice(5),
      [6, 8, 0, 2, 4],
    );
    assert.throws(() => new transforms.FiveCrop(4)(numbered(3, 3)), /bigger than input size \[3, 3\]/);
  });

  test("flips", () => {
    const colour = new Image(Uint8Array.of(1, 2, 3, 4, 5, 6), 2, 1, "RGB");
    assert.deepEqual(rows(new transforms.RandomHorizontalFlip(1)(colour)), [[4, 5, 6, 1, 2, 3]]);
    assert.deepEqual(rows(new transforms.RandomVerticalFlip(1)(numbered(1, 3))), [[2], [1], [0]]);
    assert.equal(new transforms.RandomVerticalFlip(0)(colour), colour);
    assert.throws(() => new transforms.RandomHorizontalFlip(1.5), ValueError);
  });

  test("a quarter turn moves every pixel to its place", () => {
    const turned = new transforms.RandomRotation([90, 90])(numbered(3, 3));
    assert.deepEqual(rows(turned), [[2, 5, 8], [1, 4, 7], [0, 3, 6]]); // prettier-ignore
    const half = new transforms.RandomRotation([180, 180], { interpolation: "bilinear" })(numbered(3, 2));
    assert.deepEqual(rows(half), [[5, 4, 3], [2, 1, 0]]); // prettier-ignore
    assert.throws(() => new transforms.RandomRotation(-3), ValueError);
  });

  test("RandomAffine scales about the middle, moves by whole pixels, fills", () => {
    const twice = new transforms.RandomAffine([0, 0], { scale: [2, 2] })(numbered(4, 4));
    assert.deepEqual(rows(twice), [[5, 5, 6, 6], [5, 5, 6, 6], [9, 9, 10, 10], [9, 9, 10, 10]]); // prettier-ignore
    torch.manualSeed(1);
    const moved = new transforms.RandomAffine([0, 0], { translate: [0.5, 0], fill: 99 })(numbered(8, 1));
    const shift = moved.data.indexOf(0);
    const expected = Array.from({ length: 8 }, (_, x) => x - shift);
    if (shift >= 0) assert.deepEqual([...moved.data], expected.map((x) => (x < 0 ? 99 : x))); // prettier-ignore
    const sheared = new transforms.RandomAffine([0, 0], { shear: [45, 45] })(numbered(5, 5));
    assert.equal(sheared.data[12], 12);
    assert.throws(() => new transforms.RandomAffine(0, { translate: [2, 0] }), ValueError);
  });

  test("random crops: what fits, where chance says, the same for the same seed", () => {
    const image = numbered(15, 15);
    const crop = new transforms.RandomCrop(4);
    const runs = [7, 7, 8].map((seed) => {
      torch.manualSeed(seed);
      return Array.from({ length: 5 }, () => rows(crop(image)));
    });
    assert.deepEqual(runs[0], runs[1]);
    assert.notDeepEqual(runs[0], runs[2]);
    torch.manualSeed(7);
    const top = torch.randint(0, 12, [1]).item();
    const left = torch.randint(0, 12, [1]).item();
    assert.equal(runs[0]![0]![0]![0], top * 15 + left);
    assert.throws(() => crop(numbered(3, 9)), ValueError);
    assert.equal(new transforms.RandomCrop(4, { padIfNeeded: true })(numbered(3, 9)).width, 4);
    const part = new transforms.RandomResizedCrop(6, { scale: [0.2, 0.5] })(image);
    assert.deepEqual([part.width, part.height], [6, 6]);
  });
});

suite("transforms that change colours", () => {
  const colour = new Image(Uint8Array.of(200, 100, 50, 10, 10, 10), 2, 1, "RGB");

  test("negatives, fewer bits, no colours: by chance, opacity untouched", () => {
    const image = new Image(Uint8Array.from([10, 100, 200, 77, 0, 128, 255, 78]), 2, 1, "RGBA");
    const of = (transform: (image: data.Image) => data.Image): number[] => rows(transform(image))[0]!;
    assert.deepEqual(of(new transforms.RandomInvert(1)), [245, 155, 55, 77, 255, 127, 0, 78]);
    assert.deepEqual(of(new transforms.RandomPosterize(2, { p: 1 })), [0, 64, 192, 77, 0, 128, 192, 78]);
    assert.deepEqual(of(new transforms.RandomSolarize(128, 1)), [10, 100, 55, 77, 0, 127, 0, 78]);
    assert.deepEqual(of(new transforms.RandomGrayscale(1)), [84, 84, 84, 77, 104, 104, 104, 78]);
    for (const never of [new transforms.RandomInvert(0), new transforms.RandomGrayscale(0)]) {
      assert.equal(never(image), image);
    }
    assert.throws(() => new transforms.RandomInvert(2), ValueError);
    assert.throws(() => new transforms.RandomPosterize(9), ValueError);
  });

  test("Grayscale weighs the colours as eyes do", () => {
    assert.deepEqual(rows(new transforms.Grayscale()(colour)), [[124, 10]]);
    assert.deepEqual(rows(new transforms.Grayscale(3)(colour)), [[124, 124, 124, 10, 10, 10]]);
  });

  test("ColorJitter: brightness, contrast, saturation and hue", () => {
    const jitter = (options: object): number[] => [...new transforms.ColorJitter(options)(colour).data];
    assert.deepEqual(jitter({}), [...colour.data]);
    assert.deepEqual(jitter({ brightness: [0.5, 0.5] }), [100, 50, 25, 5, 5, 5]);
    assert.deepEqual(jitter({ brightness: [2, 2] }), [255, 200, 100, 20, 20, 20]);
    assert.deepEqual(jitter({ contrast: [0, 0] }), Array(6).fill(67));
    assert.deepEqual(jitter({ saturation: [0, 0] }), [124, 124, 124, 10, 10, 10]);
    // A third of the circle: red becomes green, green blue, blue red.
    assert.deepEqual(jitter({ hue: [1 / 3, 1 / 3] }), [50, 200, 100, 10, 10, 10]);
    assert.throws(() => new transforms.ColorJitter({ hue: 0.7 }), ValueError);
    assert.throws(() => new transforms.ColorJitter({ brightness: -1 }), ValueError);
  });

  test("GaussianBlur keeps flat pictures and the sum of a point", () => {
    const flat = grey(4, ...Array<number>(16).fill(50));
    assert.deepEqual(new transforms.GaussianBlur(3)(flat).data, flat.data);
    const point = new transforms.GaussianBlur(3, { sigma: 1 })(grey(3, 0, 0, 0, 0, 255, 0, 0, 0, 0));
    assert.equal(point.data[4], 52);
    assert.throws(() => new transforms.GaussianBlur(4), ValueError);
  });
});

suite("transforms made of others, and of tensors", () => {
  test("RandomApply, RandomChoice, RandomOrder", () => {
    const plus = (n: number): number => n + 1;
    const twice = (n: number): number => n * 2;
    assert.equal(new transforms.RandomApply([plus, twice], { p: 1 })(3), 8);
    assert.equal(new transforms.RandomApply([plus, twice], { p: 0 })(3), 3);
    assert.ok([4, 6].includes(new transforms.RandomChoice([plus, twice])(3)));
    assert.ok([8, 7].includes(new transforms.RandomOrder([plus, twice])(3)));
  });

  test("PILToTensor keeps the numbers", () => {
    const t = new transforms.PILToTensor()(new Image(Uint8Array.from([1, 2, 3, 4, 5, 6]), 2, 1, "RGB"));
    assert.deepEqual([t.tolist(), t.dtype], [[[[1, 4]], [[2, 5]], [[3, 6]]], torch.uint8]);
  });

  test("ToPILImage is the way back from ToTensor", () => {
    const image = new Image(
      Uint8Array.from({ length: 60 }, (_, i) => i * 4),
      5,
      4,
      "RGB",
    );
    const back = new transforms.ToPILImage()(new transforms.ToTensor()(image));
    assert.deepEqual([back.mode, back.width, back.height, [...back.data]], ["RGB", 5, 4, [...image.data]]);
    assert.throws(() => new transforms.ToPILImage()(torch.zeros(2, 3, 3)), ValueError);
  });

  test("RandomErasing overwrites one rectangle", () => {
    torch.manualSeed(0);
    const x = torch.ones(2, 10, 10);
    const erased = new transforms.RandomErasing({ p: 1, scale: [0.1, 0.1], ratio: [1, 1] })(x);
    assert.equal(erased.sum().item(), 200 - 2 * 9);
    assert.equal(x.sum().item(), 200);
    assert.equal(new transforms.RandomErasing({ p: 0 })(x), x);
  });
});
