/** What is known of a call that failed: which layer or op, with what, written where. */
import ts from "typescript";
import type { Value } from "../../../runtime/graph/value.js";
import type { Module } from "../../../runtime/nn/module.js";
import { className, isLibraryLayer } from "../../../runtime/nn/module.js";
import { bind } from "../../../runtime/ops/bind.js";
import { failedCalls, type FailedCall } from "../../../runtime/ops/failure.js";
import { camel } from "../../../runtime/ops/schema.js";
import { Tensor } from "../../../runtime/tensor/tensor.js";
import { unwrap, type ParsedFile } from "../../../runtime/source/syntax.js";
import { argumentNode, calleeName, type Spot } from "../creation.js";

export type Dims = readonly number[];

/** An expression of the user's. */
export interface Written {
  readonly file: ParsedFile;
  readonly node: ts.Node;
}

/** Where values were made. */
export interface Makers {
  /** The call that made a value. */
  site(value: Value): Written | undefined;
  /** The innermost module it was made in. */
  module(value: Value): Module | undefined;
}

const containers = /^(Sequential|ModuleList|ModuleDict|TransformerEncoder|TransformerDecoder)$/;

export class Failing {
  readonly message: string;
  /** The innermost of the library's layers, if the call went through one. */
  readonly layer: Module | undefined;
  /** PyTorch's name of the op that the user, or the layer, called: `linear`, `cross_entropy`. */
  readonly op: string;
  /** Its arguments by option name. */
  readonly args: Readonly<Record<string, unknown>>;
  /** What people call it: `Linear`, `crossEntropy`. */
  readonly name: string;
  /** Tensors given to the layer, else to the op. */
  readonly inputs: readonly Tensor[];
  /** The guilty expression. */
  readonly at: Written | undefined;
  readonly #makers: Makers;
  /** Arguments of the call that the user wrote. */
  readonly #given: readonly unknown[];

  constructor(error: Error, at: Written | undefined, makers: Makers) {
    this.message = error.message;
    this.at = at;
    this.#makers = makers;
    const path = failedCalls(error);
    const user = path.findIndex((call) => call.kind === "module" && !isLibraryLayer(call.module as Module));
    const calls = user < 0 ? path : path.slice(0, user);
    // What the user created: not what a container holds it in, nor what a layer is made of.
    const isOwn = (call: FailedCall): boolean =>
      call.kind === "module" && !containers.test(className(call.module as Module));
    const layerAt = Math.max(
      calls.findLastIndex(isOwn),
      calls.some(isOwn) ? -1 : calls.findIndex(({ kind }) => kind === "module"),
    );
    const layer = calls[layerAt];
    this.layer = layer?.kind === "module" ? (layer.module as Module) : undefined;
    const inner = layerAt < 0 ? calls : calls.slice(0, layerAt);
    const op = inner.findLast((call) => call.kind === "op");
    this.op = op?.name ?? "";
    this.args = op === undefined ? {} : boundArguments(op);
    this.name = this.layer === undefined ? camel(this.op) : className(this.layer);
    const given = this.layer === undefined ? Object.values(this.args) : (layer?.args ?? []);
    this.inputs = given.flat().filter((value) => value instanceof Tensor);
    this.#given = calls.at(-1)?.args ?? [];
  }

  /** `this` or the like, as the layer's settings: `inFeatures`. */
  setting(name: string): unknown {
    return (this.layer as unknown as Record<string, unknown> | undefined)?.[name];
  }

  tensor(name: string): Tensor | undefined {
    const value = this.args[name];
    return value instanceof Tensor ? value : undefined;
  }

  /** The call's syntax, when it is a call. */
  get call(): ts.CallExpression | undefined {
    const node = this.at?.node;
    return node !== undefined && ts.isCallExpression(node) ? node : undefined;
  }

  /** The user's expression that gave this tensor to the call. */
  expressionOf(tensor: Tensor): ts.Expression | undefined {
    const { call } = this;
    if (call === undefined || call.arguments.some(ts.isSpreadElement)) return undefined;
    // A method's tensor comes first.
    const isMethod = this.#isMethod(call);
    const expressions = isMethod
      ? [(unwrap(call.expression) as ts.PropertyAccessExpression).expression, ...call.arguments]
      : [...call.arguments];
    for (const [i, value] of this.#given.entries()) {
      const expression = expressions[i];
      if (expression === undefined) continue;
      if (value === tensor) return expression;
      const list = unwrap(expression);
      if (!Array.isArray(value) || !ts.isArrayLiteralExpression(list)) continue;
      const index = value.indexOf(tensor);
      const element = list.elements[index];
      if (element !== undefined && !list.elements.some(ts.isSpreadElement)) return element;
    }
    return undefined;
  }

