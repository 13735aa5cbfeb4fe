/** Safetensors: tensors by name, and nothing else. @see https://huggingface.co/docs/safetensors */
export { loadFile, safeOpen, SafetensorsFile, ShardedSafetensorsFile } from "./file.js";
export { loadModel, save, saveFile, saveModel, type SafetensorsOptions } from "./save.js";
