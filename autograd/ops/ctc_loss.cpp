#include <limits>

#include "autograd/autocast_call.h"
#include "autograd/ops/elementwise.h"
#include "autograd/ops/join.h"
#include "autograd/ops/loss.h"
#include "autograd/ops/softmax.h"
#include "tensor/factories.h"
#include "tensor/profiler.h"

namespace fg {
namespace {

/// Log-probability of what cannot happen: finite, so that no gradient becomes NaN.
constexpr double kImpossible = -1e30;

struct Lengths {
  IntArrayRef input, target;
};

void check(const Tensor& log_probs, const Tensor& targets, const Lengths& lengths, int64_t blank) {
  const char* op = "ctc_loss";
  const int64_t steps = log_probs.size(0), samples = log_probs.size(1), classes = log_probs.size(2);
  ENSURE(log_probs.is_floating_point(), op, ": log_probs must be floating, got ",
         log_probs.dtype());
  ENSURE(targets.dtype() == kLong || targets.dtype() == kInt, op,
         ": targets must be Long or Int, got ", targets.dtype());
  ENSURE(blank >= 0 && blank < classes, op, ": blank must lie in [0, ", classes, "), got ", blank);
  ENSURE(int64_t(lengths.input.size()) == samples && int64_t(lengths.target.size()) == samples, op,
         ": input_lengths and target_lengths must have one entry per sample (", samples, "), got ",
         lengths.input.size(), " and ", lengths.target.size());
  int64_t total = 0;
  for (int64_t n = 0; n < samples; ++n) {
    ENSURE(lengths.input[n] >= 1 && lengths.input[n] <= steps, op,
           ": input_lengths must lie in [1, ", steps, "], got ", lengths.input[n]);
    ENSURE(lengths.target[n] >= 0, op, ": target_lengths must not be negative, got ",
           lengths.target[n]);
    total += lengths.target[n];
    ENSURE(targets.dim() != 2 || lengths.target[n] <= targets.size(1), op,
           ": target_lengths must be at most ", targets.size(-1), " (targets' width), got ",
           lengths.target[n]);
  }
  ENSURE(targets.dim() == 2 ? targets.size(0) == samples
                            : targets.dim() == 1 && targets.numel() == total,
         op, ": targets must have shape [", samples, ", S] or [", total,
         "] (sum of target_lengths), got ", targets.sizes());
}

/// The targets with blanks before, between and after their classes, [N, 2 S + 1], padded by blanks.
Tensor with_blanks(const Tensor& targets, IntArrayRef lengths, int64_t classes, int64_t blank) {
  const Tensor flat = targets.to(kCPU, kLong).contiguous();
  const int64_t longest = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
  const Tensor result = full({int64_t(lengths.size()), 2 * longest + 1}, blank, kLong);
  const int64_t* next = flat.data_ptr<int64_t>();
  for (size_t n = 0; n < lengths.size(); ++n) {
    if (targets.dim() == 2) next = flat.data_ptr<int64_t>() + int64_t(n) * targets.size(1);
    int64_t* row = result.data_ptr<int64_t>() + int64_t(n) * result.size(1);
    for (int64_t s = 0; s < lengths[n]; ++s, ++next) {
      if (*next < 0 || *next >= classes)
        detail::fail<IndexError>(
            str("ctc_loss: targets must lie in [0, ", classes, "), got ", *next));
      row[2 * s + 1] = *next;
    }
  }
  return result.to(targets.device());
}

/// `alpha` moved `by` states up, with the impossible below.
Tensor shifted(const Tensor& alpha, int64_t by) {
  const int64_t states = alpha.size(1), kept = std::max<int64_t>(states - by, 0);
  const Tensor below = full({alpha.size(0), states - kept}, kImpossible, alpha.options());
  return cat({below, alpha.narrow(1, 0, kept)}, 1);
}

/// The forward variables after each sample's last step: [N, 2 S + 1].
Tensor last_alpha(const Tensor& log_probs, const Tensor& states, const Tensor& input_lengths,
                  int64_t blank) {
  const int64_t steps = log_probs.size(0), samples = states.size(0), count = states.size(1);
  const Tensor emitted = log_probs.gather(2, states.expand({steps, samples, count}));
  // A state may be entered from two below unless that would skip a blank between equal classes.
  const Tensor two_below =
      count > 2 ? cat({states.narrow(1, 0, 2), states.narrow(1, 0, count - 2)}, 1) : states;
  const Tensor no_skip = states.eq(blank).logical_or(states.eq(two_below));
  const Tensor not_first = arange(count, states.options()).ge(2);
  Tensor alpha = emitted[0].masked_fill(not_first, kImpossible);
  for (int64_t t = 1; t < steps; ++t) {
    const Tensor skip = shifted(alpha, 2).masked_fill(no_skip, kImpossible);
    const Tensor next = logsumexp(stack({alpha, shifted(alpha, 1), skip}), 0).add(emitted[t]);
    alpha = where(input_lengths.gt(t).unsqueeze(1), next, alpha);
  }
  return alpha;
}

}  // namespace

Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, IntArrayRef input_lengths,
                IntArrayRef target_lengths, int64_t blank, Reduction reduction,
                bool zero_infinity) {
  if (detail::is_autocast())
    return detail::autocast_call("ctc_loss", ctc_loss, log_probs, targets, input_lengths,
                                 target_lengths, blank, reduction, zero_infinity);
  const profiler::RecordOp recorded("ctc_loss", log_probs, targets);
  ENSURE(log_probs.dim() == 2 || log_probs.dim() == 3,
         "ctc_loss: log_probs must have shape [T, N, C] or [T, C], got ", log_probs.sizes());
  if (log_probs.dim() == 2) {
    const Tensor loss = ctc_loss(log_probs.unsqueeze(1), targets.reshape({-1}), input_lengths,
                                 target_lengths, blank, reduction, zero_infinity);
    return reduction == Reduction::None ? loss.squeeze(0) : loss;
  }
  check(log_probs, targets, {input_lengths, target_lengths}, blank);
  if (is_reduced_floating(log_probs.dtype())) {
    return ctc_loss(log_probs.to(kFloat), targets, input_lengths, target_lengths, blank, reduction,
                    zero_infinity)
        .to(log_probs.dtype());
  }
  const Tensor states = with_blanks(targets, target_lengths, log_probs.size(2), blank);
  const Tensor steps = tensor(input_lengths.vec()).to(log_probs.device());
  const Tensor lengths = tensor(target_lengths.vec()).to(log_probs.device()).unsqueeze(1);
  const Tensor alpha = last_alpha(log_probs, states, steps, blank);
  // An alignment ends in the last blank or, if there is one, in the last class.
  const Tensor in_blank = alpha.gather(1, lengths.mul(2));
  const Tensor in_class =
      alpha.gather(1, lengths.mul(2).sub(1).clamp_min(0)).masked_fill(lengths.eq(0), kImpossible);
  const Tensor loss = logsumexp(cat({in_blank, in_class}, 1), 1).neg();
  const double no_alignment = zero_infinity ? 0 : std::numeric_limits<double>::infinity();
  const Tensor each = loss.masked_fill(loss.detach().gt(-kImpossible / 2), no_alignment);
  if (reduction != Reduction::Mean) return reduce_loss(each, reduction);
  return each.div(lengths.squeeze(1).clamp_min(1)).mean();
}

}  // namespace fg