  #isMethod(call: ts.CallExpression): boolean {
    const callee = unwrap(call.expression);
    if (!ts.isPropertyAccessExpression(callee) || this.layer !== undefined) return false;
    const space = unwrap(callee.expression);
    return !(
      (ts.isIdentifier(space) && /^(torch|F|nn|functional|linalg|special|fft)$/.test(space.text)) ||
      (ts.isPropertyAccessExpression(space) && /^(functional|linalg|special|fft)$/.test(space.name.text))
    );
  }

  /** The expression of an argument that is no tensor: of the op the user called. */
  argument(name: string, names: readonly string[]): ts.Expression | undefined {
    const { call } = this;
    if (call === undefined) return undefined;
    return argumentNode(call, this.#isMethod(call) ? names.slice(1) : names, name);
  }

  /** The arguments of the call as they are written, without a method's tensor or the first one of a function. */
  get sizes(): readonly ts.Expression[] {
    const { call } = this;
    if (call === undefined) return [];
    const args = this.#isMethod(call) ? [...call.arguments] : call.arguments.slice(1);
    const [first] = args;
    const list = first && unwrap(first);
    return list !== undefined && ts.isArrayLiteralExpression(list) ? [...list.elements] : args;
  }

  get calleeSpot(): Spot | undefined {
    const { call, at } = this;
    const callee = call && unwrap(call.expression);
    if (callee === undefined || !ts.isPropertyAccessExpression(callee)) return undefined;
    return { file: at!.file, start: callee.name.getStart(), end: callee.name.end };
  }

  /** The layer a tensor comes from, through operations that keep this axis. */
  makerOf(tensor: Tensor, axis: number): Module | undefined {
    return this.#makers.module(determining(tensor._value, axis).value);
  }

  /** The call that decided a size. */
  siteOf(tensor: Tensor, axis: number): Written | undefined {
    return this.#makers.site(determining(tensor._value, axis).value);
  }

  /** Where a size comes from: `16·5·5 from flatten at line 14`. */
  origin(tensor: Tensor, axis: number): string | undefined {
    const { factors } = determining(tensor._value, axis);
    const site = this.siteOf(tensor, axis);
    if (site === undefined) return undefined;
    const { node, file } = site;
    const what = ts.isCallExpression(node) || ts.isNewExpression(node) ? calleeName(node) : undefined;
    const line = file.lines.position(node.getStart()).line + 1;
    const from = `${what === undefined ? "" : `from ${what} `}at line ${line}`;
    return factors === undefined ? from : `= ${factors.join("·")} ${from}`;
  }
}

function boundArguments(call: Extract<FailedCall, { kind: "op" }>): Record<string, unknown> {
  try {
    const { overload, values } = bind(call.signatures, call.args);
    return Object.fromEntries(call.signatures[overload]!.parameters.map((p, i) => [p.option, values[i]]));
  } catch {
    // It does not fit: as far as positions tell.
    const names = call.signatures[0]?.parameters ?? [];
    return Object.fromEntries(names.map((p, i) => [p.option, call.args[i]]));
  }
}

interface Determined {
  readonly value: Value;
  /** Sizes that were multiplied into this one. */
  readonly factors?: Dims;
}

/** The value in whose making a size was decided: a reshape that multiplies sizes, or an op that sets it. */
function determining(value: Value, axis: number): Determined {
  let at = value;
  let where = axis;
  for (let steps = 0; steps < 200; steps++) {
    if (at.source.kind !== "node") return { value: at };
    const { node } = at.source;
    if (node.inputs.length === 1 && node.inputs[0]!.numel === at.numel) {
      const [input] = node.inputs as readonly [Value];
      const part = factorsOf(input.shape, at.shape, where);
      if (part === undefined) return { value: at };
      if (part.count > 1)
        return { value: at, factors: input.shape.slice(part.start, part.start + part.count) };
      [at, where] = [input, part.start];
      continue;
    }
    const same = node.inputs.find(
      ({ shape }) => shape.length === at.shape.length && shape.every((d, i) => d === at.shape[i]),
    );
    if (same === undefined || node.inputs.length > 1) return { value: at };
    at = same;
  }
  return { value: at };
}

/** Which sizes of `from` a reshape multiplies into axis `axis` of `to`; undefined for a transposition. */
function factorsOf(from: Dims, to: Dims, axis: number): { start: number; count: number } | undefined {
  if (from.length === to.length && from.some((d, i) => d !== to[i])) return undefined;
  const product = (dims: Dims): number => dims.reduce((a, b) => a * b, 1);
  const before = product(to.slice(0, axis));
  for (let start = 0; start <= from.length; start++) {
    if (product(from.slice(0, start)) !== before) continue;
    for (let end = from.length; end > start; end--) {
      const part = from.slice(start, end);
      if (product(part) !== to[axis]) continue;
      const firstReal = part.findIndex((d) => d !== 1);
      if (firstReal < 0) return { start, count: 1 };
      const real = part.filter((d) => d !== 1);
      return real.length === 1 ? { start: start + firstReal, count: 1 } : { start, count: end - start };
    }
  }
  return undefined;
}
