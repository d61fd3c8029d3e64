#include "autograd/ops/assemble.h"
#include "autograd/ops/embedding.h"
#include "autograd/ops/indexing.h"
#include "autograd/ops/join.h"
#include "autograd/ops/pad.h"
#include "autograd/ops/rearrange.h"
#include "autograd/ops/scatter_reduce.h"
#include "autograd/ops/split.h"
#include "autograd/ops/view.h"
#include "autograd/ops/windows.h"
#include "tensor/factories.h"
#include "tests/fixture_ops.h"

namespace fg::test {

namespace {

/// The default options, or the dtype that the case names.
TensorOptions options_of(const Arguments& a) {
  return a.has("dtype") ? TensorOptions(dtype_named(a.text("dtype"))) : TensorOptions();
}

void add_views(OpTable& table) {
  table["view"] = [](auto& t, auto& a) { return Tensors{t[0].view(a.integers("shape"))}; };
  table["reshape"] = [](auto& t, auto& a) { return Tensors{t[0].reshape(a.integers("shape"))}; };
  table["view_as"] = [](auto& t, auto&) { return Tensors{t[0].view_as(t[1])}; };
  table["reshape_as"] = [](auto& t, auto&) { return Tensors{t[0].reshape_as(t[1])}; };
  table["transpose"] = [](auto& t, auto& a) {
    return Tensors{t[0].transpose(a.integer("dim0"), a.integer("dim1"))};
  };
  table["swapaxes"] = [](auto& t, auto& a) {
    return Tensors{t[0].swapaxes(a.integer("axis0"), a.integer("axis1"))};
  };
  table["movedim"] = [](auto& t, auto& a) {
    return Tensors{t[0].movedim(a.integer("source"), a.integer("destination"))};
  };
  table["permute"] = [](auto& t, auto& a) { return Tensors{t[0].permute(a.integers("dims"))}; };
  table["t"] = [](auto& t, auto&) { return Tensors{t[0].t()}; };
  table["mT"] = [](auto& t, auto&) { return Tensors{t[0].mT()}; };
  table["expand"] = [](auto& t, auto& a) { return Tensors{t[0].expand(a.integers("size"))}; };
  table["broadcast_to"] = table["expand"];
  table["expand_as"] = [](auto& t, auto&) { return Tensors{t[0].expand_as(t[1])}; };
  table["select"] = [](auto& t, auto& a) {
    return Tensors{t[0].select(a.integer("dim"), a.integer("index"))};
  };
  table["narrow"] = [](auto& t, auto& a) {
    return Tensors{t[0].narrow(a.integer("dim"), a.integer("start"), a.integer("length"))};
  };
  table["squeeze"] = [](auto& t, auto& a) {
    return Tensors{a.has("dim") ? t[0].squeeze(a.integer("dim")) : t[0].squeeze()};
  };
  table["unsqueeze"] = [](auto& t, auto& a) { return Tensors{t[0].unsqueeze(a.integer("dim"))}; };
  table["flatten"] = [](auto& t, auto& a) {
    return Tensors{t[0].flatten(a.integer("start_dim", 0), a.integer("end_dim", -1))};
  };
  table["unflatten"] = [](auto& t, auto& a) {
    return Tensors{t[0].unflatten(a.integer("dim"), a.integers("sizes"))};
  };
  table["diagonal"] = [](auto& t, auto& a) {
    return Tensors{
        t[0].diagonal(a.integer("offset", 0), a.integer("dim1", 0), a.integer("dim2", 1))};
  };
  table["unfold"] = [](auto& t, auto& a) {
    return Tensors{t[0].unfold(a.integer("dimension"), a.integer("size"), a.integer("step"))};
  };
  table["as_strided"] = [](auto& t, auto& a) {
    return Tensors{
        t[0].as_strided(a.integers("size"), a.integers("stride"), a.integer("storage_offset"))};
  };
  table["contiguous"] = [](auto& t, auto&) { return Tensors{t[0].contiguous()}; };
}

void add_joins_and_splits(OpTable& table) {
  table["cat"] = [](auto& t, auto& a) { return Tensors{cat(t, a.integer("dim"))}; };
  table["stack"] = [](auto& t, auto& a) { return Tensors{stack(t, a.integer("dim"))}; };
  table["hstack"] = [](auto& t, auto&) { return Tensors{hstack(t)}; };
  table["vstack"] = [](auto& t, auto&) { return Tensors{vstack(t)}; };
  table["dstack"] = [](auto& t, auto&) { return Tensors{dstack(t)}; };
  table["meshgrid"] = [](auto& t, auto& a) { return meshgrid(t, a.text("indexing")); };
  table["split"] = [](auto& t, auto& a) {
    const std::vector<int64_t> sizes = a.integers("split_size_or_sections");
    return sizes.size() == 1 ? t[0].split(sizes[0], a.integer("dim", 0))
                             : t[0].split(sizes, a.integer("dim", 0));
  };
  table["tensor_split"] = [](auto& t, auto& a) {
    if (a.has("sections")) return tensor_split(t[0], a.integer("sections"));
    return tensor_split(t[0], a.integers("indices"), a.integer("dim", 0));
  };
  table["diagflat"] = [](auto& t, auto& a) { return Tensors{diagflat(t[0], a.integer("offset"))}; };
  table["block_diag"] = [](auto& t, auto&) { return Tensors{block_diag(t)}; };
  table["cartesian_prod"] = [](auto& t, auto&) { return Tensors{cartesian_prod(t)}; };
  table["combinations"] = [](auto& t, auto& a) {
    return Tensors{combinations(t[0], a.integer("r", 2), a.flag("with_replacement"))};
  };
  table["vander"] = [](auto& t, auto& a) {
    return Tensors{vander(t[0], a.optional_integer("N"), a.flag("increasing"))};
  };
  table["select_scatter"] = [](auto& t, auto& a) {
    return Tensors{select_scatter(t[0], t[1], a.integer("dim"), a.integer("index"))};
  };
  table["slice_scatter"] = [](auto& t, auto& a) {
    return Tensors{slice_scatter(t[0], t[1], a.integer("dim"), a.integer("start"), a.integer("end"),
                                 a.integer("step"))};
  };
  table["diagonal_scatter"] = [](auto& t, auto& a) {
    return Tensors{diagonal_scatter(t[0], t[1], a.integer("offset"))};
  };
  table["hsplit"] = [](auto& t, auto& a) { return hsplit(t[0], a.integer("sections")); };
  table["vsplit"] = [](auto& t, auto& a) { return vsplit(t[0], a.integers("indices")); };
  table["dsplit"] = [](auto& t, auto& a) { return dsplit(t[0], a.integer("sections")); };
  table["chunk"] = [](auto& t, auto& a) {
    return t[0].chunk(a.integer("chunks"), a.integer("dim", 0));
  };
  table["unbind"] = [](auto& t, auto& a) { return t[0].unbind(a.integer("dim")); };
}

void add_rearrangements(OpTable& table) {
  table["repeat"] = [](auto& t, auto& a) { return Tensors{t[0].repeat(a.integers("repeats"))}; };
  table["tile"] = [](auto& t, auto& a) { return Tensors{t[0].tile(a.integers("dims"))}; };
  table["repeat_interleave"] = [](auto& t, auto& a) {
    if (!a.has("repeats")) return Tensors{repeat_interleave(t[0])};
    return Tensors{t[0].repeat_interleave(a.integer("repeats"), a.optional_integer("dim"))};
  };
  table["roll"] = [](auto& t, auto& a) {
    const auto dims = a.has("dims") ? a.integers("dims") : std::vector<int64_t>();
    return Tensors{t[0].roll(a.integers("shifts"), dims)};
  };
  table["flip"] = [](auto& t, auto& a) { return Tensors{t[0].flip(a.integers("dims"))}; };
  table["rot90"] = [](auto& t, auto& a) { return Tensors{rot90(t[0], a.integer("k"))}; };
  table["tril"] = [](auto& t, auto& a) { return Tensors{t[0].tril(a.integer("diagonal", 0))}; };
  table["triu"] = [](auto& t, auto& a) { return Tensors{t[0].triu(a.integer("diagonal", 0))}; };
  table["diag"] = [](auto& t, auto& a) { return Tensors{t[0].diag(a.integer("diagonal", 0))}; };
  table["diag_embed"] = [](auto& t, auto& a) {
    return Tensors{diag_embed(t[0], a.integer("offset", 0))};
  };
  table["one_hot"] = [](auto& t, auto& a) {
    return Tensors{one_hot(t[0], a.integer("num_classes"))};
  };
  table["bincount"] = [](auto& t, auto& a) {
    const auto weights = t.size() > 1 ? optional<Tensor>(t[1]) : nullopt;
    return Tensors{bincount(t[0], weights, a.integer("minlength", 0))};
  };
  table["pad"] = [](auto& t, auto& a) {
    return Tensors{pad(t[0], a.integers("pad"), a.text("mode"), a.number("value", 0))};
  };
}

void add_factories(OpTable& table) {
  table["arange"] = [](auto&, auto& a) {
    if (!a.has("start")) return Tensors{arange(a.scalar("end"), options_of(a))};
    return Tensors{arange(a.scalar("start"), a.scalar("end"), a.scalar("step"), options_of(a))};
  };
  table["linspace"] = [](auto&, auto& a) {
    return Tensors{linspace(a.scalar("start"), a.scalar("end"), a.integer("steps"), options_of(a))};
  };
  table["logspace"] = [](auto&, auto& a) {
    return Tensors{
        logspace(a.scalar("start"), a.scalar("end"), a.integer("steps"), 10, options_of(a))};
  };
  table["eye"] = [](auto&, auto& a) {
    return Tensors{eye(a.integer("n"), a.integer("m", a.integer("n")), options_of(a))};
  };
  table["full"] = [](auto&, auto& a) {
    return Tensors{full(a.integers("size"), a.scalar("fill_value"), options_of(a))};
  };
  table["zeros"] = [](auto&, auto& a) { return Tensors{zeros(a.integers("size"), options_of(a))}; };
  table["ones"] = [](auto&, auto& a) { return Tensors{ones(a.integers("size"), options_of(a))}; };
  const auto add_window = [&](const char* name,
                              Tensor (*window)(int64_t, bool, const TensorOptions&)) {
    table[name] = [window](auto&, auto& a) {
      return Tensors{window(a.integer("window_length"), a.flag("periodic", true), options_of(a))};
    };
  };
  add_window("hann_window", hann_window);
  add_window("blackman_window", blackman_window);
  add_window("bartlett_window", bartlett_window);
  table["hamming_window"] = [](auto&, auto& a) {
    return Tensors{hamming_window(a.integer("window_length"), a.flag("periodic", true),
                                  a.number("alpha", 0.54), a.number("beta", 0.46), options_of(a))};
  };
  table["tril_indices"] = [](auto&, auto& a) {
    return Tensors{tril_indices(a.integer("row"), a.integer("col"), a.integer("offset"))};
  };
  table["triu_indices"] = [](auto&, auto& a) {
    return Tensors{triu_indices(a.integer("row"), a.integer("col"), a.integer("offset"))};
  };
}

optional<int64_t> bound(const nlohmann::json& value) {
  return value.is_null() ? nullopt : optional<int64_t>(value.get<int64_t>());
}

/// The index that a list of entries (INDEXES in tests/fixtures/op_tables_shape.py) stands for.
std::vector<indexing::TensorIndex> index_of(const Tensors& t, const Arguments& a) {
  std::vector<indexing::TensorIndex> result;
  for (const auto& entry : a.json("index")) {
    if (entry == "None") {
      result.push_back(indexing::None);
    } else if (entry == "...") {
      result.push_back(indexing::Ellipsis);
    } else if (entry.is_number()) {
      result.push_back(entry.get<int64_t>());
    } else if (entry.contains("tensor")) {
      result.push_back(t[entry["tensor"].get<size_t>()]);
    } else {
      const auto& slice = entry["slice"];
      result.push_back(indexing::Slice(bound(slice[0]), bound(slice[1]), bound(slice[2])));
    }
  }
  return result;
}

void add_index_family(OpTable& table) {
  table["gather"] = [](auto& t, auto& a) { return Tensors{t[0].gather(a.integer("dim"), t[1])}; };
  table["scatter"] = [](auto& t, auto& a) {
    const int64_t dim = a.integer("dim");
    if (t.size() == 3) return Tensors{t[0].scatter(dim, t[1], t[2])};
    return Tensors{t[0].scatter(dim, t[1], a.scalar("value"))};
  };
  table["scatter_add"] = [](auto& t, auto& a) {
    return Tensors{t[0].scatter_add(a.integer("dim"), t[1], t[2])};
  };
  table["scatter_reduce"] = [](auto& t, auto& a) {
    return Tensors{scatter_reduce(t[0], a.integer("dim"), t[1], t[2], a.text("reduce"),
                                  a.flag("include_self", true))};
  };
  table["take_along_dim"] = [](auto& t, auto& a) {
    return Tensors{take_along_dim(t[0], t[1], a.integer("dim"))};
  };
  table["index_select"] = [](auto& t, auto& a) {
    return Tensors{t[0].index_select(a.integer("dim"), t[1])};
  };
  table["index_add"] = [](auto& t, auto& a) {
    return Tensors{index_add(t[0], a.integer("dim"), t[1], t[2], a.number("alpha", 1))};
  };
  table["index_copy"] = [](auto& t, auto& a) {
    return Tensors{index_copy(t[0], a.integer("dim"), t[1], t[2])};
  };
  table["index_fill"] = [](auto& t, auto& a) {
    if (t.size() > 2) return Tensors{index_fill(t[0], a.integer("dim"), t[1], t[2])};
    return Tensors{index_fill(t[0], a.integer("dim"), t[1], a.scalar("value"))};
  };
  table["take"] = [](auto& t, auto&) { return Tensors{t[0].take(t[1])}; };
}

}  // namespace

void add_shape_ops(OpTable& table) {
  add_views(table);
  add_joins_and_splits(table);
  add_rearrangements(table);
  add_factories(table);
}

void add_indexing_ops(OpTable& table) {
  add_index_family(table);
  table["index"] = [](auto& t, auto& a) { return Tensors{t[0].index(index_of(t, a))}; };
  table["index_put"] = [](auto& t, auto& a) {
    return Tensors{index_put(t[0], index_of(t, a), t.back(), a.flag("accumulate"))};
  };
  table["masked_fill"] = [](auto& t, auto& a) {
    if (t.size() == 3) return Tensors{t[0].masked_fill(t[1], t[2])};
    return Tensors{t[0].masked_fill(t[1], a.scalar("value"))};
  };
  table["masked_select"] = [](auto& t, auto&) { return Tensors{t[0].masked_select(t[1])}; };
  table["masked_scatter"] = [](auto& t, auto&) {
    return Tensors{masked_scatter(t[0], t[1], t[2])};
  };
  table["nonzero"] = [](auto& t, auto&) { return Tensors{t[0].nonzero()}; };
  table["embedding"] = [](auto& t, auto& a) {
    return Tensors{
        embedding(t[1], t[0], a.integer("padding_idx", -1), a.flag("scale_grad_by_freq"))};
  };
}

}  // namespace fg::test
