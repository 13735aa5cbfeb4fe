import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { datasets } from "tensorscope";

const side = 32;
const plane = side * side;

/** A digit in a colour of its own on a ground of another, as a CIFAR record: the label, then planes of red, green, blue. */
function writeRecord(record: Uint8Array, digit: number, ink: Uint8Array, random: () => number): void {
  const pen = [0, 1, 2].map(() => 140 + 115 * random());
  const ground = [0, 1, 2].map(() => 100 * random());
  const [left, top] = [Math.floor(5 * random()), Math.floor(5 * random())];
  record[0] = digit;
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const inside = y >= top && y < top + 28 && x >= left && x < left + 28;
        const cover = inside ? ink[(y - top) * 28 + x - left]! / 255 : 0;
        const noise = 20 * (random() - 0.5);
        const value = ground[c]! * (1 - cover) + pen[c]! * cover + noise;
        record[1 + c * plane + y * side + x] = Math.min(255, Math.max(0, Math.round(value)));
      }
    }
  }
}

/** The file of `size` records. */
function records(train: boolean, size: number): Uint8Array {
  // A linear congruential generator: the same pictures every time.
  let state = train ? 1 : 2;
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  const digits = new datasets.Digits({ train, size });
  const bytes = new Uint8Array(size * (1 + 3 * plane));
  for (let i = 0; i < size; i++) {
    const [picture, digit] = digits.at(i);
    writeRecord(bytes.subarray(i * (1 + 3 * plane), (i + 1) * (1 + 3 * plane)), digit, picture.data, random);
  }
  return bytes;
}

/**
 * Makes a folder in the binary format of CIFAR-10, with coloured digits in it, and gives its path; a folder that is
 * there stays as it is.
 */
export function drawCIFAR({ trainSize = 1_000, testSize = 200, root = "" } = {}): string {
  const place = root === "" ? mkdtempSync(join(tmpdir(), "drawn-cifar-")) : root;
  const folder = join(place, "cifar-10-batches-bin");
  if (existsSync(folder)) return place;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "data_batch_1.bin"), records(true, trainSize));
  writeFileSync(join(folder, "test_batch.bin"), records(false, testSize));
  writeFileSync(
    join(folder, "batches.meta.txt"),
    "zero one two three four five six seven eight nine".replaceAll(" ", "\n"),
  );
  return place;
}
