/** From the form's texts to a layer, its sizes and the sums behind them. Pure. */
import {
  conv2dPadding,
  conv2dShape,
  convMacs,
  convParameterCount,
  kernelExtent,
  maxPool2dShape,
  poolWindows,
  unreadAtEnd,
} from "../../runtime/inspect/arithmetic.js";
import type { ImageShape, Pair } from "../../runtime/inspect/arithmetic.js";
import type { Conv2dSettings, LayerSettings } from "../shared/protocol.js";

export type LayerKind = LayerSettings["kind"];

/** What the form holds, as typed. */
export interface Fields {
  readonly kind: LayerKind;
  readonly batch: string;
  readonly channels: string;
  readonly height: string;
  readonly width: string;
  readonly outChannels: string;
  readonly kernelSize: string;
  readonly stride: string;
  readonly padding: string;
  readonly dilation: string;
  readonly groups: string;
  readonly bias: boolean;
  readonly ceilMode: boolean;
}

export type TextFieldName = Exclude<keyof Fields, "kind" | "bias" | "ceilMode">;

export const initialFields: Readonly<Record<LayerKind, Fields>> = {
  Conv2d: {
    kind: "Conv2d",
    batch: "1",
    channels: "1",
    height: "28",
    width: "28",
    outChannels: "6",
    kernelSize: "5",
    stride: "1",
    padding: "2",
    dilation: "1",
    groups: "1",
    bias: true,
    ceilMode: false,
  },
  MaxPool2d: {
    kind: "MaxPool2d",
    batch: "1",
    channels: "6",
    height: "28",
    width: "28",
    outChannels: "6",
    kernelSize: "2",
    stride: "",
    padding: "0",
    dilation: "1",
    groups: "1",
    bias: true,
    ceilMode: false,
  },
};

/** One number, or two with anything sensible between and around: `3`, `3, 5`, `(3, 5)`, `3x5`. */
export function parsePair(text: string): Pair | undefined {
  const match = /^[[(]?\s*(-?\d+)\s*(?:[,;x×\s]\s*(-?\d+)\s*)?[\])]?$/u.exec(text.trim());
  if (match === null) return undefined;
  const first = Number(match[1]);
  return [first, match[2] === undefined ? first : Number(match[2])];
}

/** A whole number, or nothing. */
export function parseInteger(text: string): number | undefined {
  return /^\s*-?\d+\s*$/.test(text) ? Number(text) : undefined;
}

/** A pair as it is written in the form and in code: one number where both are the same. */
export function pairText([height, width]: Pair): string {
  return height === width ? String(height) : `${height}, ${width}`;
}

export interface Parsed {
  readonly settings?: LayerSettings;
  /** What is wrong with which field, as a key of the texts. */
  readonly errors: Partial<Record<TextFieldName, "notNumber" | "notPair">>;
}

