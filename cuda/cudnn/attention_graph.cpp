#include "cuda/cudnn/attention_graph.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace fg::cuda::cudnn {
namespace {

using Node = const Descriptor*;
using Id = AttentionId;

/// Adds tensors and operations to a graph; the last argument of each operation is its result, if that is not
/// a value of its own.
class Builder {
 public:
  Builder(OperationGraph& graph, const AttentionProblem& problem)
      : p(problem), graph_(graph), io_(data_type(problem.type)) {
    graph_.parts.reserve(160);  // references into it are held
  }

  Node stored(int64_t id, const TensorShape& shape, optional<cudnnDataType_t> type = nullopt) {
    return &graph_.add_tensor({id, type.value_or(io_), shape});
  }
  Node number(int64_t id, cudnnDataType_t type = CUDNN_DATA_FLOAT) {
    return &graph_.add_tensor({id, type, {{1, 1, 1, 1}, {1, 1, 1, 1}}, TensorKind::Number});
  }
  Node between(const TensorShape& shape, cudnnDataType_t type = CUDNN_DATA_FLOAT) {
    return &graph_.add_tensor({next_id_++, type, shape, TensorKind::Between});
  }
  /// The type of what is stored and of the factors of products.
  cudnnDataType_t io() const { return io_; }
  TensorShape scores() const { return p.packed(p.queries, p.keys); }
  TensorShape per_query() const { return p.packed(p.queries, 1); }

  Node pointwise(cudnnPointwiseMode_t mode, Node x, Node b, Node y) {
    note(graph_.add_pointwise({mode, CUDNN_DATA_FLOAT, y, x, b}));
    return y;
  }
  /// Of scores.
  Node pointwise(cudnnPointwiseMode_t mode, Node x, Node b = nullptr) {
    return pointwise(mode, x, b, between(scores()));
  }
  Node times(Node x, Node b) { return pointwise(CUDNN_POINTWISE_MUL, x, b); }

  Node product(Node a, Node b, Node c) {
    Descriptor& matmul = graph_.add(CUDNN_BACKEND_MATMUL_DESCRIPTOR);
    matmul.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT);
    matmul.finalize();
    operation(CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR,
              {{CUDNN_ATTR_OPERATION_MATMUL_ADESC, a},
               {CUDNN_ATTR_OPERATION_MATMUL_BDESC, b},
               {CUDNN_ATTR_OPERATION_MATMUL_CDESC, c},
               {CUDNN_ATTR_OPERATION_MATMUL_DESC, &matmul}});
    return c;
  }
  /// Over the last dim.
  Node reduce(cudnnReduceTensorOp_t how, Node x) {
    const Node y = between(per_query());
    Descriptor& reduction = graph_.add(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
    reduction.set(CUDNN_ATTR_REDUCTION_OPERATOR, how);
    reduction.set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_DATA_FLOAT);
    reduction.finalize();
    operation(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR,
              {{CUDNN_ATTR_OPERATION_REDUCTION_XDESC, x},
               {CUDNN_ATTR_OPERATION_REDUCTION_YDESC, y},
               {CUDNN_ATTR_OPERATION_REDUCTION_DESC, &reduction}});
    return y;
  }
  Node reshape(Node x, const TensorShape& shape) {
    const Node y = between(shape, io_);
    operation(CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR,
              {{CUDNN_ATTR_OPERATION_RESHAPE_XDESC, x}, {CUDNN_ATTR_OPERATION_RESHAPE_YDESC, y}});
    return y;
  }
  /// Scores with their two dims exchanged, in the type of the products.
  Node transposed_scores(Node x) {
    TensorShape shape = scores();
    std::swap(shape.dims[2], shape.dims[3]);
    std::swap(shape.strides[2], shape.strides[3]);
    return reshape(x, shape);
  }
  /// 1 for the weights that dropout keeps, else 0.
  Node kept_mask() {
    const Node y = between(scores());
    Descriptor& rng = graph_.add(CUDNN_BACKEND_RNG_DESCRIPTOR);
    rng.set(CUDNN_ATTR_RNG_DISTRIBUTION, CUDNN_RNG_DISTRIBUTION_BERNOULLI);
    rng.set(CUDNN_ATTR_RNG_BERNOULLI_DIST_PROBABILITY, p.kept());
    rng.finalize();
    const Node seed = number(Id::seed, CUDNN_DATA_INT64);
    const Node offset = number(Id::offset, CUDNN_DATA_INT64);
    operation(CUDNN_BACKEND_OPERATION_RNG_DESCRIPTOR,
              {{CUDNN_ATTR_OPERATION_RNG_YDESC, y},
               {CUDNN_ATTR_OPERATION_RNG_SEED, seed},
               {CUDNN_ATTR_OPERATION_RNG_OFFSET_DESC, offset},
               {CUDNN_ATTR_OPERATION_RNG_DESC, &rng}});
    return y;
  }

