/**
 * What is known about a model at one moment, as plain data: it crosses process and webview boundaries by
 * structured clone or JSON. The native tree, the module view and the summary table all render this one shape.
 */

/** A place in a source file. Lines and columns count from zero, as VS Code's `Position` does. */
export interface SourceLocation {
  /** Absolute path of the file. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One dimension: a size, or a name where it is symbolic (`"N"`) or unknown (`"?"`). */
export type SnapshotDim = number | string;

/** A shape as it is shown: `[1, 6, 28, 28]` or `["N", 10]`. */
export type SnapshotShape = readonly SnapshotDim[];

/** A parameter or buffer of one module. */
export interface TensorSnapshot {
  /** The field's name in its module: `weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  /** PyTorch's name without the `torch.`: `float32`. */
  readonly dtype: string;
  /** Number of elements. */
  readonly count: number;
  readonly bytes: number;
  /** `requiresGrad`; false for buffers. */
  readonly trainable: boolean;
  /**
   * State-dict name of the first place where this very tensor appears, when that is another one (tied
   * weights). Such a tensor counts zero in the totals of a module that holds the first place too.
   */
  readonly sharedWith?: string;
}

/** One module and what is below it. */
export interface ModuleSnapshot {
  /** Dotted name from the root, `""` for the root itself: `layer1.0.conv1`. */
  readonly path: string;
  /** The last part of the path; for the root its class name. */
  readonly name: string;
  /** Class name: `Conv2d`. */
  readonly className: string;
  /** What `extraRepr()` says: `1, 6, kernel_size=(5, 5), …`. */
  readonly extraRepr: string;
  /** Where the module is created (or its class declared). */
  readonly location?: SourceLocation;
  /** Parameters held directly, in declaration order. */
  readonly parameters: readonly TensorSnapshot[];
  /** Buffers held directly, in declaration order. */
  readonly buffers: readonly TensorSnapshot[];
  /** Elements of the parameters held directly. */
  readonly ownParameters: number;
  /** Elements of all parameters here and below, each tensor counted once. */
  readonly totalParameters: number;
  /** Those of `totalParameters` that require a gradient. */
  readonly trainableParameters: number;
  /** Bytes of all parameters and buffers here and below, each tensor counted once. */
  readonly bytes: number;
  /** Shapes of the tensors that went in and came out at the last traced or run forward. */
  readonly inputShapes?: readonly SnapshotShape[];
  readonly outputShapes?: readonly SnapshotShape[];
  /** Multiply-accumulates of one forward pass, here and below. */
  readonly macs?: number;
  readonly children: readonly ModuleSnapshot[];
}

/** A model as a tree of modules. */
export interface ModelSnapshot {
  readonly root: ModuleSnapshot;
  /** Whether the root is in training mode. */
  readonly training: boolean;
  /** The input that shapes and MACs are for, as text: `x float32[1, 1, 28, 28]`. */
  readonly input?: string;
}