/** Reads the form. There are settings exactly when there are no errors. */
export function parseFields(fields: Fields): Parsed {
  const errors: Parsed["errors"] = {};
  const integer = (name: TextFieldName) => {
    const value = parseInteger(fields[name]);
    if (value === undefined) errors[name] = "notNumber";
    return value ?? 0;
  };
  const pair = (name: TextFieldName): Pair => {
    const value = parsePair(fields[name]);
    if (value === undefined) errors[name] = "notPair";
    return value ?? [0, 0];
  };
  const input = [integer("batch"), integer("channels"), integer("height"), integer("width")] as const;
  const kernelSize = pair("kernelSize");
  const dilation = pair("dilation");
  let settings: LayerSettings;
  if (fields.kind === "Conv2d") {
    const word = fields.padding.trim().replace(/["']/g, "").toLowerCase();
    settings = {
      kind: "Conv2d",
      input,
      outChannels: integer("outChannels"),
      kernelSize,
      stride: pair("stride"),
      padding: word === "same" || word === "valid" ? word : pair("padding"),
      dilation,
      groups: integer("groups"),
      bias: fields.bias,
    };
  } else {
    settings = {
      kind: "MaxPool2d",
      input,
      kernelSize,
      stride: fields.stride.trim() === "" ? null : pair("stride"),
      padding: pair("padding"),
      dilation,
      ceilMode: fields.ceilMode,
    };
  }
  return Object.keys(errors).length === 0 ? { settings, errors } : { errors };
}

/** The form's texts for a layer. */
export function fieldsOf(settings: LayerSettings): Fields {
  const { kind, input, kernelSize, dilation } = settings;
  const [batch, channels, height, width] = input.map(String) as [string, string, string, string];
  const shared = {
    batch,
    channels,
    height,
    width,
    kernelSize: pairText(kernelSize),
    dilation: pairText(dilation),
  };
  if (kind === "MaxPool2d") {
    const { stride, padding, ceilMode } = settings;
    return {
      ...initialFields.MaxPool2d,
      ...shared,
      stride: stride === null ? "" : pairText(stride),
      padding: pairText(padding),
      ceilMode,
    };
  }
  const { outChannels, stride, padding, groups, bias } = settings;
  return {
    ...initialFields.Conv2d,
    ...shared,
    outChannels: String(outChannels),
    stride: pairText(stride),
    padding: typeof padding === "string" ? padding : pairText(padding),
    groups: String(groups),
    bias,
  };
}

/** One axis of the layer: all that size, formula and picture need. */
export interface AxisGeometry {
  readonly input: number;
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
  readonly after: number;
  readonly dilation: number;
  readonly ceil: boolean;
  readonly output: number;
  /** Positions at the end of the padded input that nothing reads. */
  readonly unread: number;
  /** How far ceil mode's last window reaches over the padded input's end. */
  readonly beyond: number;
  /** Ceil mode had a window more, which would have started in the right padding. */
  readonly dropped: boolean;
}

export interface Solution {
  readonly output: ImageShape;
  readonly axes: readonly [AxisGeometry, AxisGeometry];
  readonly parameters: number;
  readonly macs: number;
}

/** Padding before and after, rows and columns. */
function paddings(settings: LayerSettings): readonly [Pair, Pair] {
  if (settings.kind === "Conv2d") return conv2dPadding(settings);
  const [rows, columns] = settings.padding;
  return [
    [rows, rows],
    [columns, columns],
  ];
}

/** The stride in effect: a pool without one steps by its kernel. */
export function strideOf(settings: LayerSettings): Pair {
  return settings.stride ?? settings.kernelSize;
}

/** Sizes, counts and geometry of a layer. Throws PyTorch's error where it would. */
export function solve(settings: LayerSettings): Solution {
  const { input, kernelSize, dilation } = settings;
  const stride = strideOf(settings);
  const output =
    settings.kind === "Conv2d"
      ? conv2dShape(input, settings)
      : maxPool2dShape(input, { ...settings, stride });
  const padding = paddings(settings);
  const ceil = settings.kind === "MaxPool2d" && settings.ceilMode;
  const axis = (i: 0 | 1): AxisGeometry => {
    const [size, out] = [input[2 + i]!, output[2 + i]!];
    const [before, after] = padding[i];
    const [kernel, step, gap] = [kernelSize[i], stride[i], dilation[i]];
    const end = (out - 1) * step + kernelExtent(kernel, gap);
    return {
      input: size,
      kernel,
      stride: step,
      before,
      after,
      dilation: gap,
      ceil,
      output: out,
      unread: unreadAtEnd(size, kernel, step, padding[i], gap, out),
      beyond: Math.max(0, end - (size + before + after)),
      dropped: ceil && poolWindows(size, kernel, step, before, gap, true) > out,
    };
  };
  const axes = [axis(0), axis(1)] as const;
  if (settings.kind === "MaxPool2d") return { output, axes, parameters: 0, macs: 0 };
  const { outChannels, groups, bias } = settings;
  return {
    output,
    axes,
    parameters: convParameterCount(input[1], outChannels, kernelSize, groups, bias),
    macs: convMacs(output, input[1], kernelSize, groups),
  };
}

/** The layer as code, by the calling rule: what differs from the defaults in one options object. */
export function layerCode(settings: LayerSettings): string {
  const pair = (value: Pair) => (value[0] === value[1] ? String(value[0]) : `[${value.join(", ")}]`);
  const options: string[] = [];
  const option = (name: string, value: Pair, usual: string) => {
    if (pair(value) !== usual) options.push(`${name}: ${pair(value)}`);
  };
  let positional: string;
  if (settings.kind === "Conv2d") {
    const { input, outChannels, kernelSize, stride, padding, dilation, groups, bias } = settings;
    positional = `${input[1]}, ${outChannels}, ${pair(kernelSize)}`;
    option("stride", stride, "1");
    if (padding === "same") options.push('padding: "same"');
    else if (padding !== "valid") option("padding", padding, "0");
    option("dilation", dilation, "1");
    if (groups !== 1) options.push(`groups: ${groups}`);
    if (!bias) options.push("bias: false");
  } else {
    const { kernelSize, stride, padding, dilation, ceilMode } = settings;
    positional = pair(kernelSize);
    if (stride !== null) option("stride", stride, pair(kernelSize));
    option("padding", padding, "0");
    option("dilation", dilation, "1");
    if (ceilMode) options.push("ceilMode: true");
  }
  const rest = options.length === 0 ? "" : `, { ${options.join(", ")} }`;
  return `new nn.${settings.kind}(${positional}${rest})`;
}

export interface Formula {
  /** With names. */
  readonly general: string;
  /** With this layer's numbers, and the result. */
  readonly numbers: string;
}

/** The output size of one axis, as a formula and as a sum. */
export function sizeFormula(axis: AxisGeometry, letter: "H" | "W"): Formula {
  const { input, kernel, stride, before, after, dilation, ceil, output, dropped } = axis;
  const [open, close] = ceil ? ["⌈", "⌉"] : ["⌊", "⌋"];
  const evenly = before === after;
  const padding = evenly ? `2·${before}` : `${before} + ${after}`;
  const result = dropped ? `${output + 1} → ${output}` : String(output);
  return {
    general:
      `${open}(${letter} + ${evenly ? "2·padding" : "before + after"} − dilation·(kernel − 1) − 1) / ` +
      `stride${close} + 1`,
    numbers: `${open}(${input} + ${padding} − ${dilation}·(${kernel} − 1) − 1) / ${stride}${close} + 1 = ${result}`,
  };
}

/** Parameters and multiply-accumulates of a convolution, as formulas and as sums. */
export function countFormulas(
  settings: Conv2dSettings,
  solution: Solution,
  count: (value: number) => string,
): { readonly parameters: Formula; readonly macs: Formula } {
  const { input, outChannels, kernelSize, groups, bias } = settings;
  const [batch, , height, width] = solution.output;
  const taps = `${groups === 1 ? input[1] : `(${input[1]} / ${groups})`}·${kernelSize[0]}·${kernelSize[1]}`;
  return {
    parameters: {
      general: `out·(in / groups)·kH·kW${bias ? " + out" : ""}`,
      numbers: `${outChannels}·${taps}${bias ? ` + ${outChannels}` : ""} = ${count(solution.parameters)}`,
    },
    macs: {
      general: "N·out·Hₒᵤₜ·Wₒᵤₜ·(in / groups)·kH·kW",
      numbers: `${batch}·${outChannels}·${height}·${width}·${taps} = ${count(solution.macs)}`,
    },
  };
}

/** The numbers in a text, each changed by a step: what arrow keys do in a field. */
export function stepNumbers(text: string, step: number): string {
  return text.replace(/-?\d+/g, (number) => String(Number(number) + step));
}
