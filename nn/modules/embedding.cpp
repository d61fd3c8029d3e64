#include "nn/modules/embedding.h"

#include "autograd/grad_mode.h"
#include "nn/init.h"
#include "tensor/factories.h"

namespace fg::nn {
namespace {

/// What Embedding and EmbeddingBag share: the table, given or drawn, and its padding row.
template <class Impl>
void reset_table(Impl& module, const char* op) {
  auto& options = module.options;
  if (options.padding_idx()) {
    int64_t& index = *options.padding_idx();
    const int64_t count = options.num_embeddings();
    ENSURE(index >= -count && index < count, op, ": padding_idx must be within num_embeddings (",
           count, "), got ", index);
    if (index < 0) index += count;
  }
  const DimVector shape{options.num_embeddings(), options.embedding_dim()};
  if (options._weight().defined()) {
    ENSURE(options._weight().sizes() == IntArrayRef(shape), op, ": _weight must have shape ", shape,
           " (num_embeddings, embedding_dim), got ", options._weight().sizes());
    module.weight = module.register_parameter("weight", options._weight());
  } else {
    module.weight = module.register_parameter("weight", empty(shape));
    module.reset_parameters();
  }
}

template <class Impl>
void reset_table_values(Impl& module) {
  init::normal_(module.weight);
  if (const auto& index = module.options.padding_idx()) {
    NoGradGuard no_grad;
    module.weight.select(0, *index).fill_(0);
  }
}

template <class Options>
void print_table(std::ostream& out, const Options& options) {
  if (options.max_norm()) out << ", max_norm=" << *options.max_norm();
  if (options.norm_type() != 2) out << ", norm_type=" << options.norm_type();
  if (options.scale_grad_by_freq()) out << ", scale_grad_by_freq=true";
  if (options.sparse()) out << ", sparse=true";
}

/// A holder around given weights.
template <class Holder, class Options, class From>
Holder wrap_pretrained(Options options, const Tensor& embeddings, const From& from) {
  options._weight(embeddings)
      .max_norm(from.max_norm())
      .norm_type(from.norm_type())
      .scale_grad_by_freq(from.scale_grad_by_freq())
      .sparse(from.sparse())
      .padding_idx(from.padding_idx());
  Holder holder(options);
  holder->weight.set_requires_grad(!from.freeze());
  return holder;
}

}  // namespace

void EmbeddingImpl::reset() { reset_table(*this, "Embedding"); }

void EmbeddingImpl::reset_parameters() { reset_table_values(*this); }

void EmbeddingImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::Embedding(num_embeddings=" << options.num_embeddings()
      << ", embedding_dim=" << options.embedding_dim();
  if (options.padding_idx()) out << ", padding_idx=" << *options.padding_idx();
  print_table(out, options);
  out << ')';
}

Tensor EmbeddingImpl::forward(const Tensor& indices) {
  return functional::embedding(indices, weight,
                               functional::EmbeddingFuncOptions()
                                   .padding_idx(options.padding_idx())
                                   .max_norm(options.max_norm())
                                   .norm_type(options.norm_type())
                                   .scale_grad_by_freq(options.scale_grad_by_freq())
                                   .sparse(options.sparse()));
}

Embedding Embedding::from_pretrained(const Tensor& embeddings,
                                     const EmbeddingFromPretrainedOptions& options) {
  ENSURE(embeddings.dim() == 2, "Embedding::from_pretrained: embeddings must have 2 dims, got ",
         embeddings.sizes());
  return wrap_pretrained<Embedding>(EmbeddingOptions(embeddings.size(0), embeddings.size(1)),
                                    embeddings, options);
}

void EmbeddingBagImpl::reset() { reset_table(*this, "EmbeddingBag"); }

void EmbeddingBagImpl::reset_parameters() { reset_table_values(*this); }

void EmbeddingBagImpl::pretty_print(std::ostream& out) const {
  out << "torch::nn::EmbeddingBag(num_embeddings=" << options.num_embeddings()
      << ", embedding_dim=" << options.embedding_dim();
  print_table(out, options);
  if (!(options.mode() == kMean)) out << ", mode=" << options.mode();
  if (options.include_last_offset()) out << ", include_last_offset=true";
  if (options.padding_idx()) out << ", padding_idx=" << *options.padding_idx();
  out << ')';
}

Tensor EmbeddingBagImpl::forward(const Tensor& input, const Tensor& offsets,
                                 const Tensor& per_sample_weights) {
  return functional::embedding_bag(input, weight,
                                   functional::EmbeddingBagFuncOptions()
                                       .offsets(offsets)
                                       .max_norm(options.max_norm())
                                       .norm_type(options.norm_type())
                                       .scale_grad_by_freq(options.scale_grad_by_freq())
                                       .mode(options.mode())
                                       .sparse(options.sparse())
                                       .per_sample_weights(per_sample_weights)
                                       .include_last_offset(options.include_last_offset())
                                       .padding_idx(options.padding_idx()));
}

EmbeddingBag EmbeddingBag::from_pretrained(const Tensor& embeddings,
                                           const EmbeddingBagFromPretrainedOptions& options) {
  ENSURE(embeddings.dim() == 2, "EmbeddingBag::from_pretrained: embeddings must have 2 dims, got ",
         embeddings.sizes());
  return wrap_pretrained<EmbeddingBag>(EmbeddingBagOptions(embeddings.size(0), embeddings.size(1))
                                           .mode(options.mode())
                                           .include_last_offset(options.include_last_offset()),
                                       embeddings, options);
}

}  // namespace fg::nn
