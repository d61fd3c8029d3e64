// Losses, as modules and as functions.
#include "module_show.h"

using namespace torch::nn;
namespace F = torch::nn::functional;

namespace {

void regression() {
  auto x = torch::randn({3, 4}), y = torch::randn({3, 4}), p = torch::rand({3, 4}),
       q = torch::rand({3, 4});
  show_module("L1Loss", L1Loss(), x, y);
  show_module("L1Loss sum", L1Loss(L1LossOptions(torch::kSum)), x, y);
  show_module("MSELoss", MSELoss(), x, y);
  show_module("MSELoss none", MSELoss(MSELossOptions().reduction(torch::kNone)), x, y);
  show_module("SmoothL1Loss", SmoothL1Loss(SmoothL1LossOptions().beta(0.5)), x, y);
  show_module("HuberLoss", HuberLoss(HuberLossOptions().delta(0.7)), x, y);
  show_module("KLDivLoss", KLDivLoss(KLDivLossOptions().reduction(torch::kBatchMean)), p.log(), q);
  show_module("KLDivLoss of logs",
              KLDivLoss(KLDivLossOptions().reduction(torch::kSum).log_target(true)), p.log(),
              q.log());
  show_module("BCELoss", BCELoss(), p, q);
  show_module("BCELoss weighted",
              BCELoss(BCELossOptions().weight(torch::rand({4})).reduction(torch::kSum)), p, q);
  show_module("BCEWithLogitsLoss", BCEWithLogitsLoss(), x, q);
  show_module("BCEWithLogitsLoss weighted",
              BCEWithLogitsLoss(
                  BCEWithLogitsLossOptions().pos_weight(torch::tensor({1.f, 2.f, 0.5f, 3.f}))),
              x, q);
  show_module("PoissonNLLLoss", PoissonNLLLoss(), x, p);
  show_module("PoissonNLLLoss full",
              PoissonNLLLoss(PoissonNLLLossOptions().log_input(false).full(true)), p + 1, q + 1.5);
  auto sign = torch::where(x > 0, torch::ones({1}), -torch::ones({1}));
  show_module("HingeEmbeddingLoss", HingeEmbeddingLoss(HingeEmbeddingLossOptions().margin(0.5)), y,
              sign);
  show("SoftMarginLoss", SoftMarginLoss()(y, sign));
}

void classification() {
  auto x = torch::randn({4, 3}), labels = torch::tensor({0, 2, 1, 2});
  show_module("NLLLoss", NLLLoss(), torch::log_softmax(x, 1), labels);
  show_module("NLLLoss weighted",
              NLLLoss(NLLLossOptions()
                          .weight(torch::tensor({1.f, 2.f, 3.f}))
                          .ignore_index(1)
                          .reduction(torch::kSum)),
              torch::log_softmax(x, 1), labels);
  show_module("CrossEntropyLoss", CrossEntropyLoss(), x, labels);
  show_module(
      "CrossEntropyLoss smooth",
      CrossEntropyLoss(CrossEntropyLossOptions().label_smoothing(0.1).reduction(torch::kNone)), x,
      labels);
  show_module("CrossEntropyLoss of probabilities", CrossEntropyLoss(), x,
              torch::softmax(torch::randn({4, 3}), 1));
  show_module("MultiMarginLoss", MultiMarginLoss(MultiMarginLossOptions().margin(0.8)), x, labels);
  show_module("MultiLabelMarginLoss", MultiLabelMarginLoss(), x,
              torch::tensor({{0, 2, -1}, {1, -1, 0}, {2, 1, 0}, {-1, 0, 0}}));
  show_module("MultiLabelSoftMarginLoss", MultiLabelSoftMarginLoss(), x,
              (torch::randn({4, 3}) > 0).to(torch::kFloat));
  auto image = torch::randn({2, 3, 2, 2});
  show_module("CrossEntropyLoss of images", CrossEntropyLoss(), image,
              torch::randint(3, {2, 2, 2}));
}

void embeddings() {
  auto a = torch::randn({4, 5}), b = torch::randn({4, 5}), c = torch::randn({4, 5});
  auto sign = torch::tensor({1.f, -1.f, 1.f, -1.f});
  show_module("CosineEmbeddingLoss", CosineEmbeddingLoss(CosineEmbeddingLossOptions().margin(0.2)),
              a, b, sign);
  show_module("MarginRankingLoss", MarginRankingLoss(MarginRankingLossOptions().margin(0.5)),
              a[0].slice(0, 0, 4), b[0].slice(0, 0, 4), sign);
  show_module("TripletMarginLoss",
              TripletMarginLoss(TripletMarginLossOptions().margin(1.5).p(2).swap(true)), a, b, c);
  show_module("TripletMarginWithDistanceLoss", TripletMarginWithDistanceLoss(), a, b, c);
  const auto distance = [](const torch::Tensor& x, const torch::Tensor& y) {
    return (x - y).abs().sum(1);
  };
  show("with a distance",
       F::triplet_margin_with_distance_loss(
           a, b, c,
           F::TripletMarginWithDistanceLossFuncOptions().distance_function(distance).margin(3)));
}

// Through log_softmax: libtorch's gradient of log_probs itself takes it to be there.
void ctc() {
  auto logits = torch::randn({6, 2, 4}).requires_grad_();
  auto log_probs = torch::log_softmax(logits, 2);
  auto lengths = torch::tensor({6, 6}), target_lengths = torch::tensor({2, 3});
  auto first = CTCLoss()(log_probs, torch::tensor({{1, 2, 0}, {3, 3, 1}}), lengths, target_lengths);
  CTCLoss other(CTCLossOptions().blank(1).reduction(torch::kSum).zero_infinity(true));
  auto second = other(log_probs, torch::tensor({{2, 3, 0}, {3, 2, 0}}), lengths, target_lengths);
  print("CTCLoss", other);
  show("mean", first);
  show("sum", second);
  (first + second).backward();
  show("grad of logits", logits.grad());
}

void functional_forms() {
  auto x = torch::randn({3, 4}), y = torch::randn({3, 4}), p = torch::rand({3, 4}),
       labels = torch::tensor({0, 3, 1});
  show("l1", F::l1_loss(x, y));
  show("mse", F::mse_loss(x, y, F::MSELossFuncOptions(torch::kSum)));
  show("smooth l1", F::smooth_l1_loss(x, y));
  show("huber", F::huber_loss(x, y));
  show("kl_div", F::kl_div(p.log(), p.flip({0}), F::KLDivFuncOptions(torch::kBatchMean)));
  show("bce", F::binary_cross_entropy(p, p.flip({0})));
  show("bce with logits", F::binary_cross_entropy_with_logits(x, p));
  show("nll", F::nll_loss(torch::log_softmax(x, 1), labels));
  show("cross entropy",
       F::cross_entropy(x, labels, F::CrossEntropyFuncOptions().label_smoothing(0.2)));
  show("poisson nll", F::poisson_nll_loss(x, p));
  show("hinge", F::hinge_embedding_loss(x, x.sign()));
  show("soft margin", F::soft_margin_loss(x, x.sign()));
  show("multi margin", F::multi_margin_loss(x, labels, F::MultiMarginLossFuncOptions().p(2)));
  show("multilabel soft margin", F::multilabel_soft_margin_loss(x, (y > 0).to(torch::kFloat)));
  show("cosine embedding", F::cosine_embedding_loss(x, y, torch::tensor({1, -1, 1})));
  show("margin ranking", F::margin_ranking_loss(x, y, x.sign()));
  show("triplet", F::triplet_margin_loss(x, y, x.flip({0})));
  show("torch::mse_loss", torch::mse_loss(x, y));
  show("torch::binary_cross_entropy", torch::binary_cross_entropy(p, p));
  show("broadcast mse", F::mse_loss(x, y[0].unsqueeze(0)));
}

}  // namespace

int main() {
  run_case("regression", 1e-5, 1e-6, regression);
  run_case("classification", 1e-5, 1e-6, classification);
  run_case("embeddings", 1e-5, 1e-6, embeddings);
  run_case("ctc", 1e-5, 1e-6, ctc);
  run_case("functions", 1e-5, 1e-6, functional_forms);
}
