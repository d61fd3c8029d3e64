// Modules on time: recurrent layers and cells, packed sequences, attention, the transformer.
#include "module_show.h"

using namespace torch::nn;

namespace {

using State = std::tuple<torch::Tensor, torch::Tensor>;

/// Weighted, so that the gradients differ by place.
torch::Tensor weighted_sum(const torch::Tensor& x) {
  return (x * torch::linspace(0.5, 1.5, x.numel()).view(x.sizes())).sum();
}

template <class Layer>
void show_recurrent(const char* name, Layer layer, const torch::Tensor& input) {
  std::cout << name << ": " << layer << "\n" << std::flush;
  show_state(*layer);
  auto x = input.clone().requires_grad_();
  auto [output, state] = layer->forward(x);
  show("output", output);
  if constexpr (std::is_same_v<Layer, LSTM>) {
    show("hidden", std::get<0>(state));
    show("cell", std::get<1>(state));
  } else {
    show("hidden", state);
  }
  weighted_sum(output).backward();
  show("grad of input", x.grad());
  show_gradients(*layer);
}

void recurrent() {
  auto x = torch::randn({3, 2, 4});
  show_recurrent("RNN", RNN(4, 3), x);
  show_recurrent("RNN relu",
                 RNN(RNNOptions(4, 3).num_layers(2).nonlinearity(torch::kReLU).bias(false)), x);
  show_recurrent("LSTM", LSTM(4, 3), x);
  show_recurrent("LSTM deep",
                 LSTM(LSTMOptions(4, 3).num_layers(2).bidirectional(true).batch_first(true)), x);
  show_recurrent("LSTM projected", LSTM(LSTMOptions(4, 3).proj_size(2)), x);
  show_recurrent("GRU", GRU(GRUOptions(4, 3).num_layers(2).dropout(0)), x);
  show_recurrent("GRU bidirectional", GRU(GRUOptions(4, 2).bidirectional(true)), x);
  LSTM lstm(4, 3);
  auto [output, state] =
      lstm->forward(x, State(torch::ones({1, 2, 3}), torch::ones({1, 2, 3}) * 0.5));
  show("from a state", output);
  GRU gru(4, 3);
  show("GRU from a state", std::get<0>(gru->forward(x, torch::ones({1, 2, 3}))));
  print("flat weights", lstm->all_weights().size());
}

void cells() {
  auto x = torch::randn({2, 4}), h = torch::randn({2, 3});
  show_module("RNNCell", RNNCell(4, 3), x, h);
  show_module("RNNCell relu", RNNCell(RNNCellOptions(4, 3).nonlinearity(torch::kReLU).bias(false)),
              x);
  show_module("GRUCell", GRUCell(4, 3), x, h);
  LSTMCell cell(4, 3);
  print("LSTMCell", cell);
  show_state(*cell);
  auto [hidden, state] = cell->forward(x, State(h, torch::ones({2, 3})));
  show("hidden", hidden);
  show("state", state);
  weighted_sum(hidden + state).backward();
  show_gradients(*cell);
}

void packed() {
  namespace rnn = torch::nn::utils::rnn;
  auto sequences = std::vector<torch::Tensor>(
      {torch::randn({4, 3}), torch::randn({2, 3}), torch::randn({1, 3})});
  show("pad_sequence", rnn::pad_sequence(sequences));
  show("pad_sequence batch first", rnn::pad_sequence(sequences, true, -1));
  auto packed = rnn::pack_sequence(sequences);
  show("data", packed.data());
  show("batch sizes", packed.batch_sizes());
  auto [padded, lengths] = rnn::pad_packed_sequence(packed);
  show("padded", padded);
  show("lengths", lengths);
  auto mixed =
      rnn::pack_padded_sequence(padded, torch::tensor({2, 4, 1}), false, /*enforce_sorted=*/false);
  show("unsorted data", mixed.data());
  show("sorted indices", mixed.sorted_indices());
  show("unsorted indices", mixed.unsorted_indices());
  LSTM lstm(LSTMOptions(3, 2).bidirectional(true));
  auto [output, state] = lstm->forward_with_packed_input(mixed);
  show("LSTM output", std::get<0>(rnn::pad_packed_sequence(output)));
  show("LSTM hidden", std::get<0>(state));
  GRU gru(3, 2);
  show("GRU output", std::get<0>(gru->forward_with_packed_input(packed)).data());
}

void attention() {
  MultiheadAttention attention(MultiheadAttentionOptions(6, 2).dropout(0));
  print("MultiheadAttention", attention);
  show_state(*attention);
  auto query = torch::randn({3, 2, 6}).requires_grad_(), key = torch::randn({4, 2, 6}),
       value = torch::randn({4, 2, 6});
  auto [output, weights] = attention->forward(query, key, value);
  show("output", output);
  show("weights", weights);
  weighted_sum(output).backward();
  show("grad of query", query.grad());
  show_gradients(*attention);
  auto mask = torch::full({3, 4}, -INFINITY).triu(2);  // libtorch adds a Bool mask as ones
  auto padding = torch::tensor({{false, false, false, true}, {false, false, true, true}});
  show("masked", std::get<0>(attention->forward(query, key, value, padding, true, mask)));
  MultiheadAttention wide(MultiheadAttentionOptions(6, 3).kdim(4).vdim(5));
  print("other widths", wide);
  show_state(*wide);
}

void transformer() {
  auto source = torch::randn({3, 2, 4}), target = torch::randn({2, 2, 4});
  TransformerEncoderLayer encoder_layer(
      TransformerEncoderLayerOptions(4, 2).dim_feedforward(6).dropout(0));
  show_module("TransformerEncoderLayer", encoder_layer, source);
  TransformerDecoderLayer decoder_layer(
      TransformerDecoderLayerOptions(4, 2).dim_feedforward(6).dropout(0).activation(torch::kGELU));
  show_module("TransformerDecoderLayer", decoder_layer, target, source);
  TransformerEncoder encoder(TransformerEncoderOptions(encoder_layer, 2));
  print("TransformerEncoder", encoder);
  show("encoded", encoder(source));
  TransformerDecoder decoder(TransformerDecoderOptions(decoder_layer, 2)
                                 .norm(AnyModule(LayerNorm(LayerNormOptions({4})))));
  print("TransformerDecoder", decoder);
  show("decoded", decoder(target, source));
  Transformer transformer(TransformerOptions(4, 2)
                              .num_encoder_layers(1)
                              .num_decoder_layers(1)
                              .dim_feedforward(6)
                              .dropout(0));
  print("Transformer", transformer);
  // libtorch's clone() of layers draws numbers, ours does not.
  torch::manual_seed(1);
  for (auto& parameter : transformer->parameters()) torch::nn::init::normal_(parameter, 0, 0.3);
  auto output = transformer(source, target, torch::Tensor(),
                            Transformer::Impl::generate_square_subsequent_mask(2));
  show("transformed", output);
  weighted_sum(output).backward();
  show_gradients(*transformer);
}

}  // namespace

int main() {
  run_case("recurrent", 1e-5, 2e-6, recurrent);
  run_case("cells", 1e-5, 2e-6, cells);
  run_case("packed", 1e-5, 2e-6, packed);
  run_case("attention", 1e-5, 2e-6, attention);
  run_case("transformer", 2e-5, 5e-6, transformer);
}
