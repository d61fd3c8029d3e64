#include "nn/modules.h"
#include "tests/layer_options.h"

namespace fg::test {

namespace {

/// A module whose Options have a default for everything.
template <class Holder, class Options>
LayerMaker plain() {
  return [](auto& a, auto& tensors) { return layer_of(Holder(filled<0>(Options(), a, tensors))); };
}

/// A module without options.
template <class Holder>
LayerMaker bare() {
  return [](auto&, auto&) { return layer_of(Holder()); };
}

void add_linear_layers(LayerTable& table) {
  table["Linear"] = [](auto& a, auto&) {
    const nn::LinearOptions options(a.integer("in_features"), a.integer("out_features"));
    return layer_of(nn::Linear(filled<0>(options, a)));
  };
  table["Bilinear"] = [](auto& a, auto&) {
    const nn::BilinearOptions options(a.integer("in1_features"), a.integer("in2_features"),
                                      a.integer("out_features"));
    return layer_of(nn::Bilinear(filled<0>(options, a)));
  };
  table["Embedding"] = [](auto& a, auto&) {
    const nn::EmbeddingOptions options(a.integer("num_embeddings"), a.integer("embedding_dim"));
    return layer_of(nn::Embedding(filled<0>(options, a)));
  };
  table["Identity"] = bare<nn::Identity>();
  table["Flatten"] = plain<nn::Flatten, nn::FlattenOptions>();
  table["Unflatten"] = [](auto& a, auto&) {
    return layer_of(
        nn::Unflatten(nn::UnflattenOptions(a.integer("dim"), a.integers("unflattened_size"))));
  };
}

void add_activations(LayerTable& table) {
#define X(Name) table[#Name] = bare<nn::Name>()
  X(ReLU);
  X(ReLU6);
  X(SELU);
  X(SiLU);
  X(Mish);
  X(Sigmoid);
  X(Tanh);
  X(Softsign);
  X(Hardsigmoid);
  X(Hardswish);
  X(Tanhshrink);
  X(LogSigmoid);
  X(Softmax2d);
  X(RReLU);
  X(Dropout);
  X(AlphaDropout);
#undef X
#define X(Name) table[#Name] = plain<nn::Name, nn::Name##Options>()
  X(ELU);
  X(CELU);
  X(GELU);
  X(Softplus);
  X(Hardtanh);
  X(LeakyReLU);
  X(GLU);
  X(PReLU);
#undef X
#define X(Name)                                                     \
  table[#Name] = [](auto& a, auto&) {                               \
    return layer_of(nn::Name(nn::Name##Options(a.integer("dim")))); \
  };
  X(Softmax);
  X(Softmin);
  X(LogSoftmax);
#undef X
  table["Hardshrink"] = [](auto& a, auto&) {
    return layer_of(nn::Hardshrink(nn::HardshrinkOptions(a.number("lambd", 0.5))));
  };
  table["Softshrink"] = [](auto& a, auto&) {
    return layer_of(nn::Softshrink(nn::SoftshrinkOptions(a.number("lambd", 0.5))));
  };
  table["Threshold"] = [](auto& a, auto&) {
    return layer_of(nn::Threshold(nn::ThresholdOptions(a.number("threshold"), a.number("value"))));
  };
}

}  // namespace

void add_plain_layers(LayerTable& table) {
  add_linear_layers(table);
  add_activations(table);
  table["CosineSimilarity"] = plain<nn::CosineSimilarity, nn::CosineSimilarityOptions>();
  table["PairwiseDistance"] = plain<nn::PairwiseDistance, nn::PairwiseDistanceOptions>();
}

void add_losses(LayerTable& table) {
#define X(Name) table[#Name] = plain<nn::Name, nn::Name##Options>()
  X(L1Loss);
  X(MSELoss);
  X(SmoothL1Loss);
  X(HuberLoss);
  X(KLDivLoss);
  X(BCELoss);
  X(BCEWithLogitsLoss);
  X(HingeEmbeddingLoss);
  X(SoftMarginLoss);
  X(PoissonNLLLoss);
  X(GaussianNLLLoss);
  X(NLLLoss);
  X(CrossEntropyLoss);
  X(MultiMarginLoss);
  X(MultiLabelMarginLoss);
  X(MultiLabelSoftMarginLoss);
  X(CosineEmbeddingLoss);
  X(MarginRankingLoss);
  X(TripletMarginLoss);
#undef X
}

const LayerTable& layer_table() {
  static const LayerTable table = [] {
    LayerTable result;
    add_spatial_layers(result);
    add_plain_layers(result);
    add_losses(result);
    add_recurrent_layers(result);
    return result;
  }();
  return table;
}

}  // namespace fg::test
