import { torch } from "../../../runtime/index.js";
import { agreesWithPyTorch, given, plain, shaped, type Argument, type Call } from "./oracle.js";

const wave = (shape: readonly number[], step = 1): Argument =>
  shaped(shape, (i) => 2 * Math.sin(1 + step * i), torch.float64);
const fixed = (shape: readonly number[], fill: (i: number) => number): Argument =>
  plain(shaped(shape, fill, torch.float64));
const chance = (shape: readonly number[], step = 1): Argument =>
  shaped(shape, (i) => 0.5 + 0.45 * Math.sin(step * i), torch.float64);
const signs = (shape: readonly number[]): Argument => fixed(shape, (i) => (i % 3 === 0 ? 1 : -1));
const reductions = ["none", "mean", "sum"];

function every(
  name: string,
  args: readonly Argument[],
  ...options: readonly Readonly<Record<string, Argument>>[]
): Call[] {
  const settings = options.length > 0 ? options : [{}];
  return settings.flatMap((o) =>
    reductions.map((reduction): Call => [`nn.functional.${name}`, args, { ...o, reduction }]),
  );
}

agreesWithPyTorch(
  "losses between numbers",
  [
    ...every("mse_loss", [wave([2, 3]), wave([2, 3], 2)]),
    ...every("smooth_l1_loss", [wave([3, 4]), wave([3, 4], 2)], {}, { beta: 0.5 }),
    ...every("huber_loss", [wave([3, 4]), wave([3, 4], 2)], {}, { delta: 0.5 }),
    ...every("kl_div", [wave([3, 4]), wave([3, 4], 2)], { logTarget: true }),
    ...every("kl_div", [wave([3, 4]), chance([3, 4])]),
    ["nn.functional.kl_div", [wave([3, 4]), chance([3, 4])], { reduction: "batchmean" }],
    ["nn.functional.kl_div", [wave([]), chance([])], { reduction: "batchmean" }],
    ...every("poisson_nll_loss", [wave([5]), fixed([5], (i) => i)], {}, { full: true }),
    ...every("poisson_nll_loss", [chance([5]), fixed([5], (i) => i)], { logInput: false, eps: 0.1 }),
    ...every("gaussian_nll_loss", [wave([2, 3]), wave([2, 3], 2), chance([2, 3])], {}, { full: true }),
    ...every("gaussian_nll_loss", [wave([2, 3]), wave([2, 3], 2), chance([2])], { eps: 0.6 }),
    ...every("margin_ranking_loss", [wave([6]), wave([6], 2), signs([6])], {}, { margin: 0.5 }),
    ...every("hinge_embedding_loss", [wave([6]), signs([6])], {}, { margin: 0.5 }),
    ...every("soft_margin_loss", [wave([6]), signs([6])]),
    ...every("binary_cross_entropy", [chance([2, 3]), fixed([2, 3], (i) => i / 6)]),
    ...every("binary_cross_entropy", [chance([2, 3]), fixed([2, 3], (i) => i / 6)], {
      weight: fixed([3], (i) => i + 1),
    }),
    ...every("binary_cross_entropy_with_logits", [wave([2, 3]), fixed([2, 3], (i) => i / 6)], {
      posWeight: fixed([3], (i) => i + 0.5),
      weight: fixed([2, 1], (i) => i + 1),
    }),
  ],
  { twice: true },
);

agreesWithPyTorch(
  "losses between vectors",
  [
    ...every("cosine_embedding_loss", [wave([4, 3]), wave([4, 3], 2), signs([4])], {}, { margin: 0.2 }),
    ...every("cosine_embedding_loss", [wave([3]), wave([3], 2), signs([])]),
    ...every(
      "triplet_margin_loss",
      [wave([4, 3]), wave([4, 3], 2), wave([4, 3], 3)],
      {},
      { p: 3, swap: true, margin: 2 },
    ),
    ...every("triplet_margin_with_distance_loss", [wave([4, 3]), wave([4, 3], 2), wave([4, 3], 3)], {
      swap: true,
    }),
    ["nn.functional.pairwise_distance", [wave([2, 3, 4]), wave([3, 1], 2)]],
    ["nn.functional.pairwise_distance", [wave([3]), wave([3], 2), 1.5], { keepdim: true }],
    ["nn.functional.cosine_similarity", [wave([2, 3]), wave([3], 2), 0]],
    ["nn.functional.cosine_similarity", [wave([2, 3]), wave([2, 3], 2)]],
  ],
  { twice: true },
);

