/** Where a model's layers are written down, `new nn.Linear(256, 10)`, and which literal gives an argument its value. */
import ts from "typescript";
import { className, type Module } from "../../runtime/nn/module.js";
import { unwrap, type ParsedFile } from "../../runtime/source/syntax.js";
import { className as declaredName } from "./instrument.js";
import { ClassIndex, elementOf, type Found } from "./places.js";

/** A `new` expression in a file. */
export interface Creation {
  readonly file: ParsedFile;
  readonly node: ts.NewExpression;
}

/** An expression, or the literal that it comes to, that can be replaced. */
export interface Spot {
  readonly file: ParsedFile;
  readonly start: number;
  readonly end: number;
  /** What to put around the new text: `, ` before a new argument. */
  readonly before?: string;
  readonly after?: string;
  /** The name whose value it is, where that is not the argument's own. */
  readonly label?: string;
}

/** Constructor parameters of the library's layers, in order; options are named the same. */
const parameters: readonly [layers: RegExp, names: readonly string[]][] = [
  [/^(Linear|LazyLinear)$/, ["inFeatures", "outFeatures", "bias"]],
  [/^Bilinear$/, ["in1Features", "in2Features", "outFeatures", "bias"]],
  [
    /^Conv\dd$/,
    ["inChannels", "outChannels", "kernelSize", "stride", "padding", "dilation", "groups", "bias"],
  ],
  [
    /^ConvTranspose\dd$/,
    ["inChannels", "outChannels", "kernelSize", "stride", "padding", "outputPadding", "groups"],
  ],
  [/^(Batch|Instance|SyncBatch)Norm(\dd)?$/, ["numFeatures", "eps", "momentum"]],
  [/^(LayerNorm|RMSNorm)$/, ["normalizedShape", "eps"]],
  [/^GroupNorm$/, ["numGroups", "numChannels", "eps"]],
  [/^Embedding(Bag)?$/, ["numEmbeddings", "embeddingDim"]],
  [/^(RNN|LSTM|GRU)$/, ["inputSize", "hiddenSize", "numLayers"]],
  [/^(RNN|LSTM|GRU)Cell$/, ["inputSize", "hiddenSize", "bias"]],
  [/^MultiheadAttention$/, ["embedDim", "numHeads", "dropout"]],
  [/^Transformer(En|De)coderLayer$/, ["dModel", "nhead", "dimFeedforward", "dropout"]],
  [/^Transformer$/, ["dModel", "nhead", "numEncoderLayers", "numDecoderLayers", "dimFeedforward"]],
  [/^(Max|LP)Pool\dd$/, ["kernelSize", "stride", "padding", "dilation"]],
  [/^AvgPool\dd$/, ["kernelSize", "stride", "padding"]],
  [/^(Feature)?(Alpha)?Dropout(\dd)?$/, ["p"]],
  [/^Pixel(Uns|S)huffle$/, ["factor"]],
  [/^Unflatten$/, ["dim", "unflattenedSize"]],
  [/^Flatten$/, ["startDim", "endDim"]],
  [/^(Softmax|LogSoftmax|Softmin)$/, ["dim"]],
  [/^PReLU$/, ["numParameters"]],
];

export function parameterNames(layer: string): readonly string[] | undefined {
  return parameters.find(([layers]) => layers.test(layer))?.[1];
}

/** The files of a model and the model itself, to look in. */
export class Creations {
  readonly #files: readonly ParsedFile[];
  readonly #classes: ClassIndex;
  readonly #root: Module | undefined;

  constructor(files: readonly ParsedFile[], root: Module | undefined) {
    this.#files = files;
    this.#classes = new ClassIndex(files);
    this.#root = root;
  }

