/** The classes of `torch.nn` of PyTorch 1.13, by the sections of its documentation. */
export const moduleSections: Readonly<Record<string, readonly string[]>> = {
  Containers: words(`Container Module ModuleDict ModuleList ParameterDict ParameterList Sequential`),
  Padding: words(`
    ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d ReflectionPad2d ReflectionPad3d
    ReplicationPad1d ReplicationPad2d ReplicationPad3d ZeroPad2d
  `),
  Convolution: words(`
    Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d Fold LazyConv1d LazyConv2d
    LazyConv3d LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d Unfold
  `),
  Pooling: words(`
    AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d
    AdaptiveMaxPool3d AvgPool1d AvgPool2d AvgPool3d FractionalMaxPool2d FractionalMaxPool3d LPPool1d
    LPPool2d MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d
  `),
  "Non-linear activations (weighted sum, nonlinearity)": words(`
    CELU ELU GELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid Mish
    MultiheadAttention PReLU RReLU ReLU ReLU6 SELU SiLU Sigmoid Softplus Softshrink Softsign Tanh
    Tanhshrink Threshold
  `),
  "Non-linear activations (other)": words(`AdaptiveLogSoftmaxWithLoss LogSoftmax Softmax Softmax2d Softmin`),
  Normalization: words(`
    BatchNorm1d BatchNorm2d BatchNorm3d CrossMapLRN2d GroupNorm InstanceNorm1d InstanceNorm2d
    InstanceNorm3d LayerNorm LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d LazyInstanceNorm1d
    LazyInstanceNorm2d LazyInstanceNorm3d LocalResponseNorm SyncBatchNorm
  `),
  Recurrent: words(`GRU GRUCell LSTM LSTMCell RNN RNNBase RNNCell RNNCellBase`),
  Transformer: words(`
    Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer
  `),
  Linear: words(`Bilinear Identity LazyLinear Linear`),
  Dropout: words(`AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout`),
  Sparse: words(`Embedding EmbeddingBag`),
  "Distance functions": words(`CosineSimilarity PairwiseDistance`),
  "Loss functions": words(`
    BCELoss BCEWithLogitsLoss CTCLoss CosineEmbeddingLoss CrossEntropyLoss GaussianNLLLoss
    HingeEmbeddingLoss HuberLoss KLDivLoss L1Loss MSELoss MarginRankingLoss MultiLabelMarginLoss
    MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss NLLLoss2d PoissonNLLLoss SmoothL1Loss
    SoftMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss
  `),
  Vision: words(`PixelShuffle PixelUnshuffle Upsample UpsamplingBilinear2d UpsamplingNearest2d`),
  Shuffle: words(`ChannelShuffle`),
  Utilities: words(`Flatten Unflatten`),
};

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
