import { torch, nn, F, type Tensor } from "tensorscope";

/**
 * Two convolutions beside a path that goes straight through, or through one of size 1 where the shape changes.
 * @input x float32[1, 64, 32, 32]
 */
export class BasicBlock extends nn.Module {
  conv1: nn.Conv2d;
  bn1: nn.BatchNorm2d;
  conv2: nn.Conv2d;
  bn2: nn.BatchNorm2d;
  downsample: nn.Sequential | null;

  constructor(inChannels = 64, channels = 64, stride = 1) {
    super();
    this.conv1 = new nn.Conv2d(inChannels, channels, 3, { stride, padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(channels);
    this.conv2 = new nn.Conv2d(channels, channels, 3, { padding: 1, bias: false });
    this.bn2 = new nn.BatchNorm2d(channels);
    this.downsample =
      stride === 1 && inChannels === channels
        ? null
        : new nn.Sequential(
            new nn.Conv2d(inChannels, channels, 1, { stride, bias: false }),
            new nn.BatchNorm2d(channels),
          );
  }

  forward(x: Tensor): Tensor {
    const straight = this.downsample ? (this.downsample(x) as Tensor) : x;
    const out = F.relu(this.bn1(this.conv1(x)));
    return F.relu(this.bn2(this.conv2(out)).add(straight));
  }
}

/**
 * ResNet-18 as the paper has it for small pictures: a first convolution of size 3 and no pooling after it.
 * State-dict keys are torchvision's. https://arxiv.org/abs/1512.03385
 * @input x float32[N, 3, 32, 32]
 */
export class ResNet18 extends nn.Module {
  conv1: nn.Conv2d;
  bn1: nn.BatchNorm2d;
  layer1: nn.Sequential;
  layer2: nn.Sequential;
  layer3: nn.Sequential;
  layer4: nn.Sequential;
  fc: nn.Linear;

  /** `width` is the number of channels of the first stage; each of the others has twice as many as the one before. */
  constructor({ classes = 10, width = 64 } = {}) {
    super();
    const stage = (from: number, to: number, stride: number): nn.Sequential =>
      new nn.Sequential(new BasicBlock(from, to, stride), new BasicBlock(to, to));
    this.conv1 = new nn.Conv2d(3, width, 3, { padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(width);
    this.layer1 = stage(width, width, 1);
    this.layer2 = stage(width, 2 * width, 2);
    this.layer3 = stage(2 * width, 4 * width, 2);
    this.layer4 = stage(4 * width, 8 * width, 2);
    this.fc = new nn.Linear(8 * width, classes);
    this.apply((m) => {
      if (m instanceof nn.Conv2d) {
        nn.init.kaimingNormal_(m.weight, { mode: "fan_out", nonlinearity: "relu" });
      }
    });
  }

  forward(x: Tensor): Tensor {
    x = F.relu(this.bn1(this.conv1(x)));
    x = this.layer1(x) as Tensor;
    x = this.layer2(x) as Tensor;
    x = this.layer3(x) as Tensor;
    x = this.layer4(x) as Tensor;
    x = torch.flatten(F.adaptiveAvgPool2d(x, 1), 1);
    return this.fc(x);
  }
}