  /** Where the module was created; undefined where that is not written out. */
  of(module: Module): Creation | undefined {
    const path = [...(this.#root?.namedModules() ?? [])].find(([, one]) => one === module)?.[0];
    return path === undefined || path === "" ? undefined : this.#at(path);
  }

  #at(path: string): Creation | undefined {
    let module: Module = this.#root!;
    let found: Found | undefined;
    for (const part of path.split(".")) {
      found = this.#classes.member(className(module), part) ?? (found && elementOf(found, part));
      if (found === undefined) return undefined;
      module = module.getSubmodule(part);
    }
    const value = found?.value === undefined ? undefined : unwrap(found.value);
    return value !== undefined && ts.isNewExpression(value) ? { file: found!.file, node: value } : undefined;
  }

  /**
   * The place that gives a constructor argument its value. An argument that is left out has the place where it would
   * be written as an option.
   */
  argument(module: Module, name: string): Spot[] {
    const layer = className(module);
    const creation = this.of(module) ?? this.#only(layer, name, module);
    if (creation === undefined) return [];
    return this.argumentOf(creation, layer, name, module);
  }

  argumentOf(creation: Creation, layer: string, name: string, module?: Module): Spot[] {
    const names = parameterNames(layer);
    const found = argumentNode(creation.node, names, name);
    if (found !== undefined) return this.#spots(creation.file, found, module);
    const args = creation.node.arguments ?? [];
    const last = args.at(-1);
    const { file } = creation;
    if (last !== undefined && ts.isObjectLiteralExpression(last)) {
      const at = last.properties.at(-1)?.end ?? last.getStart() + 1;
      const before = last.properties.length > 0 ? `, ${name}: ` : ` ${name}: `;
      return [{ file, start: at, end: at, before, after: last.properties.length > 0 ? "" : " " }];
    }
    const at = last?.end;
    if (at === undefined) return [];
    return [{ file, start: at, end: at, before: `, { ${name}: `, after: " }" }];
  }

  /** Where the size of a parameter is written: in `new nn.Parameter(torch.randn(5))` or in what makes the tensor. */
  sizeOf(tensor: object, axis: number, size: number | undefined): Spot[] {
    for (const module of this.#root?.modules() ?? []) {
      for (const [name, value] of Object.entries(module)) {
        if (value !== tensor) continue;
        const found = this.#classes.member(className(module), name);
        let made = found?.value && unwrap(found.value);
        if (made !== undefined && ts.isNewExpression(made))
          made = made.arguments?.[0] && unwrap(made.arguments[0]);
        if (made === undefined || !ts.isCallExpression(made)) return [];
        const [first] = made.arguments;
        const list = first && unwrap(first);
        const sizes =
          list !== undefined && ts.isArrayLiteralExpression(list) ? list.elements : made.arguments;
        const node = sizes[axis];
        return node !== undefined && this.numberOf(found!.file, node) === size
          ? this.#spots(found!.file, node, module)
          : [];
      }
    }
    return [];
  }

  /** The only creation of such a layer whose argument has the module's value: elements made in a loop. */
  #only(layer: string, name: string, module: Module): Creation | undefined {
    const value = (module as unknown as Record<string, unknown>)[name];
    const all: Creation[] = [];
    for (const file of this.#files) {
      const visit = (node: ts.Node): void => {
        if (ts.isNewExpression(node) && calleeName(node) === layer) {
          const found = argumentNode(node, parameterNames(layer), name);
          const number = found && this.numberOf(file, found);
          if (number === undefined || value === undefined || number === value) all.push({ file, node });
        }
        ts.forEachChild(node, visit);
      };
      visit(file.tree);
    }
    return all.length === 1 ? all[0] : undefined;
  }

  /** The number an expression stands for, through the name of a constant. */
  numberOf(file: ParsedFile, node: ts.Expression): number | undefined {
    const inner = unwrap(node);
    const own = constant(inner);
    if (own !== undefined || !ts.isIdentifier(inner)) return own;
    const declared = this.#declaration(file, inner.text);
    return declared && constant(declared.node);
  }

