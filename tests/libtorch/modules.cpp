// Modules without space or time: linear maps, activations, normalisations, dropout, embeddings, distances.
#include "module_show.h"

using namespace torch::nn;

namespace {

torch::Tensor points(torch::IntArrayRef sizes) { return torch::randn(sizes); }

void linear() {
  show_module("Linear", Linear(3, 2), points({4, 3}));
  show_module("Linear without bias", Linear(LinearOptions(3, 2).bias(false)), points({3}));
  show_module("Bilinear", Bilinear(BilinearOptions(3, 2, 4)), points({5, 3}), points({5, 2}));
  show_module("Bilinear without bias", Bilinear(BilinearOptions(3, 2, 4).bias(false)),
              points({5, 3}), points({5, 2}));
  show_module("Identity", Identity(), points({2, 2}));
  show_module("Flatten", Flatten(), points({2, 2, 3}));
  show_module("Flatten part", Flatten(FlattenOptions().start_dim(0).end_dim(1)), points({2, 2, 3}));
  show_module("Unflatten", Unflatten(UnflattenOptions(1, {2, 3})), points({2, 6}));
}

void activations() {
  auto x = torch::linspace(-4, 4, 17).view({1, 17});
  show_module("ReLU", ReLU(), x);
  show_module("ReLU in place", ReLU(ReLUOptions().inplace(false)), x);
  show_module("ReLU6", ReLU6(), x);
  show_module("ELU", ELU(ELUOptions().alpha(0.7)), x);
  show_module("SELU", SELU(), x);
  show_module("CELU", CELU(CELUOptions().alpha(1.5)), x);
  show_module("GELU", GELU(), x);
  show_module("GELU tanh", GELU(GELUOptions().approximate("tanh")), x);
  show_module("SiLU", SiLU(), x);
  show_module("Mish", Mish(), x);
  show_module("GLU", GLU(GLUOptions(0)), torch::cat({x, x / 2}));
  show_module("Sigmoid", Sigmoid(), x);
  show_module("LogSigmoid", LogSigmoid(), x);
  show_module("Tanh", Tanh(), x);
  show_module("Tanhshrink", Tanhshrink(), x);
  show_module("Softplus", Softplus(SoftplusOptions().beta(0.5).threshold(3)), x);
  show_module("Softsign", Softsign(), x);
  show_module("Softshrink", Softshrink(SoftshrinkOptions(0.7)), x);
  show_module("Hardshrink", Hardshrink(HardshrinkOptions(0.7)), x);
  show_module("Hardtanh", Hardtanh(HardtanhOptions().min_val(-1.5).max_val(0.5)), x);
  show_module("LeakyReLU", LeakyReLU(LeakyReLUOptions().negative_slope(0.2)), x);
  show_module("Threshold", Threshold(ThresholdOptions(0.1, 20)), x);
  show_module("PReLU", PReLU(), x);
  show_module("PReLU of channels", PReLU(PReLUOptions().num_parameters(3).init(0.1)),
              points({2, 3, 2}));
  show_module("Softmax", Softmax(SoftmaxOptions(1)), x);
  show_module("Softmin", Softmin(SoftminOptions(1)), x);
  show_module("LogSoftmax", LogSoftmax(LogSoftmaxOptions(1)), x);
  show_module("Softmax2d", Softmax2d(), points({2, 3, 2, 2}));
  RReLU noisy(RReLUOptions().lower(0.1).upper(0.4));
  show_module("RReLU", noisy, x);
  noisy->eval();
  show_module("RReLU evaluated", noisy, x);
  MultiheadAttention attention(4, 2);
  print("MultiheadAttention", attention);
}

void normalisation() {
  show_module("LayerNorm", LayerNorm(LayerNormOptions({3, 2}).eps(2e-5)), points({4, 3, 2}));
  show_module("LayerNorm plain", LayerNorm(LayerNormOptions({4}).elementwise_affine(false)),
              points({2, 4}));
  show_module("GroupNorm", GroupNorm(GroupNormOptions(2, 4)), points({2, 4, 3}));
  show_module("LocalResponseNorm", LocalResponseNorm(LocalResponseNormOptions(2).alpha(0.1).k(2)),
              points({2, 4, 3, 3}));
  // Its windows are the formula's here; PyTorch's grow too wide after the first channels.
  CrossMapLRN2d cross(CrossMapLRN2dOptions(3).alpha(0.1).beta(0.6));
  print("CrossMapLRN2d", cross);
  show("its first channels", cross(points({2, 2, 3, 3})));
  BatchNorm1d batch(BatchNorm1dOptions(3).momentum(0.2));
  show_module("BatchNorm1d", batch, points({5, 3}));
  show_state(*batch);
  batch->eval();
  show("evaluated", batch(points({2, 3})));
  show_module("BatchNorm2d", BatchNorm2d(2), points({3, 2, 2, 2}));
  show_module("BatchNorm3d", BatchNorm3d(BatchNorm3dOptions(2).affine(false)),
              points({2, 2, 2, 2, 2}));
  show_module("BatchNorm without statistics",
              BatchNorm1d(BatchNorm1dOptions(2).track_running_stats(false)), points({3, 2}));
  show_module("InstanceNorm1d", InstanceNorm1d(InstanceNorm1dOptions(2).affine(true)),
              points({2, 2, 4}));
  show_module("InstanceNorm2d", InstanceNorm2d(InstanceNorm2dOptions(2).track_running_stats(true)),
              points({2, 2, 3, 3}));
  show_module("InstanceNorm3d", InstanceNorm3d(2), points({2, 2, 2, 2, 2}));
}

void dropout() {
  show_module("Dropout", Dropout(0.3), torch::ones({20}));
  show_module("Dropout2d", Dropout2d(Dropout2dOptions(0.4)), torch::ones({2, 5, 2, 2}));
  show_module("Dropout3d", Dropout3d(), torch::ones({2, 4, 1, 2, 2}));
  show_module("AlphaDropout", AlphaDropout(0.4), points({20}));
  show_module("FeatureAlphaDropout", FeatureAlphaDropout(), points({2, 5, 2}));
  Dropout off(0.5);
  off->eval();
  show_module("evaluated", off, torch::ones({4}));
}

void embeddings() {
  auto indices = torch::tensor({{1, 0, 2}, {2, 2, 4}});
  show_module("Embedding", Embedding(5, 3), indices);
  show_module("Embedding with padding", Embedding(EmbeddingOptions(5, 3).padding_idx(2)), indices);
  show_module("Embedding with norm", Embedding(EmbeddingOptions(5, 3).max_norm(1).norm_type(2)),
              indices);
  show_module("Embedding by frequency", Embedding(EmbeddingOptions(5, 3).scale_grad_by_freq(true)),
              indices);
  show_module("from pretrained",
              Embedding::from_pretrained(torch::arange(6, torch::kFloat).view({3, 2})),
              torch::tensor({1, 2}));
  show_module("EmbeddingBag", EmbeddingBag(5, 3), indices);
  show_module("EmbeddingBag sum", EmbeddingBag(EmbeddingBagOptions(5, 3).mode(torch::kSum)),
              torch::tensor({0, 1, 4, 4}), torch::tensor({0, 1}));
  show_module("EmbeddingBag max", EmbeddingBag(EmbeddingBagOptions(5, 3).mode(torch::kMax)),
              indices);
}

void distances() {
  show_module("CosineSimilarity", CosineSimilarity(CosineSimilarityOptions().dim(1)),
              points({3, 4}), points({3, 4}));
  show_module("PairwiseDistance", PairwiseDistance(PairwiseDistanceOptions().p(3)), points({3, 4}),
              points({3, 4}));
  show_module("PairwiseDistance keepdim", PairwiseDistance(PairwiseDistanceOptions().keepdim(true)),
              points({3, 4}), points({3, 4}));
}

void functional_forms() {
  namespace F = torch::nn::functional;
  auto x = points({2, 6});
  show("linear", F::linear(x, torch::ones({3, 6}), torch::ones({3})));
  show("bilinear", F::bilinear(x, x, torch::ones({2, 6, 6})));
  show("relu", F::relu(x, F::ReLUFuncOptions(false)));
  show("relu6", F::relu6(x));
  show("elu", F::elu(x, F::ELUFuncOptions().alpha(0.3)));
  show("selu", F::selu(x));
  show("celu", F::celu(x, F::CELUFuncOptions().alpha(0.3)));
  show("gelu", F::gelu(x));
  show("silu", F::silu(x));
  show("mish", F::mish(x));
  show("glu", F::glu(x, F::GLUFuncOptions(1)));
  show("logsigmoid", F::logsigmoid(x));
  show("softplus", F::softplus(x));
  show("softsign", F::softsign(x));
  show("tanhshrink", F::tanhshrink(x));
  show("hardshrink", F::hardshrink(x));
  show("softshrink", F::softshrink(x));
  show("hardtanh", F::hardtanh(x));
  show("leaky_relu", F::leaky_relu(x));
  show("prelu", F::prelu(x, torch::full({1}, 0.2)));
  show("rrelu", F::rrelu(x));
  show("threshold", F::threshold(x, F::ThresholdFuncOptions(0.5, -1)));
  show("softmax", F::softmax(x, 1));
  show("softmax in double", F::softmax(x, F::SoftmaxFuncOptions(1).dtype(torch::kDouble)));
  show("softmin", F::softmin(x, 0));
  show("log_softmax", F::log_softmax(x, 1));
  show("gumbel_softmax", F::gumbel_softmax(x, F::GumbelSoftmaxFuncOptions().hard(true).dim(1)));
  show("normalize", F::normalize(x, F::NormalizeFuncOptions().p(2).dim(1)));
  show("layer_norm", F::layer_norm(x, F::LayerNormFuncOptions({6})));
  show("group_norm", F::group_norm(x, F::GroupNormFuncOptions(3)));
  show("local_response_norm",
       F::local_response_norm(x.view({1, 2, 6}), F::LocalResponseNormFuncOptions(2)));
  show("batch_norm", F::batch_norm(x, torch::zeros({6}), torch::ones({6}),
                                   F::BatchNormFuncOptions().training(true)));
  show("instance_norm", F::instance_norm(x.view({1, 2, 6})));
  show("dropout", F::dropout(x, F::DropoutFuncOptions().p(0.5)));
  show("alpha_dropout", F::alpha_dropout(x, F::AlphaDropoutFuncOptions().p(0.5).training(true)));
  show("embedding", F::embedding(torch::tensor({1, 0}), torch::eye(3)));
  show("one_hot", F::one_hot(torch::tensor({1, 0, 2})));
  show("cosine_similarity",
       F::cosine_similarity(x, x + 1, F::CosineSimilarityFuncOptions().dim(1)));
  show("pairwise_distance", F::pairwise_distance(x, x + 1));
  show("pdist", F::pdist(x.view({4, 3})));
}

}  // namespace

int main() {
  run_case("linear", 1e-5, 1e-6, linear);
  run_case("activations", 1e-5, 1e-6, activations);
  run_case("normalisation", 2e-5, 5e-6, normalisation);
  run_case("dropout", 1e-5, 1e-6, dropout);
  run_case("embeddings", 1e-5, 1e-6, embeddings);
  run_case("distances", 1e-5, 1e-6, distances);
  run_case("functions", 1e-5, 1e-6, functional_forms);
}
