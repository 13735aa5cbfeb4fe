/** Figures of a training for TensorBoard. @see https://pytorch.org/docs/stable/tensorboard.html */
import * as os from "node:os";
import * as path from "node:path";
import { AssertionError, NotImplementedError } from "../../errors.js";
import type { SummaryValue } from "../../events/event.js";
import { EventFileWriter } from "../../events/file.js";
import type { Module } from "../../nn/module.js";
import { bound } from "../../ops/arguments.js";
import type { CallArgs } from "../../ops/schema.js";
import { Tensor } from "../../tensor/tensor.js";
import { encodeAudio } from "./audio.js";
import { writeEmbedding } from "./embedding.js";
import { encodeGraph, traceGraph } from "./graph.js";
import { makeHistogram, type Bins } from "./histogram.js";
import { hparamSummaries, type HParam } from "./hparams.js";
import { encodeImage, toPixels } from "./image.js";
import { numbersOf } from "./numbers.js";

const signatures = {
  writer:
    "SummaryWriter(str? log_dir=None, str comment='', int? purge_step=None, int max_queue=10, float flush_secs=120, str filename_suffix='') -> any",
  scalar:
    "add_scalar(int? global_step=None, float? walltime=None, bool new_style=False, bool double_precision=False) -> any",
  step: "add(int? global_step=None, float? walltime=None) -> any",
  histogram:
    "add_histogram(int? global_step=None, any bins='tensorflow', float? walltime=None, int? max_bins=None) -> any",
  image: "add_image(int? global_step=None, float? walltime=None, str dataformats='CHW') -> any",
  images: "add_images(int? global_step=None, float? walltime=None, str dataformats='NCHW') -> any",
  audio: "add_audio(int? global_step=None, int sample_rate=44100, float? walltime=None) -> any",
  graph: "add_graph(any input_to_model=None, bool verbose=False) -> any",
  hparams: "add_hparams(any hparam_domain_discrete=None, str? run_name=None, int? global_step=None) -> any",
  embedding:
    "add_embedding(any metadata=None, Tensor? label_img=None, int? global_step=None, str tag='default', any metadata_header=None) -> any",
} as const;

/** A number, however it is given. */
function numberOf(value: number | Tensor, tag: string): number {
  if (typeof value === "number") return value;
  if (!(value instanceof Tensor))
    throw new TypeError(`${tag}: a scalar is a number or a tensor of one element`);
  if (value.numel() !== 1) {
    throw new AssertionError(
      `Tensor should contain one element (0 dimensions). Was given size: ${String(value.numel())} and ${String(value.ndim)} dimensions.`,
    );
  }
  return Number(value.item());
}

/** `Nov25_06-14-09_host`. */
function runName(): string {
  const now = new Date();
  const part = (n: number): string => String(n).padStart(2, "0");
  const month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const day = `${month[now.getMonth()]}${part(now.getDate())}`;
  return `${day}_${part(now.getHours())}-${part(now.getMinutes())}-${part(now.getSeconds())}_${os.hostname()}`;
}

const none = (name: string, instead: string): never => {
  throw new NotImplementedError(`SummaryWriter.${name} is not implemented; ${instead}`);
};

/**
 * Writes event files that TensorBoard and the curves view open: `writer.addScalar("loss/train", loss, step)`. Each call
 * is in the file when it returns, so curves grow live, and a run that is killed loses nothing of what it wrote.
 *
 * Without `logDir` the folder is `runs/<time>_<host><comment>`. `purgeStep` says that a run goes on from there: points
 * from this step on that were written before are void. `maxQueue` is accepted and without effect, since nothing waits.
 * @see https://pytorch.org/docs/stable/tensorboard.html#torch.utils.tensorboard.writer.SummaryWriter
 */
export class SummaryWriter {
  /** The folder. */
  readonly logDir: string;
  readonly #options: { readonly flushSecs: number; readonly filenameSuffix: string };
  readonly #others = new Map<string, EventFileWriter>();
  #purgeStep: number | null;
  #file: EventFileWriter | undefined;

  constructor(...args: CallArgs<(typeof signatures)["writer"]>) {
    const o = bound(signatures.writer, args);
    this.logDir = o.logDir === null || o.logDir === "" ? path.join("runs", runName() + o.comment) : o.logDir;
    this.#options = { flushSecs: o.flushSecs, filenameSuffix: o.filenameSuffix };
    this.#purgeStep = o.purgeStep;
    this.#writer();
  }

  /** The folder that the event files are in. */
  getLogdir(): string {
    return this.logDir;
  }