  /** A name's constant initialiser in the file, or in the file of the trace that it is imported from. */
  #declaration(
    file: ParsedFile,
    name: string,
  ): { readonly file: ParsedFile; readonly node: ts.Expression } | undefined {
    for (const statement of file.tree.statements) {
      if (ts.isVariableStatement(statement)) {
        for (const one of statement.declarationList.declarations) {
          if (ts.isIdentifier(one.name) && one.name.text === name && one.initializer !== undefined)
            return { file, node: one.initializer };
        }
      }
      const bindings = ts.isImportDeclaration(statement) ? statement.importClause?.namedBindings : undefined;
      if (bindings === undefined || !ts.isNamedImports(bindings)) continue;
      const imported = bindings.elements.find((element) => element.name.text === name);
      if (imported === undefined) continue;
      const original = (imported.propertyName ?? imported.name).text;
      for (const other of this.#files) {
        if (other === file) continue;
        const found = this.#declaration(other, original);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  /** Where the value of an expression is written: the literal behind a name first, then the expression itself. */
  #spots(file: ParsedFile, node: ts.Expression, module: Module | undefined): Spot[] {
    const here: Spot = { file, start: node.getStart(), end: node.end };
    const inner = unwrap(node);
    if (ts.isIdentifier(inner)) {
      const declared = this.#declaration(file, inner.text);
      if (declared !== undefined && constant(declared.node) !== undefined) {
        const { file: other, node: value } = declared;
        return [{ file: other, start: value.getStart(), end: value.end, label: inner.text }, here];
      }
      const given = this.#given(inner, module);
      if (given.length > 0) return given;
    }
    if (ts.isPropertyAccessExpression(inner) && ts.isIdentifier(inner.expression)) {
      const declared = this.#declaration(file, inner.expression.text);
      const object = declared && unwrap(declared.node);
      if (object !== undefined && ts.isObjectLiteralExpression(object)) {
        const property = object.properties.find(
          (one): one is ts.PropertyAssignment =>
            ts.isPropertyAssignment(one) && one.name.getText() === inner.name.text,
        );
        if (property !== undefined && constant(property.initializer) !== undefined) {
          const { initializer } = property;
          const label = inner.getText();
          return [{ file: declared!.file, start: initializer.getStart(), end: initializer.end, label }, here];
        }
      }
    }
    return [here];
  }

  /** The argument behind a constructor parameter of a user's class: what its creator passes, else its default. */
  #given(name: ts.Identifier, module: Module | undefined): Spot[] {
    let owner: ts.Node = name;
    while (!ts.isConstructorDeclaration(owner)) {
      if (ts.isSourceFile(owner)) return [];
      owner = owner.parent;
    }
    const at = owner.parameters.findIndex((p) => p.name.getText() === name.text);
    const parameter = owner.parameters[at];
    if (parameter === undefined || module === undefined || this.#root === undefined) return [];
    const path = [...this.#root.namedModules()].find(([, one]) => one === module)?.[0] ?? "";
    const typeName = declaredName(owner.parent as ts.ClassLikeDeclaration);
    for (let parts = path.split("."); parts.length > 0;) {
      parts = parts.slice(0, -1);
      const holder = parts.length === 0 ? this.#root : this.#root.getSubmodule(parts.join("."));
      if (className(holder) !== typeName) continue;
      const creation = parts.length === 0 ? undefined : this.#at(parts.join("."));
      const argument = creation?.node.arguments?.[at];
      if (argument !== undefined) return this.#spots(creation!.file, argument, holder);
      break;
    }
    const { initializer } = parameter;
    const file = this.#files.find(({ tree }) => tree === name.getSourceFile());
    return initializer === undefined || file === undefined
      ? []
      : [{ file, start: initializer.getStart(), end: initializer.end, label: name.text }];
  }
}

export function calleeName(node: ts.NewExpression | ts.CallExpression): string {
  const callee = unwrap(node.expression);
  return ts.isPropertyAccessExpression(callee) ? callee.name.text : callee.getText();
}

/** The expression of an argument, by position or as an option. */
export function argumentNode(
  node: ts.NewExpression | ts.CallExpression,
  names: readonly string[] | undefined,
  name: string,
): ts.Expression | undefined {
  const args = node.arguments ?? [];
  const last = args.at(-1);
  if (last !== undefined && ts.isObjectLiteralExpression(last)) {
    for (const property of last.properties) {
      if (property.name?.getText() !== name) continue;
      if (ts.isPropertyAssignment(property)) return property.initializer;
      if (ts.isShorthandPropertyAssignment(property)) return property.name;
    }
  }
  const at = names?.indexOf(name) ?? -1;
  const found = at < 0 ? undefined : args[at];
  if (found === undefined || args.slice(0, at + 1).some(ts.isSpreadElement)) return undefined;
  return ts.isObjectLiteralExpression(found) ? undefined : found;
}

/** The number that a literal, or arithmetic on literals, stands for. */
export function constant(expression: ts.Expression): number | undefined {
  const node = unwrap(expression);
  if (ts.isNumericLiteral(node)) return Number(node.text);
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.MinusToken) {
    const value = constant(node.operand);
    return value === undefined ? undefined : -value;
  }
  if (!ts.isBinaryExpression(node)) return undefined;
  const [a, b] = [constant(node.left), constant(node.right)];
  if (a === undefined || b === undefined) return undefined;
  switch (node.operatorToken.kind) {
    case ts.SyntaxKind.AsteriskToken:
      return a * b;
    case ts.SyntaxKind.PlusToken:
      return a + b;
    case ts.SyntaxKind.MinusToken:
      return a - b;
    case ts.SyntaxKind.SlashToken:
      return a / b;
    case ts.SyntaxKind.AsteriskAsteriskToken:
      return a ** b;
    default:
      return undefined;
  }
}