agreesWithPyTorch("norms of zero vectors, ties and bounded norms", [
  ...[0, 0.5, 1, 1.5, 2, 3, Infinity].map((p): Call => [
    "pdist",
    [
      given(
        [
          [0, 0, 0],
          [1, -2, 0],
          [1, -2, 0],
          [2, 2, -1],
        ],
        torch.float64,
      ),
      p,
    ],
  ]),
  [
    "cosine_similarity",
    [
      given(
        [
          [0, 0],
          [1e-5, 0],
          [3, 4],
        ],
        torch.float64,
      ),
      wave([3, 2]),
    ],
    { eps: 2 },
  ],
  ["pdist", [wave([1, 3])]],
  ["pdist", [wave([3, 0])]],
]);

const scores = wave([4, 3]);
const classes = plain(given([0, 2, 1, 2]));

agreesWithPyTorch(
  "losses of class scores",
  [
    ...every("nll_loss", [scores, classes], {}, { weight: fixed([3], (i) => i + 1) }, { ignoreIndex: 2 }),
    ...every("nll_loss", [wave([3]), plain(given(1))]),
    ...every("nll_loss", [
      wave([2, 3, 2, 2]),
      plain(
        given([
          [
            [0, 1],
            [2, 2],
          ],
          [
            [1, 1],
            [0, 2],
          ],
        ]),
      ),
    ]),
    ...every("cross_entropy", [scores, classes], {}, { labelSmoothing: 0.2, ignoreIndex: 0 }),
    ...every("cross_entropy", [scores, classes], {
      labelSmoothing: 0.2,
      weight: fixed([3], (i) => i + 1),
    }),
    ...every("cross_entropy", [scores, chance([4, 3])], {}, { labelSmoothing: 0.3 }),
    ...every("cross_entropy", [wave([2, 3, 2]), chance([2, 3, 2])], { weight: fixed([3], (i) => i + 1) }),
    ...every("multi_margin_loss", [scores, classes], {}, { p: 2, margin: 0.5 }),
    ...every("multi_margin_loss", [scores, classes], { weight: fixed([3], (i) => i + 1) }),
    ...every("multi_margin_loss", [wave([3]), plain(given([2]))]),
    ...every("multi_margin_loss", [wave([3]), plain(given(2))]),
    ...every("multilabel_soft_margin_loss", [scores, chance([4, 3])], {}),
    ...every("multilabel_soft_margin_loss", [wave([3]), fixed([3], (i) => i % 2)], {
      weight: fixed([3], (i) => i + 1),
    }),
  ],
  { twice: true },
);

agreesWithPyTorch("losses that bend", [
  ...every("l1_loss", [wave([2, 3]), wave([2, 3], 2)]),
  ...every("smooth_l1_loss", [wave([2, 3]), wave([2, 3], 2)], { beta: 0 }),
  ...every("triplet_margin_loss", [wave([4, 3]), wave([4, 3], 2), wave([4, 3], 3)], { p: 1 }),
]);

agreesWithPyTorch("hinge loss over the classes up to the first -1", [
  ...every("multilabel_margin_loss", [
    wave([2, 3]),
    plain(
      given([
        [0, 2, -1],
        [1, -1, 2],
      ]),
    ),
  ]),
  ...every("multilabel_margin_loss", [wave([3]), plain(given([-1, 0, 2]))]),
  ...every("multilabel_margin_loss", [wave([3]), plain(given([2, 0, 1]))]),
]);

const logProbs = (shape: readonly number[]): Argument =>
  shaped(shape, (i) => -1.5 - Math.sin(3 * i), torch.float64);

agreesWithPyTorch("connectionist temporal classification", [
  ...every("ctc_loss", [
    logProbs([6, 2, 4]),
    plain(
      given([
        [1, 2, 2],
        [3, 1, 0],
      ]),
    ),
    plain(given([6, 5])),
    plain(given([3, 2])),
  ]),
  ...every("ctc_loss", [logProbs([6, 2, 4]), plain(given([1, 1, 3])), [4, 6], [2, 1]], { blank: 2 }),
  ...every("ctc_loss", [logProbs([5, 4]), plain(given([1, 3])), plain(given(5)), plain(given(2))]),
  ...every(
    "ctc_loss",
    [
      logProbs([3, 2, 4]),
      plain(
        given([
          [1, 1, 1],
          [3, 1, 0],
        ]),
      ),
      [3, 3],
      [3, 2],
    ],
    {},
    { zeroInfinity: true },
  ),
  ["nn.functional.ctc_loss", [logProbs([3, 1, 4]), plain(given([[1]])), [4], [1]]],
  ["nn.functional.ctc_loss", [logProbs([3, 1, 4]), plain(given([[1]])), [3], [2]]],
  ["nn.functional.ctc_loss", [logProbs([3, 1, 4]), plain(given([[1]])), [3], [1]], { blank: 4 }],
]);

