import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite, test } from "node:test";
import type { nn } from "../../../runtime/index.js";
import { datasets } from "../../../runtime/index.js";
import { example, quietly } from "./support.js";

interface TrainResNet {
  trainResNet(options: { root: string; epochs: number; width: number }): {
    model: nn.Module;
    accuracy: number;
  };
}
interface DrawCIFAR {
  drawCIFAR(options: { trainSize: number; testSize: number; root: string }): string;
}
interface Model {
  ResNet18: new (options?: { classes?: number; width?: number }) => nn.Module;
}

suite("examples/train-resnet.ts", () => {
  test("the model has ResNet-18's parameters under torchvision's names", async () => {
    const { ResNet18 } = await example<Model>("resnet.ts");
    const model = new ResNet18();
    const count = [...model.parameters()].reduce((sum, p) => sum + p.numel(), 0);
    // 11 173 962 is what CIFAR's ResNet-18 has (kuangliu/pytorch-cifar, and torchvision's with a stem of size 3).
    assert.equal(count, 11_173_962);
    const keys = [...model.stateDict().keys()];
    assert.equal(keys[0], "conv1.weight");
    assert.ok(keys.includes("layer2.0.downsample.1.running_var"));
    assert.equal(keys.at(-1), "fc.bias");
  });

  test("it learns from a folder of CIFAR's format, which it draws itself where there is none", async () => {
    const { drawCIFAR } = await example<DrawCIFAR>("draw-cifar.ts");
    const { trainResNet } = await example<TrainResNet>("train-resnet.ts");
    const root = fs.mkdtempSync(path.join(os.tmpdir(), "resnet-"));
    drawCIFAR({ trainSize: 560, testSize: 150, root });
    const drawn = new datasets.CIFAR10(root);
    assert.equal(drawn.length, 560);
    assert.equal(drawn.classes[3], "three");
    assert.deepEqual(drawn.targets.slice(0, 3), [0, 1, 2]);
    const { result } = quietly(() => trainResNet({ root, epochs: 3, width: 8 }));
    fs.rmSync(root, { recursive: true });
    // One in ten is chance.
    assert.ok(result.accuracy >= 0.3, `${(100 * result.accuracy).toFixed(2)} %`);
  });
});