  /// -inf, or nearly, where a query does not see a key.
  Node causal(Node x) {
    const auto index = [&](int64_t axis) {
      const Node y = between(scores(), CUDNN_DATA_INT32);
      note(graph_.add_pointwise(
          {CUDNN_POINTWISE_GEN_INDEX, CUDNN_DATA_INT32, y, x, nullptr, nullptr, axis}));
      return y;
    };
    const Node row = index(2), column = index(3);
    const Node seen = between(scores(), CUDNN_DATA_BOOLEAN);
    note(graph_.add_pointwise({CUDNN_POINTWISE_CMP_GE, CUDNN_DATA_BOOLEAN, seen, row, column}));
    const Node y = between(scores());
    note(graph_.add_pointwise(
        {CUDNN_POINTWISE_BINARY_SELECT, CUDNN_DATA_FLOAT, y, x, number(Id::lowest), seen}));
    return y;
  }
  /// What softmax sees: scale * query key^T + bias, under the causal mask.
  Node masked_scores(Node query, Node key_transposed, Node scale) {
    Node x = times(product(query, key_transposed, between(scores())), scale);
    if (p.has_bias) x = pointwise(CUDNN_POINTWISE_ADD, x, stored(Id::bias, p.bias()));
    return p.causal ? causal(x) : x;
  }

  void finish(const Target& target) { graph_.finish(target, operations_); }

  const AttentionProblem& p;

 private:
  using Part = std::pair<cudnnBackendAttributeName_t, Node>;
  void operation(cudnnBackendDescriptorType_t type, std::initializer_list<Part> parts) {
    Descriptor& made = graph_.add(type);
    for (const auto& [attribute, part] : parts) made.set(attribute, *part);
    made.finalize();
    note(made);
  }
  void note(const Descriptor& operation) { operations_.push_back(operation.native()); }

  OperationGraph& graph_;
  cudnnDataType_t io_;
  int64_t next_id_ = Id::first_between;
  std::vector<cudnnBackendDescriptor_t> operations_;
};

/// out = dropout(softmax(scores)) value; logsumexp = max + log(sum).
void add_forward(Builder& b) {
  const AttentionProblem& p = b.p;
  const Node query = b.stored(Id::query, p.rows(p.query, p.queries, p.width));
  const Node key = b.stored(Id::key, p.transposed(p.key, p.keys, p.width));
  const Node value = b.stored(Id::value, p.rows(p.value, p.keys, p.value_width));
  const Node out = b.stored(Id::out, p.rows(p.out, p.queries, p.value_width));
  const Node logsumexp = b.stored(Id::logsumexp, b.per_query(), CUDNN_DATA_FLOAT);
  const Node x = b.masked_scores(query, key, b.number(Id::scale));
  const Node largest = b.reduce(CUDNN_REDUCE_TENSOR_MAX, x);
  const Node exps = b.pointwise(CUDNN_POINTWISE_EXP, b.pointwise(CUDNN_POINTWISE_SUB, x, largest));
  const Node sum = b.reduce(CUDNN_REDUCE_TENSOR_ADD, exps);
  const Node log = b.pointwise(CUDNN_POINTWISE_LOG, sum, nullptr, b.between(b.per_query()));
  b.pointwise(CUDNN_POINTWISE_ADD, largest, log, logsumexp);
  // The product takes its left factor in the type of the right one.
  const Node last = b.between(b.scores(), b.io());
  if (p.dropped == 0) {
    b.pointwise(CUDNN_POINTWISE_DIV, exps, sum, last);
  } else {
    const Node weights = b.pointwise(CUDNN_POINTWISE_DIV, exps, sum);
    const Node kept = b.times(weights, b.kept_mask());
    b.pointwise(CUDNN_POINTWISE_MUL, kept, b.number(Id::kept_inverse), last);
  }
  b.product(last, value, out);
}

