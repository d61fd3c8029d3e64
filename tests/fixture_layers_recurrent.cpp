#include "nn/modules.h"
#include "tensor/factories.h"
#include "tests/layer_options.h"

namespace fg::test {

namespace {

namespace rnn = nn::utils::rnn;

Tensors joined(Tensors first, const Tensor& hidden) {
  first.push_back(hidden);
  return first;
}
Tensors joined(Tensors first, const std::tuple<Tensor, Tensor>& state) {
  return joined(joined(std::move(first), std::get<0>(state)), std::get<1>(state));
}

/// The initial state in `t` from position `at` on, as the layer takes it.
template <class Holder>
auto state_from(const Tensors& t, size_t at) {
  if constexpr (std::is_same_v<Holder, nn::LSTM>) {
    using State = std::tuple<Tensor, Tensor>;
    return t.size() > at ? optional<State>(State(t[at], t[at + 1])) : nullopt;
  } else {
    return t.size() > at ? t[at] : Tensor();
  }
}

template <class Holder, class Options>
Holder recurrent(const Arguments& a) {
  auto options = filled<0>(Options(a.integer("input_size"), a.integer("hidden_size")), a);
  if constexpr (requires { options.nonlinearity(kReLU); })
    if (a.text("nonlinearity") == "relu") options.nonlinearity(kReLU);
  return Holder(options);
}

template <class Holder, class Options>
LayerMaker plain() {
  return [](auto& a, auto&) {
    Holder module = recurrent<Holder, Options>(a);
    return Layer{module.ptr(), [module](const Tensors& t) mutable {
                   const auto [y, state] = module(t[0], state_from<Holder>(t, 1));
                   return joined({y}, state);
                 }};
  };
}

/// Padded sequences and their lengths to the padded output, the lengths, the packed input and the
/// final states.
template <class Holder, class Options>
LayerMaker packed() {
  return [](auto& a, auto&) {
    Holder module = recurrent<Holder, Options>(a);
    return Layer{module.ptr(), [module, a](const Tensors& t) mutable {
                   const bool batch_first = module->options.batch_first();
                   const auto input = rnn::pack_padded_sequence(t[0], t[1].cpu(), batch_first,
                                                                a.flag("enforce_sorted"));
                   const auto [y, state] =
                       module->forward_with_packed_input(input, state_from<Holder>(t, 2));
                   const auto [padded, lengths] = rnn::pad_packed_sequence(
                       y, batch_first, 0.5, a.optional_integer("total_length"));
                   return joined({padded, lengths, input.data()}, state);
                 }};
  };
}

Layer transformer(const Arguments& a, const StateDict&) {
  auto options =
      nn::TransformerOptions(a.integer("d_model"), a.integer("nhead"),
                             a.integer("num_encoder_layers"), a.integer("num_decoder_layers"))
          .dim_feedforward(a.integer("dim_feedforward"))
          .dropout(a.number("dropout"))
          .batch_first(a.flag("batch_first"))
          .norm_first(a.flag("norm_first"));
  if (a.text("activation") == "gelu") options.activation(kGELU);
  return layer_of(nn::Transformer(options));
}

Layer adaptive_softmax(const Arguments& a, const StateDict&) {
  nn::AdaptiveLogSoftmaxWithLossOptions options(a.integer("in_features"), a.integer("n_classes"),
                                                a.integers("cutoffs"));
  if (a.has("div_value")) options.div_value(a.number("div_value"));
  nn::AdaptiveLogSoftmaxWithLoss module(options.head_bias(a.flag("head_bias")));
  return Layer{module.ptr(), [module](const Tensors& t) mutable {
                 const nn::ASMoutput result = module(t[0], t[1]);
                 Tensors outputs = {result.output, tensor(result.loss, kDouble)};
                 if (t[0].dim() == 1) return outputs;
                 outputs.push_back(module->log_prob(t[0]));
                 outputs.push_back(module->predict(t[0]));
                 return outputs;
               }};
}

}  // namespace

void add_recurrent_layers(LayerTable& table) {
  table["RNN"] = plain<nn::RNN, nn::RNNOptions>();
  table["LSTM"] = plain<nn::LSTM, nn::LSTMOptions>();
  table["GRU"] = plain<nn::GRU, nn::GRUOptions>();
  table["Transformer"] = transformer;
  table["AdaptiveLogSoftmaxWithLoss"] = adaptive_softmax;
  table["PackedRNN"] = packed<nn::RNN, nn::RNNOptions>();
  table["PackedLSTM"] = packed<nn::LSTM, nn::LSTMOptions>();
  table["PackedGRU"] = packed<nn::GRU, nn::GRUOptions>();
}

}  // namespace fg::test