const wrong = { reduction: "average" };

agreesWithPyTorch("losses refuse what PyTorch refuses", [
  ...["l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss", "kl_div", "soft_margin_loss"].map(
    (name): Call => [`nn.functional.${name}`, [wave([2]), wave([2], 2)], wrong],
  ),
  ["nn.functional.l1_loss", [wave([2, 3]), wave([4])]],
  ["nn.functional.mse_loss", [plain(given([1, 2])), plain(given([2, 3]))], { reduction: "sum" }],
  ["nn.functional.smooth_l1_loss", [wave([2]), wave([2])], { beta: -1 }],
  ["nn.functional.huber_loss", [wave([2]), wave([2])], { delta: 0 }],
  ["nn.functional.kl_div", [wave([3]), plain(given([1, 2, 3]))]],
  ["nn.functional.binary_cross_entropy", [chance([2, 3]), chance([3])]],
  ["nn.functional.binary_cross_entropy", [wave([3]), chance([3])]],
  ["nn.functional.binary_cross_entropy", [chance([3]), chance([3])], { weight: fixed([2, 3], () => 1) }],
  ["nn.functional.binary_cross_entropy", [chance([3]), chance([3])], { weight: wave([3]) }],
  ["nn.functional.binary_cross_entropy", [chance([2]), plain(given([1, 0]))]],
  ["nn.functional.binary_cross_entropy_with_logits", [wave([2, 3]), chance([3])]],
  ["nn.functional.gaussian_nll_loss", [wave([3]), wave([3]), fixed([3], (i) => 1 - i)]],
  ["nn.functional.gaussian_nll_loss", [wave([2, 3]), wave([2, 3]), chance([3])]],
  ["nn.functional.poisson_nll_loss", [wave([3]), chance([3])], wrong],
  ["nn.functional.margin_ranking_loss", [wave([2, 3]), wave([3]), wave([3])]],
  ["nn.functional.cosine_embedding_loss", [wave([3]), wave([3]), plain(given([1]))]],
  ["nn.functional.cosine_embedding_loss", [wave([2, 3]), wave([2, 3]), plain(given([[1, -1]]))]],
  ["nn.functional.triplet_margin_loss", [wave([2, 3]), wave([2, 3]), wave([3])]],
  ["nn.functional.nll_loss", [wave([2, 3]), plain(given([0, 3]))]],
  ["nn.functional.nll_loss", [wave([2, 3]), plain(given([0, -1]))]],
  ["nn.functional.nll_loss", [wave([2, 3]), plain(given([0, 1, 2]))]],
  ["nn.functional.nll_loss", [wave([2, 3]), plain(given([0, 1], torch.int32))]],
  ["nn.functional.cross_entropy", [wave([2, 3]), plain(given([0, 1]))], { labelSmoothing: 1.5 }],
  ["nn.functional.cross_entropy", [wave([2, 3]), chance([2, 3])], { weight: fixed([2], () => 1) }],
  ["nn.functional.multi_margin_loss", [wave([2, 3]), plain(given([0, 3]))]],
  ["nn.functional.multi_margin_loss", [wave([2, 3]), plain(given([0, 1]))], { p: 3 }],
  ["nn.functional.multi_margin_loss", [wave([2, 3]), plain(given([0, 1, 2]))]],
  [
    "nn.functional.multilabel_margin_loss",
    [
      wave([2, 3]),
      plain(
        given([
          [0, 3, -1],
          [1, -1, 2],
        ]),
      ),
    ],
  ],
  ["nn.functional.multilabel_margin_loss", [wave([2, 3]), plain(given([0, 1]))]],
  ["nn.functional.multilabel_soft_margin_loss", [wave([2, 3]), chance([2, 3])], wrong],
  ["nn.functional.pdist", [wave([2, 3, 4])]],
  ["nn.functional.pdist", [wave([3, 2]), -1]],
  ["nn.functional.cosine_similarity", [wave([3]), wave([3])]],
  ["nn.functional.cosine_similarity", [plain(given([[1, 2]])), plain(given([[2, 3]]))]],
]);

agreesWithPyTorch(
  "losses of half precision are computed in float32 and rounded once",
  [torch.float16, torch.bfloat16].flatMap((dtype) => {
    const [x, y] = [1, 2].map((step) => plain(shaped([40], (i) => Math.sin(1 + step * i), dtype)));
    return ["smooth_l1_loss", "huber_loss"].map((name): Call => {
      return [`nn.functional.${name}`, [x!, y!], { reduction: "none" }];
    });
  }),
);
