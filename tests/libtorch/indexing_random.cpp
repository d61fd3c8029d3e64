// Indexing with numbers, slices and tensors; the random streams.
#include "show.h"

using namespace torch::indexing;

namespace {

void reading() {
  auto x = torch::arange(24).view({2, 3, 4});
  show("number", x.index({1}));
  show("numbers", x.index({0, 1, 2}));
  show("negative", x.index({-1, -1}));
  show("slice", x.index({Slice(), Slice(1, 3)}));
  show("step", x.index({Slice(), Slice(None, None, 2), Slice(1, None, 2)}));
  show("negative slice", x.index({0, Slice(-2, None)}));
  show("ellipsis", x.index({Ellipsis, 0}));
  show("text ellipsis", x.index({"...", -1}));
  show("none", x.index({None, 0, 0}));
  show("bool", x.index({true}).sizes() == torch::IntArrayRef({1, 2, 3, 4}));
  show("tensor", x.index({torch::tensor({1, 0})}));
  show("two tensors", x.index({torch::tensor({0, 1}), torch::tensor({2, 1})}));
  show("broadcast tensors", x.index({torch::tensor({{0}, {1}}), torch::tensor({2, 1})}));
  show("tensor and slice", x.index({Slice(), torch::tensor({2, 0}), Slice(0, 2)}));
  show("tensors apart", x.index({torch::tensor({0, 1}), Slice(), torch::tensor({3, 0})}));
  show("mask", x.index({x > 20}));
  show("mask of rows", x.index({torch::tensor({true, false})}));
  show("subscript", x[1][2]);
  show("subscript tensor", x[torch::tensor(1)][0]);
  print("printed slice", Slice(1, 5, 2));
  print("printed index", TensorIndex(3));
  print("printed none", TensorIndex(None));
  print("printed ellipsis", TensorIndex("..."));
  print("printed indices", std::vector<TensorIndex>({None, Ellipsis, 0, true, Slice(1, 2)}));
}

void writing() {
  auto x = torch::zeros({3, 4});
  x.index_put_({0}, 1);
  show("row", x);
  x.index_put_({Slice(), 1}, torch::arange(3, torch::kFloat));
  show("column", x);
  x.index_put_({torch::tensor({0, 2}), torch::tensor({3, 3})}, torch::tensor({7.f, 8.f}));
  show("points", x);
  x.index_put_({x > 6}, -1);
  show("mask", x);
  x.index_put_({Slice(1, None), Slice(None, None, 2)}, 5);
  show("slices", x);
  x.index_put_({torch::tensor({0, 0})}, torch::ones({2, 4}), /*accumulate=*/true);
  show("accumulated", x);
  x[2] = 9;
  show("assigned row", x);
  x[0][0] = torch::tensor(3.5f);
  show("assigned element", x);
  x.index({Ellipsis, -1}).fill_(2);
  show("filled view", x);
  auto y = torch::zeros({2, 3}).index_put({torch::tensor({1})}, torch::ones({3}));
  show("copy", y);
}

void gathering() {
  auto x = torch::arange(12, torch::kFloat).view({3, 4});
  auto index = torch::tensor({{0, 1, 2, 0}, {2, 0, 1, 1}});
  show("gather", x.gather(0, index));
  show("scatter", torch::zeros({3, 4}).scatter(0, index, torch::ones({2, 4})));
  show("scatter value", torch::zeros({3, 4}).scatter_(0, index, 2.5));
  show("scatter_add", torch::zeros({3, 4}).scatter_add(0, index, x.slice(0, 0, 2)));
  show("index_select", x.index_select(1, torch::tensor({3, 0})));
  show("index_add", torch::zeros({3, 4}).index_add(0, torch::tensor({1, 1}), x.slice(0, 0, 2)));
  show("index_fill", x.index_fill(1, torch::tensor({0}), -1));
  show("index_copy", x.index_copy(0, torch::tensor({2}), torch::ones({1, 4})));
  show("masked_select", x.masked_select(x > 5));
  show("masked_scatter", x.masked_scatter(x > 9, torch::tensor({-1.f, -2.f})));
  show("take", x.take(torch::tensor({5, 0})));
  show("take_along_dim", torch::take_along_dim(x, index, 0));
  show("nonzero", (x > 8).nonzero());
  show("argwhere", torch::argwhere(x > 8));
  show("where", torch::where(x > 5)[0]);
}

void streams() {
  show("rand", torch::rand({5}));
  show("rand double", torch::rand({5}, torch::kDouble));
  show("randn", torch::randn({20}));
  show("randn small", torch::randn({3}));
  show("randn double", torch::randn({17}, torch::kDouble));
  show("randint", torch::randint(100, {6}));
  show("randint from", torch::randint(-5, 5, {6}));
  show("randperm", torch::randperm(8));
  show("uniform_", torch::empty({4}).uniform_(-1, 1));
  show("normal_", torch::empty({20}).normal_(2, 0.5));
  show("bernoulli", torch::bernoulli(torch::full({8}, 0.5)));
  show("bernoulli_", torch::empty({8}).bernoulli_(0.3));
  show("exponential_", torch::empty({4}).exponential_(2));
  show("random_", torch::empty({4}, torch::kLong).random_(0, 1000));
  show("multinomial", torch::multinomial(torch::tensor({0.1, 0.2, 0.7}), 5, true));
  show("multinomial once", torch::multinomial(torch::tensor({0.1, 0.2, 0.7}), 2));
  show("rand_like", torch::rand_like(torch::zeros({3})));
  show("randn_like", torch::randn_like(torch::zeros({3}, torch::kDouble)));
  show("randint_like", torch::randint_like(torch::zeros({3}), 10));
  show("normal", torch::normal(1.0, 2.0, {4}));
  show("dropout", torch::dropout(torch::ones({10}), 0.5, true));
  torch::manual_seed(7);
  auto first = torch::rand({3});
  torch::manual_seed(7);
  show("same seed, same numbers", torch::equal(first, torch::rand({3})));
  show("after manual_seed", first);
}

void initialisation() {
  namespace init = torch::nn::init;
  auto w = torch::empty({3, 4});
  show("xavier_uniform_", init::xavier_uniform_(w));
  show("xavier_normal_", init::xavier_normal_(w, 2));
  show("kaiming_uniform_", init::kaiming_uniform_(w, std::sqrt(5)));
  show("kaiming_normal_", init::kaiming_normal_(w, 0, torch::kFanOut, torch::kReLU));
  show("uniform_", init::uniform_(w, -1, 1));
  show("normal_", init::normal_(w, 1, 0.5));
  show("constant_", init::constant_(w, 2.5));
  show("ones_", init::ones_(w));
  show("zeros_", init::zeros_(w));
  show("eye_", init::eye_(w));
  show("dirac_", init::dirac_(torch::empty({2, 2, 3})));
  show("sparse_", init::sparse_(w, 0.5));
  show("calculate_gain", init::calculate_gain(torch::kLeakyReLU, 0.2));
  show("gain of tanh", init::calculate_gain(torch::kTanh));
  auto q = init::orthogonal_(torch::empty({4, 3}));
  show("orthogonal columns", torch::mm(q.t(), q));
}

}  // namespace

int main() {
  run_case("reading", 0, 0, reading);
  run_case("writing", 0, 0, writing);
  run_case("gathering", 0, 0, gathering);
  run_case("streams", 1e-6, 1e-7, streams);
  run_case("initialisation", 2e-6, 1e-6, initialisation);
}
