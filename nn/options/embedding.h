// Options of Embedding and EmbeddingBag.
#pragma once

#include "nn/enum.h"
#include "tensor/arg.h"
#include "tensor/tensor.h"

namespace fg::nn {

/// `padding_idx`: a row that stays zero and gets no gradient; `max_norm`: rows that are looked up are
/// first scaled down to this `norm_type`-norm, in place; `scale_grad_by_freq` divides a row's gradient by
/// its count in the batch. Gradients are dense whatever `sparse` says.
struct EmbeddingOptions {
  EmbeddingOptions(int64_t num_embeddings, int64_t embedding_dim)
      : num_embeddings_(num_embeddings), embedding_dim_(embedding_dim) {}
  FUSEGRAD_ARG(int64_t, num_embeddings);
  FUSEGRAD_ARG(int64_t, embedding_dim);
  FUSEGRAD_ARG(optional<int64_t>, padding_idx) = nullopt;
  FUSEGRAD_ARG(optional<double>, max_norm) = nullopt;
  FUSEGRAD_ARG(double, norm_type) = 2.;
  FUSEGRAD_ARG(bool, scale_grad_by_freq) = false;
  FUSEGRAD_ARG(bool, sparse) = false;
  FUSEGRAD_ARG(Tensor, _weight);
};

/// `freeze`: the given weights are not trained.
struct EmbeddingFromPretrainedOptions {
  FUSEGRAD_ARG(bool, freeze) = true;
  FUSEGRAD_ARG(optional<int64_t>, padding_idx) = nullopt;
  FUSEGRAD_ARG(optional<double>, max_norm) = nullopt;
  FUSEGRAD_ARG(double, norm_type) = 2.;
  FUSEGRAD_ARG(bool, scale_grad_by_freq) = false;
  FUSEGRAD_ARG(bool, sparse) = false;
};

/// How the rows of one bag become one row.
using EmbeddingBagMode = OneOf<enumtype::kSum, enumtype::kMean, enumtype::kMax>;

/// `include_last_offset`: the last offset is the end of the last bag.
struct EmbeddingBagOptions {
  EmbeddingBagOptions(int64_t num_embeddings, int64_t embedding_dim)
      : num_embeddings_(num_embeddings), embedding_dim_(embedding_dim) {}
  FUSEGRAD_ARG(int64_t, num_embeddings);
  FUSEGRAD_ARG(int64_t, embedding_dim);
  FUSEGRAD_ARG(optional<double>, max_norm) = nullopt;
  FUSEGRAD_ARG(double, norm_type) = 2.;
  FUSEGRAD_ARG(bool, scale_grad_by_freq) = false;
  FUSEGRAD_ARG(EmbeddingBagMode, mode) = kMean;
  FUSEGRAD_ARG(bool, sparse) = false;
  FUSEGRAD_ARG(Tensor, _weight);
  FUSEGRAD_ARG(bool, include_last_offset) = false;
  FUSEGRAD_ARG(optional<int64_t>, padding_idx) = nullopt;
};

struct EmbeddingBagFromPretrainedOptions {
  FUSEGRAD_ARG(bool, freeze) = true;
  FUSEGRAD_ARG(optional<double>, max_norm) = nullopt;
  FUSEGRAD_ARG(double, norm_type) = 2.;
  FUSEGRAD_ARG(bool, scale_grad_by_freq) = false;
  FUSEGRAD_ARG(EmbeddingBagMode, mode) = kMean;
  FUSEGRAD_ARG(bool, sparse) = false;
  FUSEGRAD_ARG(bool, include_last_offset) = false;
  FUSEGRAD_ARG(optional<int64_t>, padding_idx) = nullopt;
};

namespace functional {

struct EmbeddingFuncOptions {
  FUSEGRAD_ARG(optional<int64_t>, padding_idx) = nullopt;
  FUSEGRAD_ARG(optional<double>, max_norm) = nullopt;
  FUSEGRAD_ARG(double, norm_type) = 2.;
  FUSEGRAD_ARG(bool, scale_grad_by_freq) = false;
  FUSEGRAD_ARG(bool, sparse) = false;
};

struct EmbeddingBagFuncOptions {
  FUSEGRAD_ARG(Tensor, offsets);
  FUSEGRAD_ARG(optional<double>, max_norm) = nullopt;
  FUSEGRAD_ARG(double, norm_type) = 2.;
  FUSEGRAD_ARG(bool, scale_grad_by_freq) = false;
  FUSEGRAD_ARG(EmbeddingBagMode, mode) = kMean;
  FUSEGRAD_ARG(bool, sparse) = false;
  FUSEGRAD_ARG(Tensor, per_sample_weights);
  FUSEGRAD_ARG(bool, include_last_offset) = false;
  FUSEGRAD_ARG(optional<int64_t>, padding_idx) = nullopt;
};

}  // namespace functional
}  // namespace fg::nn
