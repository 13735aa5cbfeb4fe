/**
 * Error classes with PyTorch's names and meaning. Shape, dtype and dimension errors are thrown by the call that made
 * them; value errors (an index out of range) surface at the next read.
 */

/** What PyTorch raises as `RuntimeError`. */
export class RuntimeError extends Error {
  override name = "RuntimeError";
}

/** A feature that is not there; the message names it. A `RuntimeError`, as in Python. */
export class NotImplementedError extends RuntimeError {
  override name = "NotImplementedError";
}

/** A dimension or index out of range. */
export class IndexError extends Error {
  override name = "IndexError";
}

/** An argument whose type is right and whose value is not. */
export class ValueError extends Error {
  override name = "ValueError";
}

/** A key that is missing, taken or malformed. */
export class KeyError extends Error {
  override name = "KeyError";
}

/** A missing attribute: a submodule, parameter or buffer that is not there. */
export class AttributeError extends Error {
  override name = "AttributeError";
}

/** A file or folder that is not there. */
export class FileNotFoundError extends Error {
  override name = "FileNotFoundError";
}

/** Where PyTorch asserts: arguments that contradict each other. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** A read of values while only shapes are computed (tracing); the line needs ▶ Run. */
export class NeedsDataError extends RuntimeError {
  override name = "NeedsDataError";
}

/** A file of pickled objects that is damaged, or holds what is not loaded. */
export class UnpicklingError extends Error {
  override name = "UnpicklingError";
}
