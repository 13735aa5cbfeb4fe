/** Identifiers that package.json declares too; `test/unit/src/manifest.test.ts` compares the two. */

/** Commands, all of them contributed. */
export const commands = {
  forward: "tensorscope.forward",
  train: "tensorscope.train",
  cancel: "tensorscope.cancel",
  openTree: "tensorscope.openTree",
  openModules: "tensorscope.openModules",
  openCurves: "tensorscope.openCurves",
  openCurvesFolder: "tensorscope.openCurvesFolder",
  openCalculator: "tensorscope.openCalculator",
  selectDevice: "tensorscope.selectDevice",
  restartKernel: "tensorscope.restartKernel",
  showOutput: "tensorscope.showOutput",
  setUpIntelliSense: "tensorscope.setUpIntelliSense",
} as const;

/** Commands that only our own lenses, trees and the status item call. */
export const internalCommands = {
  showActions: "tensorscope._showActions",
  revealModule: "tensorscope._revealModule",
  writeInput: "tensorscope._writeInput",
} as const;

/** Tree views and webview panels. */
export const views = {
  moduleTree: "tensorscope.moduleTree",
  modules: "tensorscope.modules",
  curves: "tensorscope.curves",
  calculator: "tensorscope.calculator",
} as const;

/** Keys of `when` clauses. */
export const contexts = {
  /** The active editor shows a file that imports tensorscope. */
  isTensorscopeFile: "tensorscope.isTensorscopeFile",
  /** … one with a model class. */
  hasModel: "tensorscope.hasModel",
  /** … one with a training function. */
  hasTrain: "tensorscope.hasTrain",
  /** A forward pass or a training function runs. */
  running: "tensorscope.running",
  /** The module tree shows a model. */
  hasTree: "tensorscope.hasTree",
} as const;

/** Languages that model files are written in. */
export const languages = ["typescript", "typescriptreact", "javascript"] as const;

/** Documents that are looked at: on a disk, or not saved yet. */
export const selector = languages.map((language) => ({ language, scheme: "file" }));
