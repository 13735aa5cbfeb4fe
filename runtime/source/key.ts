/** The global where a bundle that is a module finds its functions. */
export const runKey = "__tensorscopeRun";
