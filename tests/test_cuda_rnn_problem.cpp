// How recurrent layers are put to cuDNN: the numbers of gates, where parameters go, lengths. Needs no GPU.

#include <map>

#include <doctest/doctest.h>

#include "cuda/cudnn/rnn_problem.h"
#include "cuda/lru_cache.h"
#include "nn/nn.h"
#include "tensor/shape.h"

using namespace fg;
using namespace fg::cuda;
using enum fg::RecurrentKind;

namespace {

RecurrentGeometry lstm_with_everything() { return {Lstm, 5, 4, 3, 2, true, true, {3, 2, 2}}; }

}  // namespace

TEST_CASE("rnn problem: parameters have the shapes of nn's modules") {
  nn::LSTM lstm(nn::LSTMOptions(5, 4).num_layers(2).proj_size(3).bidirectional(true));
  const std::vector<DimVector> shapes = recurrent_parameter_shapes(lstm_with_everything());
  const std::vector<Tensor> parameters = lstm->parameters();
  REQUIRE(shapes.size() == parameters.size());
  for (size_t i = 0; i < shapes.size(); ++i) CHECK(parameters[i].sizes() == IntArrayRef(shapes[i]));

  nn::GRU gru(nn::GRUOptions(5, 4).bias(false));
  const auto plain = recurrent_parameter_shapes({Gru, 5, 4, 0, 1, false, false, {1}});
  REQUIRE(plain.size() == gru->parameters().size());
  CHECK(gru->parameters()[1].sizes() == IntArrayRef(plain[1]));
}

TEST_CASE("rnn problem: every element of every parameter belongs to one part") {
  for (const RecurrentGeometry& g :
       {lstm_with_everything(), RecurrentGeometry{Lstm, 5, 4, 0, 1, false, false, {1}},
        RecurrentGeometry{Gru, 5, 4, 0, 2, true, true, {1}},
        RecurrentGeometry{RnnRelu, 5, 4, 0, 1, true, false, {1}}}) {
    const std::vector<DimVector> shapes = recurrent_parameter_shapes(g);
    std::map<int64_t, int64_t> next;  // by parameter
    for (const RnnPart& part : rnn_parts(g)) {
      CHECK(part.first == next[part.parameter]);
      next[part.parameter] += part.count;
      CHECK(part.is_bias == (shapes[size_t(part.parameter)].size() == 1));
    }
    for (size_t i = 0; i < shapes.size(); ++i) CHECK(next[int64_t(i)] == numel_of(shapes[i]));
  }
}

TEST_CASE("rnn problem: cuDNN's numbers of layers and gates") {
  const std::vector<RnnPart> parts = rnn_parts(lstm_with_everything());
  REQUIRE(parts.size() == 4 * 17);
  const auto is = [&](size_t i, int32_t layer, int32_t id, bool bias, int64_t parameter) {
    const RnnPart& p = parts[i];
    return p.pseudo_layer == layer && p.linear_id == id && p.is_bias == bias &&
           p.parameter == parameter;
  };
  CHECK(is(0, 0, 0, false, 0));    // weight_ih_l0, input gate
  CHECK(is(3, 0, 3, false, 0));    // output gate
  CHECK(is(4, 0, 4, false, 1));    // weight_hh_l0, input gate
  CHECK(is(8, 0, 0, true, 2));     // bias_ih_l0
  CHECK(is(15, 0, 7, true, 3));    // bias_hh_l0, output gate
  CHECK(is(16, 0, 8, false, 4));   // weight_hr_l0
  CHECK(is(17, 1, 0, false, 5));   // weight_ih_l0_reverse
  CHECK(is(34, 2, 0, false, 10));  // weight_ih_l1
  const std::vector<RnnPart> gru = rnn_parts({Gru, 5, 4, 0, 1, true, false, {1}});
  REQUIRE(gru.size() == 12);
  CHECK(gru[3].linear_id == 3);
  CHECK(gru[3].count == 16);
  CHECK(gru[2].first == 40);
}

TEST_CASE("rnn problem: slices that adjoin in both places are one copy") {
  const std::vector<RnnSlice> slices = {{0, 0, 4, 10}, {0, 4, 4, 14}, {0, 8, 4, 30},
                                        {1, 0, 4, 34}, {1, 4, 4, 38}, {2, 0, 4, 42}};
  const std::vector<RnnSlice> want = {{0, 0, 8, 10}, {0, 8, 4, 30}, {1, 0, 8, 34}, {2, 0, 4, 42}};
  CHECK(joined(slices) == want);
  CHECK(joined({}).empty());
}

TEST_CASE("rnn problem: lengths, and the key of what is kept") {
  CHECK(sequence_lengths({3, 3}) == std::vector<int32_t>{2, 2, 2});
  CHECK(sequence_lengths({4, 2, 1}) == std::vector<int32_t>{3, 2, 1, 1});
  const RecurrentGeometry base = lstm_with_everything();
  std::vector<RnnKey> keys{make_rnn_key(base, kFloat, false)};
  const auto changed = [&](const auto& change) {
    RecurrentGeometry g = base;
    change(g);
    keys.push_back(make_rnn_key(g, kFloat, false));
  };
  changed([](RecurrentGeometry& g) { g.kind = Gru; });
  changed([](RecurrentGeometry& g) { g.input_size = 6; });
  changed([](RecurrentGeometry& g) { g.hidden_size = 6; });
  changed([](RecurrentGeometry& g) { g.proj_size = 0; });
  changed([](RecurrentGeometry& g) { g.num_layers = 1; });
  changed([](RecurrentGeometry& g) { g.bias = false; });
  changed([](RecurrentGeometry& g) { g.bidirectional = false; });
  changed([](RecurrentGeometry& g) { g.batch_sizes = {3, 3}; });
  keys.push_back(make_rnn_key(base, kFloat, true));
  keys.push_back(make_rnn_key(base, kHalf, true));
  LruCache<RnnKey, size_t> cache(100);
  for (size_t i = 0; i < keys.size(); ++i) cache.insert(keys[i], i);
  CHECK(cache.stats().size == int64_t(keys.size()));
  // What TF32 and the lengths' values do not change is one entry.
  cache.insert(make_rnn_key(base, kHalf, false), 0);
  RecurrentGeometry longer = base;
  longer.batch_sizes = {5, 4, 3, 2};
  cache.insert(make_rnn_key(longer, kFloat, false), 0);
  CHECK(cache.stats().size == int64_t(keys.size()));
}