  /** A closed writer goes on in a new file. */
  #writer(): EventFileWriter {
    if (this.#file === undefined) {
      this.#file = new EventFileWriter(this.logDir, this.#options);
      if (this.#purgeStep !== null) {
        const step = this.#purgeStep;
        const wallTime = Date.now() / 1000;
        this.#file.add({ wallTime, step, fileVersion: "brain.Event:2" });
        this.#file.add({ wallTime, step, start: true });
        this.#purgeStep = null;
      }
    }
    return this.#file;
  }

  #add(value: SummaryValue, step: number | null, walltime: number | null, file = this.#writer()): void {
    file.add({ wallTime: walltime ?? Date.now() / 1000, step: step ?? 0, values: [value] });
  }

  /**
   * A point of the curve `tag`. A tensor of one element is read.
   * @param args `globalStep`, `walltime` (seconds), `newStyle` (as a tensor), `doublePrecision`.
   * @throws AssertionError for a tensor of several elements.
   */
  addScalar(
    tag: string,
    scalarValue: number | Tensor,
    ...args: CallArgs<(typeof signatures)["scalar"]>
  ): void {
    const { globalStep, walltime, newStyle, doublePrecision } = bound(signatures.scalar, args);
    const value = numberOf(scalarValue, tag);
    const summary: SummaryValue = newStyle
      ? { tag, plugin: "scalars", tensor: { shape: [], numbers: [value], double: doublePrecision } }
      : { tag, simpleValue: value };
    this.#add(summary, globalStep, walltime);
  }

  /** Points of several curves in one picture; each is a run of its own, `logDir/mainTag_tag`. */
  addScalars(
    mainTag: string,
    tagScalarDict: Readonly<Record<string, number | Tensor>>,
    ...args: CallArgs<(typeof signatures)["step"]>
  ): void {
    const { globalStep, walltime } = bound(signatures.step, args);
    const time = walltime ?? Date.now() / 1000;
    for (const [tag, scalar] of Object.entries(tagScalarDict)) {
      const folder = `${mainTag.replaceAll("/", "_")}_${tag.replaceAll(/[/\\]/g, "_")}`;
      let file = this.#others.get(folder);
      if (file === undefined) {
        this.#others.set(folder, (file = new EventFileWriter(path.join(this.logDir, folder), this.#options)));
      }
      this.#add({ tag: mainTag, simpleValue: numberOf(scalar, mainTag) }, globalStep, time, file);
    }
  }

  /**
   * How the values of a tensor are distributed: `addHistogram("conv1.weight", model.conv1.weight, epoch)`.
   * @throws ValueError for no values, or NaN among them.
   */
  addHistogram(
    tag: string,
    values: Tensor | ArrayLike<number>,
    ...args: CallArgs<(typeof signatures)["histogram"]>
  ): void {
    const { globalStep, bins, walltime, maxBins } = bound(signatures.histogram, args);
    const flat = values instanceof Tensor ? numbersOf(values) : Float64Array.from(values);
    this.#add({ tag, histogram: makeHistogram(flat, bins as Bins, maxBins) }, globalStep, walltime);
  }

  /** A picture, `[C, H, W]` unless `dataformats` says otherwise; numbers in [0, 1], or bytes. */
  addImage(tag: string, imgTensor: Tensor, ...args: CallArgs<(typeof signatures)["image"]>): void {
    const { globalStep, walltime, dataformats } = bound(signatures.image, args);
    this.#add({ tag, image: encodeImage(toPixels(imgTensor, dataformats)) }, globalStep, walltime);
  }

  /** Several pictures in a grid, `[N, C, H, W]` unless `dataformats` says otherwise. */
  addImages(tag: string, imgTensor: Tensor, ...args: CallArgs<(typeof signatures)["images"]>): void {
    const { globalStep, walltime, dataformats } = bound(signatures.images, args);
    this.#add({ tag, image: encodeImage(toPixels(imgTensor, dataformats)) }, globalStep, walltime);
  }

  /** A sound, numbers in [−1, 1], one channel. */
  addAudio(tag: string, sndTensor: Tensor, ...args: CallArgs<(typeof signatures)["audio"]>): void {
    const { globalStep, sampleRate, walltime } = bound(signatures.audio, args);
    this.#add({ tag, audio: encodeAudio(sndTensor, sampleRate) }, globalStep, walltime);
  }

  /** A text; Markdown is shown as such. */
  addText(tag: string, textString: string, ...args: CallArgs<(typeof signatures)["step"]>): void {
    const { globalStep, walltime } = bound(signatures.step, args);
    const strings = [new TextEncoder().encode(textString)];
    const tensor = { shape: [1], strings };
    this.#add({ tag: `${tag}/text_summary`, plugin: "text", tensor }, globalStep, walltime);
  }

  /**
   * The graph of a forward pass, by modules: `addGraph(model, x)`; several inputs in a list. The model is called once,
   * in evaluation mode; nothing of it is computed.
   */
  addGraph(model: Module, ...args: CallArgs<(typeof signatures)["graph"]>): void {
    const { inputToModel, verbose } = bound(signatures.graph, args);
    if (inputToModel === null) throw new TypeError("addGraph: give the input too, addGraph(model, x)");
    const nodes = traceGraph(model, Array.isArray(inputToModel) ? inputToModel : [inputToModel]);
    if (verbose) {
      for (const { name, op, inputs } of nodes) console.log(`${name} = ${op}(${inputs.join(", ")})`);
    }
    this.#writer().add({ wallTime: Date.now() / 1000, graph: encodeGraph(nodes) });
  }

  /**
   * Hyperparameters of a run and what came out of them, for the HParams view. They are a run of their own in
   * `logDir/runName`, the time unless said.
   */
  addHparams(
    hparamDict: Readonly<Record<string, HParam>>,
    metricDict: Readonly<Record<string, number | Tensor>>,
    ...args: CallArgs<(typeof signatures)["hparams"]>
  ): void {
    const o = bound(signatures.hparams, args);
    for (const [name, value] of [
      ["hparamDict", hparamDict],
      ["metricDict", metricDict],
    ] as const) {
      if (typeof value !== "object" || value === null || Array.isArray(value))
        throw new TypeError(`parameter: ${name} should be a dictionary, nothing logged.`);
    }
    const domains = (o.hparamDomainDiscrete ?? {}) as Readonly<Record<string, readonly string[]>>;
    const summaries = hparamSummaries(hparamDict, Object.keys(metricDict), domains);
    const folder = path.join(this.logDir, o.runName ?? String(Date.now() / 1000));
    const file = new EventFileWriter(folder, this.#options);
    try {
      for (const summary of summaries) this.#add(summary, null, null, file);
      for (const [tag, value] of Object.entries(metricDict))
        this.#add({ tag, simpleValue: numberOf(value, tag) }, o.globalStep, null, file);
    } finally {
      file.close();
    }
  }

  /**
   * Points in a space of many dimensions, `[N, D]`, for the projector; with a label (or, under `metadataHeader`, a row of
   * them) and a picture `[N, C, H, W]` for each.
   * @throws AssertionError when their numbers differ.
   */
  addEmbedding(mat: Tensor, ...args: CallArgs<(typeof signatures)["embedding"]>): void {
    const o = bound(signatures.embedding, args);
    writeEmbedding(this.logDir, mat, o.globalStep ?? 0, o.tag, {
      metadata: o.metadata as readonly unknown[] | null,
      labelImg: o.labelImg,
      metadataHeader: o.metadataHeader as readonly string[] | null,
    });
  }

  /** @throws NotImplementedError There is no Matplotlib here. */
  addFigure(): never {
    return none("addFigure", "it is for Matplotlib's figures; give a picture to addImage");
  }

  /** @throws NotImplementedError */
  addVideo(): never {
    return none("addVideo", "give single pictures to addImages");
  }

  /** @throws NotImplementedError */
  addImageWithBoxes(): never {
    return none("addImageWithBoxes", "draw the boxes into the picture and give it to addImage");
  }

  /** @throws NotImplementedError */
  addMesh(): never {
    return none("addMesh", "TensorBoard's 3D view is not written for");
  }

  /** @throws NotImplementedError */
  addOnnxGraph(): never {
    return none("addOnnxGraph", "addGraph writes the graph of a model");
  }

  /** @throws NotImplementedError */
  addPrCurve(): never {
    return none("addPrCurve", "compute precision and recall and give them to addScalars");
  }

  /** @throws NotImplementedError */
  addCustomScalars(): never {
    return none("addCustomScalars", "addScalars draws several curves in one picture");
  }

  /** Returns when everything is on the disk. */
  flush(): void {
    this.#file?.flush();
    for (const file of this.#others.values()) file.flush();
  }

  /** Closes the files. Another `add…` would begin a new one. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
    for (const file of this.#others.values()) file.close();
    this.#others.clear();
  }

  /** At the end of a `using` block: `close`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
