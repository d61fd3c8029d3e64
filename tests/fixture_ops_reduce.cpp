#include "autograd/ops/distance.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/scan.h"
#include "autograd/ops/search.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/sort.h"
#include "autograd/ops/statistics.h"
#include "tests/fixture_ops.h"

namespace fg::test {

namespace {

/// The dims to reduce; all of them where the case names none.
std::vector<int64_t> dims_of(const Arguments& a) {
  return a.has("dim") ? a.integers("dim") : std::vector<int64_t>();
}

/// What the divisor is less than n.
optional<int64_t> correction(const Arguments& a) { return a.integer("correction", 1); }
bool unbiased(const Arguments& a) { return correction(a) == 1; }

void add_sums(OpTable& table) {
  table["sum"] = [](auto& t, auto& a) {
    return Tensors{a.has("dim") ? sum(t[0], dims_of(a), a.flag("keepdim")) : sum(t[0])};
  };
  table["mean"] = [](auto& t, auto& a) {
    return Tensors{a.has("dim") ? mean(t[0], dims_of(a), a.flag("keepdim")) : mean(t[0])};
  };
  table["prod"] = [](auto& t, auto& a) {
    return Tensors{a.has("dim") ? prod(t[0], a.integer("dim"), a.flag("keepdim")) : prod(t[0])};
  };
  table["var"] = [](auto& t, auto& a) {
    if (!a.has("dim")) return Tensors{var(t[0], unbiased(a))};
    return Tensors{var(t[0], dims_of(a), correction(a), a.flag("keepdim"))};
  };
  table["std"] = [](auto& t, auto& a) {
    if (!a.has("dim")) return Tensors{fg::std(t[0], unbiased(a))};
    return Tensors{fg::std(t[0], dims_of(a), correction(a), a.flag("keepdim"))};
  };
  table["var_mean"] = [](auto& t, auto& a) {
    return both(var_mean(t[0], dims_of(a), correction(a), a.flag("keepdim")));
  };
  table["std_mean"] = [](auto& t, auto& a) {
    return both(std_mean(t[0], dims_of(a), correction(a), a.flag("keepdim")));
  };
  table["norm"] = [](auto& t, auto& a) {
    if (!a.has("dim")) return Tensors{norm(t[0], a.scalar("p"))};
    return Tensors{norm(t[0], a.scalar("p"), dims_of(a), a.flag("keepdim"))};
  };
  table["logsumexp"] = [](auto& t, auto& a) {
    return Tensors{logsumexp(t[0], dims_of(a), a.flag("keepdim"))};
  };
  table["count_nonzero"] = [](auto& t, auto& a) {
    return Tensors{a.has("dim") ? count_nonzero(t[0], dims_of(a)) : count_nonzero(t[0])};
  };
}

void add_statistics(OpTable& table) {
  table["nansum"] = [](auto& t, auto& a) {
    return Tensors{a.has("dim") ? nansum(t[0], dims_of(a), a.flag("keepdim")) : nansum(t[0])};
  };
  table["nanmean"] = [](auto& t, auto& a) {
    return Tensors{nanmean(t[0], dims_of(a), a.flag("keepdim"))};
  };
  table["aminmax"] = [](auto& t, auto& a) {
    return both(aminmax(t[0], a.optional_integer("dim"), a.flag("keepdim")));
  };
  table["corrcoef"] = [](auto& t, auto&) { return Tensors{corrcoef(t[0])}; };
  table["trapezoid"] = [](auto& t, auto& a) {
    const int64_t dim = a.integer("dim", -1);
    return Tensors{t.size() > 1 ? trapezoid(t[0], t[1], dim)
                                : trapezoid(t[0], a.scalar("dx"), dim)};
  };
  table["renorm"] = [](auto& t, auto& a) {
    return Tensors{renorm(t[0], a.scalar("p"), a.integer("dim"), a.scalar("maxnorm"))};
  };
}

void add_extrema(OpTable& table) {
  table["amax"] = [](auto& t, auto& a) {
    return Tensors{amax(t[0], dims_of(a), a.flag("keepdim"))};
  };
  table["amin"] = [](auto& t, auto& a) {
    return Tensors{amin(t[0], dims_of(a), a.flag("keepdim"))};
  };
  table["max"] = [](auto& t, auto& a) {
    if (t.size() == 2) return Tensors{t[0].max(t[1])};
    return a.has("dim") ? both(max(t[0], a.integer("dim"), a.flag("keepdim"))) : Tensors{max(t[0])};
  };
  table["min"] = [](auto& t, auto& a) {
    if (t.size() == 2) return Tensors{t[0].min(t[1])};
    return a.has("dim") ? both(min(t[0], a.integer("dim"), a.flag("keepdim"))) : Tensors{min(t[0])};
  };
  table["argmax"] = [](auto& t, auto& a) {
    return Tensors{argmax(t[0], a.optional_integer("dim"), a.flag("keepdim"))};
  };
  table["argmin"] = [](auto& t, auto& a) {
    return Tensors{argmin(t[0], a.optional_integer("dim"), a.flag("keepdim"))};
  };
  table["any"] = [](auto& t, auto& a) {
    return Tensors{a.has("dim") ? any(t[0], a.integer("dim"), a.flag("keepdim")) : any(t[0])};
  };
  table["all"] = [](auto& t, auto& a) {
    return Tensors{a.has("dim") ? all(t[0], a.integer("dim"), a.flag("keepdim")) : all(t[0])};
  };
}

void add_scans_and_sorts(OpTable& table) {
  table["cumsum"] = [](auto& t, auto& a) { return Tensors{cumsum(t[0], a.integer("dim"))}; };
  table["cumprod"] = [](auto& t, auto& a) { return Tensors{cumprod(t[0], a.integer("dim"))}; };
  table["logcumsumexp"] = [](auto& t, auto& a) {
    return Tensors{logcumsumexp(t[0], a.integer("dim"))};
  };
  table["cummax"] = [](auto& t, auto& a) { return both(cummax(t[0], a.integer("dim"))); };
  table["cummin"] = [](auto& t, auto& a) { return both(cummin(t[0], a.integer("dim"))); };
  table["softmax"] = [](auto& t, auto& a) { return Tensors{softmax(t[0], a.integer("dim"))}; };
  table["softmin"] = [](auto& t, auto& a) { return Tensors{softmin(t[0], a.integer("dim"))}; };
  table["log_softmax"] = [](auto& t, auto& a) {
    return Tensors{log_softmax(t[0], a.integer("dim"))};
  };
  table["sort"] = [](auto& t, auto& a) {
    return both(t[0].sort(a.integer("dim", -1), a.flag("descending")));
  };
  table["argsort"] = [](auto& t, auto& a) {
    return Tensors{t[0].argsort(a.integer("dim", -1), a.flag("descending"))};
  };
  table["msort"] = [](auto& t, auto&) { return Tensors{msort(t[0])}; };
  table["kthvalue"] = [](auto& t, auto& a) {
    return both(kthvalue(t[0], a.integer("k"), a.integer("dim", -1), a.flag("keepdim")));
  };
  table["median"] = [](auto& t, auto& a) {
    if (!a.has("dim")) return Tensors{median(t[0])};
    return both(median(t[0], a.integer("dim"), a.flag("keepdim")));
  };
  table["searchsorted"] = [](auto& t, auto& a) {
    return Tensors{searchsorted(t[0], t[1], false, a.flag("right"))};
  };
  table["bucketize"] = [](auto& t, auto&) { return Tensors{bucketize(t[0], t[1])}; };
  table["isin"] = [](auto& t, auto& a) {
    return Tensors{isin(t[0], t[1], false, a.flag("invert"))};
  };
  table["histc"] = [](auto& t, auto& a) {
    return Tensors{histc(t[0], a.integer("bins"), a.scalar("min"), a.scalar("max"))};
  };
  table["unique"] = [](auto& t, auto&) { return Tensors{std::get<0>(unique(t[0]))}; };
  table["topk"] = [](auto& t, auto& a) {
    return both(t[0].topk(a.integer("k"), a.integer("dim", -1), a.flag("largest", true)));
  };
}

void add_distances(OpTable& table) {
  table["normalize"] = [](auto& t, auto& a) {
    return Tensors{normalize(t[0], a.number("p"), a.integer("dim"))};
  };
  table["cosine_similarity"] = [](auto& t, auto& a) {
    return Tensors{cosine_similarity(t[0], t[1], a.integer("dim"))};
  };
  table["dist"] = [](auto& t, auto& a) { return Tensors{dist(t[0], t[1], a.scalar("p"))}; };
  table["cdist"] = [](auto& t, auto& a) { return Tensors{cdist(t[0], t[1], a.number("p"))}; };
  table["pdist"] = [](auto& t, auto& a) { return Tensors{pdist(t[0], a.number("p"))}; };
  table["pairwise_distance"] = [](auto& t, auto& a) {
    return Tensors{pairwise_distance(t[0], t[1], a.number("p"))};
  };
}

}  // namespace

void add_reductions(OpTable& table) {
  add_sums(table);
  add_statistics(table);
  add_extrema(table);
  add_scans_and_sorts(table);
  add_distances(table);
}

}  // namespace fg::test