/// With weights P = exp(scores - logsumexp), dropout's mask M, 0 or 1, kept with probability k, and
/// delta = k * sum over a row of out * grad_out:
///   grad_value = (P M / k)^T grad_out
///   G = P (M (grad_out value^T) - delta) / k * scale;  grad_key = G^T query;  grad_query = G key
void add_backward(Builder& b) {
  const AttentionProblem& p = b.p;
  const Node query = b.stored(Id::query, p.rows(p.query, p.queries, p.width));
  const Node key = b.stored(Id::key, p.transposed(p.key, p.keys, p.width));
  const Node value = b.stored(Id::value, p.transposed(p.value, p.keys, p.value_width));
  const Node out = b.stored(Id::out, p.rows(p.out, p.queries, p.value_width));
  const Node grad_out = b.stored(Id::grad_out, p.rows(p.grad_out, p.queries, p.value_width));
  const Node grad_query = b.stored(Id::grad_query, p.rows(p.grad_query, p.queries, p.width));
  const Node grad_key = b.stored(Id::grad_key, p.rows(p.grad_key, p.keys, p.width));
  const Node grad_value = b.stored(Id::grad_value, p.rows(p.grad_value, p.keys, p.value_width));
  const Node logsumexp = b.stored(Id::logsumexp, b.per_query(), CUDNN_DATA_FLOAT);
  const Node delta = b.stored(Id::delta, b.per_query(), CUDNN_DATA_FLOAT);
  const Node scale = b.number(Id::scale);
  const bool drops = p.dropped > 0;
  const Node kept_mask = drops ? b.kept_mask() : nullptr;
  const Node kept_inverse = drops ? b.number(Id::kept_inverse) : nullptr;

  const Node products = b.pointwise(CUDNN_POINTWISE_MUL, grad_out, out,
                                    b.between(p.packed(p.queries, p.value_width)));
  b.pointwise(CUDNN_POINTWISE_MUL, b.reduce(CUDNN_REDUCE_TENSOR_ADD, products),
              b.number(drops ? Id::kept : Id::one), delta);

  const Node x = b.masked_scores(query, key, scale);
  const Node weights =
      b.pointwise(CUDNN_POINTWISE_EXP, b.pointwise(CUDNN_POINTWISE_SUB, x, logsumexp));
  const Node used = drops ? b.times(b.times(weights, kept_mask), kept_inverse) : weights;
  b.product(b.transposed_scores(used), grad_out, grad_value);

  Node g = b.product(grad_out, value, b.between(b.scores()));
  if (drops) g = b.times(g, kept_mask);
  g = b.times(b.pointwise(CUDNN_POINTWISE_SUB, g, delta), weights);
  if (drops) g = b.times(g, kept_inverse);
  g = b.times(g, scale);
  b.product(b.transposed_scores(g), query, grad_key);

  const Node plain_key = b.reshape(key, p.rows(p.key, p.keys, p.width));
  if (p.deterministic) {
    b.product(g, plain_key, grad_query);
    return;
  }
  // A sum of grad_query in memory is what lets the engine add to it from several blocks at once.
  const Node sums = b.stored(Id::query_sums, p.packed(p.queries, p.width), CUDNN_DATA_FLOAT);
  b.product(g, plain_key, sums);
  b.pointwise(CUDNN_POINTWISE_IDENTITY, sums, nullptr, grad_query);
}

}  // namespace

std::shared_ptr<const OperationGraph> attention_graph(const AttentionProblem& problem,
                                                      const Target& target) {
  auto graph = std::make_shared<OperationGraph>();
  Builder builder(*graph, problem);
  if (problem.pass == AttentionPass::Forward)
    add_forward(builder);
  else
    add_backward(builder);
  builder.finish(target);
  return graph;
}

std::vector<Descriptor> acceptable_engines(const AttentionProblem& problem,
                                           const OperationGraph& graph, const Target& target,
                                           cudnnBackendHeurMode_t mode) {
  std::vector<Descriptor> engines = engine_configs(graph, target, mode);
  std::erase_if(engines, [&](const Descriptor& config) {
    const auto notes = numerical_notes(config);
    return problem.deterministic && std::find(notes.begin(), notes.end(),
                                              CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC) != notes.end();
  });
  return engines;
}

}  // namespace fg::cuda::cudnn
