// einsum: operands are folded left to right; each pair becomes one batched matrix product.
#include <map>

#include "autograd/autocast_call.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/linalg.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/view.h"
#include "tensor/profiler.h"
#include "tensor/shape.h"

namespace fg {
namespace {

// Subscripts are ints: letters by their code, ellipsis dims counted from -1 (the last) downward.
using Labels = std::vector<int>;

struct Equation {
  std::vector<Labels> operands;
  Labels output;
};

Labels parse_term(const std::string& term, int64_t ellipsis_dims, std::string_view equation) {
  Labels labels;
  for (size_t i = 0; i < term.size(); ++i) {
    if (term[i] == '.') {
      ENSURE(term.compare(i, 3, "...") == 0 && term.find('.', i + 3) == std::string::npos,
             "einsum: equation may hold one ... per term, got ", equation);
      for (int64_t d = ellipsis_dims; d > 0; --d) labels.push_back(-int(d));
      i += 2;
    } else {
      ENSURE(std::isalpha(static_cast<unsigned char>(term[i])),
             "einsum: subscripts must be letters, got ", equation);
      labels.push_back(term[i]);
    }
  }
  return labels;
}

int64_t letters(const std::string& term) {
  return std::count_if(term.begin(), term.end(),
                       [](char c) { return std::isalpha(static_cast<unsigned char>(c)); });
}

Equation parse(std::string_view text, TensorList operands) {
  std::string equation;
  for (char c : text)
    if (c != ' ') equation += c;
  const size_t arrow = equation.find("->");
  std::vector<std::string> terms(1);
  for (char c : equation.substr(0, arrow)) {
    if (c == ',')
      terms.emplace_back();
    else
      terms.back() += c;
  }
  ENSURE(terms.size() == operands.size(), "einsum: equation has ", terms.size(), " operands, got ",
         operands.size(), " tensors");
  Equation result;
  int64_t widest = 0;
  for (size_t i = 0; i < terms.size(); ++i) {
    const bool dots = terms[i].find('.') != std::string::npos;
    const int64_t extra = operands[i].dim() - letters(terms[i]);
    ENSURE(dots ? extra >= 0 : extra == 0, "einsum: operand ", i, " of shape ", operands[i].sizes(),
           " must match the subscripts ", terms[i]);
    result.operands.push_back(parse_term(terms[i], dots ? extra : 0, text));
    widest = std::max(widest, dots ? extra : 0);
  }
  if (arrow != std::string::npos) {
    result.output = parse_term(equation.substr(arrow + 2), widest, text);
    for (size_t i = 0; i < result.output.size(); ++i)
      ENSURE(std::count(result.output.begin(), result.output.end(), result.output[i]) == 1,
             "einsum: output subscripts must not repeat, got ", text);
    return result;
  }
  // Implicit output: ellipsis dims, then the letters that occur once, in alphabetical order.
  std::map<int, int> counts;
  for (const Labels& labels : result.operands)
    for (int label : labels) ++counts[label];
  for (int64_t d = widest; d > 0; --d) result.output.push_back(-int(d));
  for (const auto& [label, count] : counts)
    if (label > 0 && count == 1) result.output.push_back(label);
  return result;
}

bool has(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

// Repeated subscripts of one operand take the diagonal.
Tensor take_diagonals(Tensor t, Labels& labels) {
  for (size_t i = 0; i < labels.size(); ++i) {
    for (size_t j = labels.size() - 1; j > i; --j) {
      if (labels[j] != labels[i]) continue;
      ENSURE(t.size(int64_t(i)) == t.size(int64_t(j)),
             "einsum: a repeated subscript needs equal "
             "extents, got ",
             t.size(int64_t(i)), " and ", t.size(int64_t(j)));
      t = t.diagonal(0, int64_t(i), int64_t(j)).movedim(-1, int64_t(i));
      labels.erase(labels.begin() + int64_t(j));
    }
  }
  return t;
}

// Sums over the subscripts for which `drop` holds.
template <class Drop>
Tensor sum_out(Tensor t, Labels& labels, const Drop& drop) {
  DimVector dims;
  Labels kept;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (drop(labels[i]))
      dims.push_back(int64_t(i));
    else
      kept.push_back(labels[i]);
  }
  labels = kept;
  return dims.empty() ? t : t.sum(IntArrayRef(dims), false, t.dtype());
}

// The tensor's dims in the order of `order`; subscripts that it lacks become extents of 1.
Tensor arranged(const Tensor& t, const Labels& labels, const Labels& order) {
  DimVector dims;
  for (int label : order) {
    const auto at = std::find(labels.begin(), labels.end(), label);
    if (at != labels.end()) dims.push_back(at - labels.begin());
  }
  Tensor result = t.permute(dims);
  for (size_t i = 0; i < order.size(); ++i)
    if (!has(labels, order[i])) result = result.unsqueeze(int64_t(i));
  return result;
}

// a (x) b summed over the subscripts that nothing later needs.
Tensor contract(Tensor a, Labels la, Tensor b, Labels lb, const Labels& needed, Labels& out) {
  a = sum_out(a, la, [&](int l) { return !has(needed, l) && !has(lb, l); });
  b = sum_out(b, lb, [&](int l) { return !has(needed, l) && !has(la, l); });
  Labels batch, rows, columns, inner;
  for (int l : la) (has(lb, l) ? (has(needed, l) ? batch : inner) : rows).push_back(l);
  for (int l : lb)
    if (!has(la, l)) columns.push_back(l);
  const auto join = [](std::initializer_list<Labels> parts) {
    Labels all;
    for (const Labels& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
  };
  // Broadcast extents of 1 among the shared subscripts before the dims are merged.
  const auto shared_extent = [&](int l) {
    const int64_t x = a.size(std::find(la.begin(), la.end(), l) - la.begin());
    const int64_t y = b.size(std::find(lb.begin(), lb.end(), l) - lb.begin());
    ENSURE(x == y || x == 1 || y == 1, "einsum: a subscript stands for extents ", x, " and ", y);
    return x == 1 ? y : x;
  };
  const auto merged = [&](const Tensor& t, const Labels& labels, const Labels& first,
                          const Labels& second) {
    DimVector sizes;
    int64_t b0 = 1, f = 1, s = 1;
    const Tensor placed = arranged(t, labels, join({batch, first, second}));
    size_t d = 0;
    const auto extent = [&](int l) {
      const int64_t n = has(batch, l) || has(inner, l) ? shared_extent(l) : placed.size(int64_t(d));
      ++d;
      sizes.push_back(n);
      return n;
    };
    for (int l : batch) b0 *= extent(l);
    for (int l : first) f *= extent(l);
    for (int l : second) s *= extent(l);
    return placed.expand(sizes).reshape({b0, f, s});
  };
  const Tensor product = bmm(merged(a, la, rows, inner), merged(b, lb, inner, columns));
  out = join({batch, rows, columns});
  DimVector sizes;
  for (int l : batch) sizes.push_back(shared_extent(l));
  for (int l : rows) sizes.push_back(a.size(std::find(la.begin(), la.end(), l) - la.begin()));
  for (int l : columns) sizes.push_back(b.size(std::find(lb.begin(), lb.end(), l) - lb.begin()));
  return product.reshape(sizes);
}

}  // namespace

Tensor einsum(std::string_view text, TensorList operands) {
  if (detail::is_cuda_autocast(operands))
    return detail::autocast_call("einsum", einsum, text, operands);
  const profiler::RecordOp recorded("einsum", operands);
  ENSURE(!operands.empty(), "einsum: at least one operand is needed");
  Equation equation = parse(text, operands);
  for (int label : equation.output) {
    const bool known = std::any_of(equation.operands.begin(), equation.operands.end(),
                                   [&](const Labels& l) { return has(l, label); });
    ENSURE(known, "einsum: every output subscript must occur in an operand, got ", text);
  }
  Labels labels = equation.operands[0];
  Tensor result = take_diagonals(operands[0], labels);
  for (size_t i = 1; i < operands.size(); ++i) {
    Labels needed = equation.output;
    for (size_t j = i + 1; j < operands.size(); ++j)
      needed.insert(needed.end(), equation.operands[j].begin(), equation.operands[j].end());
    Labels next = equation.operands[i];
    const Tensor other = take_diagonals(operands[i], next);
    Labels joined;
    result = contract(result, labels, other, next, needed, joined);
    labels = joined;
  }
  result = sum_out(result, labels, [&](int l) { return !has(equation.output, l); });
  return arranged(result, labels, equation.output);
}

}  // namespace fg
