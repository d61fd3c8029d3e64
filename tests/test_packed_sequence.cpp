// Packed sequences: round trips, recurrent layers against each sequence alone, and the error texts.
#include <doctest/doctest.h>

#include "autograd/gradcheck.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "nn/nn.h"
#include "tensor/factories.h"
#include "tests/op_check.h"

using namespace fg;
using namespace fg::nn;
using namespace fg::nn::utils::rnn;

namespace {

Tensor longs(std::vector<int64_t> values) { return tensor(values, kLong); }

std::vector<Tensor> sequences() {
  return {randn({2, 3}, kDouble), randn({5, 3}, kDouble), randn({1, 3}, kDouble),
          randn({5, 3}, kDouble)};
}

}  // namespace

TEST_CASE("pack_sequence: orders by time, and unpacks to where it came from") {
  const std::vector<Tensor> parts = sequences();
  CHECK_THROWS_AS(pack_sequence(parts), Error);
  const PackedSequence packed = pack_sequence(parts, /*enforce_sorted=*/false);
  CHECK(packed.batch_sizes().equal(longs({4, 3, 2, 2, 2})));
  CHECK(packed.sorted_indices().equal(longs({1, 3, 0, 2})));
  CHECK(packed.unsorted_indices().equal(longs({2, 0, 3, 1})));
  CHECK(packed.data().sizes() == IntArrayRef({13, 3}));
  CHECK(packed.data()[0].equal(parts[1][0]));
  CHECK(packed.data()[6].equal(parts[0][1]));

  const auto [padded, lengths] = pad_packed_sequence(packed, /*batch_first=*/true, -7, 6);
  CHECK(lengths.equal(longs({2, 5, 1, 5})));
  CHECK(padded.sizes() == IntArrayRef({4, 6, 3}));
  for (int64_t i = 0; i < 4; ++i) {
    const int64_t length = parts[size_t(i)].size(0);
    CHECK(padded[i].narrow(0, 0, length).equal(parts[size_t(i)]));
    CHECK(padded[i].narrow(0, length, 6 - length).eq(-7).all().item<bool>());
  }
  const PackedSequence sorted = pack_sequence({parts[1], parts[3], parts[0]});
  CHECK_FALSE(sorted.sorted_indices().defined());
  CHECK(std::get<0>(pad_packed_sequence(sorted)).sizes() == IntArrayRef({5, 3, 3}));

  const PackedSequence narrow = packed.to(kFloat);
  CHECK(narrow.data().dtype() == kFloat);
  CHECK(narrow.batch_sizes().is_same(packed.batch_sizes()));
  CHECK(packed.to(kDouble).data().is_same(packed.data()));
}

TEST_CASE("packed sequences: gradients") {
  using Variables = std::vector<Tensor>;
  test::check_op("pack and pad",
                 [](const Variables& t) {
                   const auto packed = pack_padded_sequence(t[0], longs({1, 3, 2}), false, false);
                   return std::get<0>(pad_packed_sequence(
                       PackedSequence(packed.data() * packed.data(), packed.batch_sizes(),
                                      packed.sorted_indices(), packed.unsorted_indices())));
                 },
                 {test::input({4, 3, 2})});
}

TEST_CASE("recurrent layers: a packed batch is each sequence alone") {
  const std::vector<Tensor> parts = sequences();
  LSTM lstm(LSTMOptions(3, 4).num_layers(2).bidirectional(true).proj_size(2));
  GRU gru(GRUOptions(3, 4).bidirectional(true));
  lstm->to(kDouble);
  gru->to(kDouble);
  const PackedSequence packed = pack_sequence(parts, false);
  const auto [y, state] = lstm->forward_with_packed_input(packed);
  const auto [z, hidden] = gru->forward_with_packed_input(packed);
  const Tensor padded = std::get<0>(pad_packed_sequence(y, true));
  const Tensor padded_gru = std::get<0>(pad_packed_sequence(z, true));
  CHECK(y.sorted_indices().is_same(packed.sorted_indices()));
  for (int64_t i = 0; i < 4; ++i) {
    const Tensor& x = parts[size_t(i)];
    const auto [alone, last] = lstm(x);
    CHECK(padded[i].narrow(0, 0, x.size(0)).allclose(alone, 1e-12, 1e-12));
    CHECK(std::get<0>(state).select(1, i).allclose(std::get<0>(last), 1e-12, 1e-12));
    CHECK(std::get<1>(state).select(1, i).allclose(std::get<1>(last), 1e-12, 1e-12));
    const auto [alone_gru, last_gru] = gru(x);
    CHECK(padded_gru[i].narrow(0, 0, x.size(0)).allclose(alone_gru, 1e-12, 1e-12));
    CHECK(hidden.select(1, i).allclose(last_gru, 1e-12, 1e-12));
  }
}

TEST_CASE("packed sequences: errors") {
  const Tensor x = ones({3, 2, 4});
  CHECK_THROWS_WITH_AS(pack_padded_sequence(x, longs({3})),
                       "Expected `len(lengths)` to be equal to batch_size, but got 1 "
                       "(batch_size=2)",
                       Error);
  CHECK_THROWS_WITH_AS(pack_padded_sequence(x, longs({3, 0})),
                       "Length of all samples has to be greater than 0, but found an element in "
                       "'lengths' that is <= 0",
                       Error);
  CHECK_THROWS_WITH_AS(
      pack_padded_sequence(x, longs({2, 3})),
      "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can "
      "pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
      "requirement if you do not need ONNX exportability.",
      Error);
  CHECK_THROWS_WITH_AS(pack_padded_sequence(x, longs({4, 3})),
                       "pack_padded_sequence: lengths must be at most 3 (the steps of input "
                       "[3, 2, 4]), got 4",
                       Error);
  CHECK_THROWS_WITH_AS(pack_padded_sequence(ones({0, 2}), longs({1, 1})),
                       "Cannot pack empty tensors.", Error);
  CHECK_THROWS_WITH_AS(pack_padded_sequence(ones({3}), longs({1})),
                       "pack_padded_sequence: input must have at least 2 dims, got shape [3]",
                       Error);
  CHECK_THROWS_AS(pack_padded_sequence(x, ones({2})), Error);
  const PackedSequence packed = pack_padded_sequence(x, longs({3, 2}));
  CHECK_THROWS_WITH_AS(pad_packed_sequence(packed, false, 0, 2),
                       "Expected total_length to be at least the length of the longest sequence "
                       "in input, but got total_length=2 and max sequence length being 3",
                       Error);
  GRU gru(3, 2);
  CHECK_THROWS_WITH_AS(gru->forward_with_packed_input(packed),
                       "gru: the packed input must have 2 dims, the last of extent 3, got shape "
                       "[5, 4]",
                       Error);
  CHECK_THROWS_WITH_AS(GRU(4, 2)->forward_with_packed_input(packed, ones({1, 3, 2})),
                       "gru: hx must have shape [1, 2, 2] (layers * directions, batch, width), got "
                       "[1, 3, 2]",
                       Error);
}
