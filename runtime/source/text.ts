/** What is said about the text of model files: places, edits, inputs, diagnostics. */
/** Zero-based, in UTF-16 units, as VS Code's `Position`. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** `end` is exclusive. */
export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** A document as the editor has it, saved or not. */
export interface SourceText {
  /** Absolute path. */
  readonly file: string;
  readonly version: number;
  readonly text: string;
}

export interface TextEdit {
  readonly file: string;
  /** Empty for an insertion. */
  readonly range: Range;
  readonly text: string;
}

/** One `@input` tag: `@input x float32[N, 1, 28, 28]`. */
export interface InputSpec {
  readonly name: string;
  /** PyTorch's name without `torch.`; default `float32`. */
  readonly dtype: string;
  /** Sizes, and names of symbolic ones (`"N"`). */
  readonly dims: readonly (number | string)[];
  /** For integer dtypes, `[low, high)`; default `[0, 10)`, for `bool` and `uint8` their whole range. */
  readonly range?: readonly [number, number];
  /** `= digits.npy`: values come from this file, on Run only. */
  readonly from?: string;
  /** The tag's text after `@input`, normalised: `x float32[N, 1, 28, 28]`. */
  readonly text: string;
  /** Where the tag stands; absent for a proposed input. */
  readonly source?: Range;
}

export interface TrainingFunction {
  readonly name: string;
  readonly range: Range;
  readonly nameRange: Range;
  /** Text of the doc comment's `@train` tag: `Train on digits`. */
  readonly title: string;
}

/** Mistakes that run and do not do what was meant; docs/lints.md has a section for each. */
export type LintId = "plain-array" | "plain-tensor" | "softmax-cross-entropy" | "zero-grad" | "eval-mode";

export type DiagnosticCode =
  | LintId
  | "syntax"
  /** A module could not be found. */
  | "unresolved"
  /** An `@input` tag that cannot be read, or does not fit `forward`. */
  | "input"
  /** The library refused shapes, dtypes, dims or arguments. */
  | "shape"
  /** The library warned: it runs, and probably not as meant. */
  | "warning"
  /** Any other exception. */
  | "error"
  /** The trace took longer than its budget. */
  | "timeout"
  /** Values are needed: not an error. */
  | "needsRun";

/** A sentence to be translated: its English text with holes `{0}`, and what goes in. */
export interface Phrase {
  readonly template: string;
  readonly args: readonly (string | number)[];
}

/** Edits that put something right. */
export interface Fix {
  readonly title: Phrase;
  readonly edits: readonly TextEdit[];
}

export interface TraceDiagnostic {
  readonly file: string;
  readonly range: Range;
  readonly message: string;
  /** `message`, to be translated. */
  readonly phrase?: Phrase;
  readonly severity: "error" | "warning" | "information" | "hint";
  readonly code: DiagnosticCode;
  /** The likeliest first; each was tried and makes the trace come further. */
  readonly fixes?: readonly Fix[];
  /** Export whose trace found it. */
  readonly module?: string;
}
