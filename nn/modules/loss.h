// Losses as modules; nn/functional/loss.h has the formulas and shapes.
#pragma once

#include "nn/functional/loss.h"
#include "nn/modules/function_module.h"

namespace fg::nn {

void print_options(std::ostream& out, const SmoothL1LossOptions& options);
void print_options(std::ostream& out, const HuberLossOptions& options);
void print_options(std::ostream& out, const HingeEmbeddingLossOptions& options);
void print_options(std::ostream& out, const MultiMarginLossOptions& options);
void print_options(std::ostream& out, const CosineEmbeddingLossOptions& options);
void print_options(std::ostream& out, const TripletMarginLossOptions& options);
void print_options(std::ostream& out, const TripletMarginWithDistanceLossOptions& options);

class L1LossImpl : public FunctionModule<L1LossImpl, functional::l1_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using L1Loss = ModuleHolder<L1LossImpl>;

class MSELossImpl : public FunctionModule<MSELossImpl, functional::mse_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using MSELoss = ModuleHolder<MSELossImpl>;

class SmoothL1LossImpl : public FunctionModule<SmoothL1LossImpl, functional::smooth_l1_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using SmoothL1Loss = ModuleHolder<SmoothL1LossImpl>;

class HuberLossImpl : public FunctionModule<HuberLossImpl, functional::huber_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using HuberLoss = ModuleHolder<HuberLossImpl>;

class KLDivLossImpl : public FunctionModule<KLDivLossImpl, functional::kl_div> {
 public:
  using FunctionModule::FunctionModule;
};
using KLDivLoss = ModuleHolder<KLDivLossImpl>;

class BCELossImpl : public FunctionModule<BCELossImpl, functional::binary_cross_entropy> {
 public:
  using FunctionModule::FunctionModule;
};
using BCELoss = ModuleHolder<BCELossImpl>;

class BCEWithLogitsLossImpl
    : public FunctionModule<BCEWithLogitsLossImpl, functional::binary_cross_entropy_with_logits> {
 public:
  using FunctionModule::FunctionModule;
};
using BCEWithLogitsLoss = ModuleHolder<BCEWithLogitsLossImpl>;

class HingeEmbeddingLossImpl
    : public FunctionModule<HingeEmbeddingLossImpl, functional::hinge_embedding_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using HingeEmbeddingLoss = ModuleHolder<HingeEmbeddingLossImpl>;

class SoftMarginLossImpl : public FunctionModule<SoftMarginLossImpl, functional::soft_margin_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using SoftMarginLoss = ModuleHolder<SoftMarginLossImpl>;

class PoissonNLLLossImpl : public FunctionModule<PoissonNLLLossImpl, functional::poisson_nll_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using PoissonNLLLoss = ModuleHolder<PoissonNLLLossImpl>;

class GaussianNLLLossImpl
    : public FunctionModule<GaussianNLLLossImpl, functional::gaussian_nll_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using GaussianNLLLoss = ModuleHolder<GaussianNLLLossImpl>;

class NLLLossImpl : public FunctionModule<NLLLossImpl, functional::nll_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using NLLLoss = ModuleHolder<NLLLossImpl>;

class CrossEntropyLossImpl
    : public FunctionModule<CrossEntropyLossImpl, functional::cross_entropy> {
 public:
  using FunctionModule::FunctionModule;
};
using CrossEntropyLoss = ModuleHolder<CrossEntropyLossImpl>;

class MultiMarginLossImpl
    : public FunctionModule<MultiMarginLossImpl, functional::multi_margin_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using MultiMarginLoss = ModuleHolder<MultiMarginLossImpl>;

class MultiLabelMarginLossImpl
    : public FunctionModule<MultiLabelMarginLossImpl, functional::multilabel_margin_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using MultiLabelMarginLoss = ModuleHolder<MultiLabelMarginLossImpl>;

class MultiLabelSoftMarginLossImpl
    : public FunctionModule<MultiLabelSoftMarginLossImpl, functional::multilabel_soft_margin_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using MultiLabelSoftMarginLoss = ModuleHolder<MultiLabelSoftMarginLossImpl>;

class CTCLossImpl : public FunctionModule<CTCLossImpl, functional::ctc_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using CTCLoss = ModuleHolder<CTCLossImpl>;

class CosineEmbeddingLossImpl
    : public FunctionModule<CosineEmbeddingLossImpl, functional::cosine_embedding_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using CosineEmbeddingLoss = ModuleHolder<CosineEmbeddingLossImpl>;

class MarginRankingLossImpl
    : public FunctionModule<MarginRankingLossImpl, functional::margin_ranking_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using MarginRankingLoss = ModuleHolder<MarginRankingLossImpl>;

class TripletMarginLossImpl
    : public FunctionModule<TripletMarginLossImpl, functional::triplet_margin_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using TripletMarginLoss = ModuleHolder<TripletMarginLossImpl>;

class TripletMarginWithDistanceLossImpl
    : public FunctionModule<TripletMarginWithDistanceLossImpl,
                            functional::triplet_margin_with_distance_loss> {
 public:
  using FunctionModule::FunctionModule;
};
using TripletMarginWithDistanceLoss = ModuleHolder<TripletMarginWithDistanceLossImpl>;

}  // namespace fg::nn
