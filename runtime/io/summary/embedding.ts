/** The files that TensorBoard's projector reads: vectors, what they stand for, their pictures. */
import * as fs from "node:fs";
import * as path from "node:path";
import { AssertionError } from "../../errors.js";
import type { Tensor } from "../../tensor/tensor.js";
import { writeAtomically } from "../files.js";
import { encodePng } from "../png.js";
import { toPixels } from "./image.js";
import { numbersOf } from "./numbers.js";

export interface EmbeddingExtras {
  readonly metadata: readonly unknown[] | null;
  readonly labelImg: Tensor | null;
  readonly metadataHeader: readonly string[] | null;
}

const utf8 = new TextEncoder();
/** Tabs and line ends separate fields and rows. */
const cell = (value: unknown): string => String(value).replace(/[\t\r\n]+/g, " ");
const quoted = (text: string): string => JSON.stringify(text);

function metadataTsv(metadata: readonly unknown[], header: readonly string[] | null): string {
  if (header === null || header.length === 0) return metadata.map((m) => `${cell(m)}\n`).join("");
  const rows = metadata as readonly (readonly unknown[])[];
  if (!Array.isArray(rows[0]) || rows.some((row) => row.length !== header.length)) {
    throw new AssertionError("len of header must be equal to the number of columns in metadata");
  }
  return [header, ...rows].map((row) => `${row.map(cell).join("\t")}\n`).join("");
}

/** All pictures in a square, as many across as down. */
function sprite(images: Tensor): Uint8Array {
  const across = Math.ceil(Math.sqrt(images.shape[0]!));
  const { data, width, height, channels } = toPixels(images, "NCHW", across);
  const side = new Uint8Array(width * width * channels);
  side.set(data.subarray(0, Math.min(data.length, side.length)));
  return encodePng(side, width, Math.max(height, width), channels);
}

/** Writes one embedding's files below `logDir` and adds it to the projector's list there. */
export function writeEmbedding(
  logDir: string,
  mat: Tensor,
  step: number,
  tag: string,
  { metadata, labelImg, metadataHeader }: EmbeddingExtras,
): void {
  const [rows, width] = mat.shape as [number, number];
  if (mat.ndim !== 2)
    throw new AssertionError("mat should be 2D, where mat.size(0) is the number of data points");
  if (metadata !== null && metadata.length !== rows) {
    throw new AssertionError("#labels should equal with #data points");
  }
  if (labelImg !== null && labelImg.shape[0] !== rows) {
    throw new AssertionError("#images should equal with #data points");
  }
  const number = String(step).padStart(5, "0");
  // Whatever the tag, the files stay below `logDir`.
  const sub = `${number}/${encodeURIComponent(tag).replace(/^\.+/, "_")}`;
  const folder = path.join(logDir, ...sub.split("/"));
  fs.mkdirSync(folder, { recursive: true });
  const values = numbersOf(mat);
  const lines = Array.from({ length: rows }, (_, r) =>
    Array.from({ length: width }, (_, c) => String(values[r * width + c])).join("\t"),
  );
  writeAtomically(path.join(folder, "tensors.tsv"), utf8.encode(lines.map((l) => `${l}\n`).join("")));
  const config = [
    "embeddings {",
    `tensor_name: ${quoted(`${tag}:${number}`)}`,
    `tensor_path: ${quoted(`${sub}/tensors.tsv`)}`,
  ];
  if (metadata !== null) {
    writeAtomically(path.join(folder, "metadata.tsv"), utf8.encode(metadataTsv(metadata, metadataHeader)));
    config.push(`metadata_path: ${quoted(`${sub}/metadata.tsv`)}`);
  }
  if (labelImg !== null) {
    writeAtomically(path.join(folder, "sprite.png"), sprite(labelImg));
    config.push(
      "sprite {",
      `image_path: ${quoted(`${sub}/sprite.png`)}`,
      `single_image_dim: ${String(labelImg.shape[3])}`,
      `single_image_dim: ${String(labelImg.shape[2])}`,
      "}",
    );
  }
  config.push("}");
  const list = path.join(logDir, "projector_config.pbtxt");
  const before = fs.existsSync(list) ? fs.readFileSync(list, "utf8") : "";
  writeAtomically(list, utf8.encode(`${before}${config.join("\n")}\n`));
}
