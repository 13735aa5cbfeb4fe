/** Modules. @see https://pytorch.org/docs/stable/nn.html */
export * from "./activation.js";
export { Module, observeCalls, RemovableHandle } from "./module.js";
export { Parameter } from "./parameter.js";
export * from "./attention.js";
export { Container, ModuleDict, ModuleList, Sequential } from "./container.js";
export * from "./conv.js";
export * from "./dropout.js";
export * from "./linear.js";
export * from "./loss.js";
export * from "./normalization.js";
export * from "./parameters.js";
export * from "./pooling.js";
export * from "./shape.js";
export * from "./sparse.js";
export * from "./transformer.js";
export * as init from "./init.js";
export { functional } from "../torch.js";
