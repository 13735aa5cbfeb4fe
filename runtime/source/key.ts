/** The global that is true in the threads that load data: there, `import.meta.main` is false. */
export const workerKey = "__tensorscopeWorker";

/** The global where a bundle that is a module finds its functions. */
export const runKey = "__tensorscopeRun";
