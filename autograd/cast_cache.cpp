#include "autograd/cast_cache.h"

#include <atomic>
#include <mutex>
#include <unordered_map>

#include "autograd/record.h"
#include "cuda/capture.h"
#include "tensor/factories.h"
#include "tensor/kernels/capture.h"
#include "tensor/shape.h"

namespace fg {
namespace detail {
namespace {

/// All copies by the memory that they are of, so that a write through an alias with a version counter of its own
/// (data()) finds them. Recursive: making a copy writes.
struct Casts {
  std::recursive_mutex mutex;
  std::unordered_multimap<const StorageImpl*, KeptCast*> of;
  std::atomic<size_t> count{0};
};
Casts& casts() {
  static Casts& all = *new Casts();  // tensors may outlive statics
  return all;
}

bool is_captured([[maybe_unused]] const Tensor& leaf) {
  if constexpr (kHasCuda) return leaf.is_cuda() && cuda::is_in_capture(leaf.device().index());
  return false;
}

}  // namespace

KeptCast::KeptCast(const Tensor& leaf) : storage_(leaf.storage().get()) {
  const std::lock_guard lock(casts().mutex);
  casts().of.emplace(storage_, this);
  ++casts().count;
}

KeptCast::~KeptCast() {
  const std::lock_guard lock(casts().mutex);
  const auto [begin, end] = casts().of.equal_range(storage_);
  casts().of.erase(
      std::find_if(begin, end, [this](const auto& item) { return item.second == this; }));
  --casts().count;
}

bool KeptCast::fits(const Tensor& leaf) const {
  return copy_.defined() && copy_.device() == leaf.device() && copy_.sizes() == leaf.sizes() &&
         copy_.strides() == leaf.strides();
}

bool KeptCast::is_current(const Tensor& leaf) const {
  return is_current_ && fits(leaf) && version_ == leaf._version() && data_ == leaf.data_ptr() &&
         counter_ == leaf.impl().version.get() && copy_version_ == copy_._version();
}

Tensor KeptCast::get() const {
  // A capture waits for nothing outside: renew_before_replays has each replay come after what wrote the copy.
  if (!is_captured(copy_)) hand_over(copy_, written_on_, current_node_stream(copy_.device()));
  return copy_.detach();
}

void KeptCast::renew(ScalarType type, const Tensor& leaf) {
  const NoGradGuard guard;
  if (fits(leaf) && copy_.dtype() == type)
    get().copy_(leaf);
  else
    copy_ = leaf.detach().to(type);
  mark_current(leaf);
}

void KeptCast::mark_current(const Tensor& leaf) {
  written_on_ = current_node_stream(leaf.device());
  counter_ = leaf.impl().version.get();
  data_ = leaf.data_ptr();
  version_ = leaf._version();
  copy_version_ = copy_._version();
  is_current_ = true;
}

void KeptCast::note_write(const Tensor& written) {
  if (written.impl().version.get() != counter_) is_current_ = false;
}

namespace {

KeptCast* kept_cast(const Tensor& leaf) {
  const AutogradRecord* const record = record_of(leaf);
  return record ? record->cast.get() : nullptr;
}

/// Has the capture's replays find the copy current. False where the capture is not a cuda::Graph's.
bool renew_before_replays([[maybe_unused]] ScalarType type, [[maybe_unused]] const Tensor& leaf) {
  if constexpr (kHasCuda) {
    cuda::Capture* const capture = cuda::current_capture();
    if (!capture) return false;
    capture->values().add(1, [type, leaf](void*) { autocast::cached_cast(type, leaf); });
    return true;
  }
  return false;
}

}  // namespace

Tensor cast_to_refresh(const Tensor& param) {
  if (casts().count == 0 || !param.is_cuda()) return {};
  const std::lock_guard lock(casts().mutex);
  const KeptCast* const cast = kept_cast(param);
  if (!cast || !cast->fits(param)) return {};
  // A captured step does not change the parameter now, either: what it leaves out of date would pass as current.
  return is_captured(param) && !cast->is_current(param) ? Tensor() : cast->get();
}

void mark_cast_current(const Tensor& param) {
  const std::lock_guard lock(casts().mutex);
  if (KeptCast* const cast = kept_cast(param)) cast->mark_current(param);
}

void note_write(const Tensor& written) {
  if (casts().count == 0) return;
  const std::lock_guard lock(casts().mutex);
  const auto [begin, end] = casts().of.equal_range(written.storage().get());
  for (auto item = begin; item != end; ++item) item->second->note_write(written);
}

}  // namespace detail

Tensor autocast::cached_cast(ScalarType to_type, const Tensor& arg) {
  if (!arg.defined() || arg.dtype() == to_type) return arg.defined() ? arg.detach() : arg;
  const bool keeps = arg.dtype() == kFloat && is_reduced_floating(to_type) && arg.requires_grad() &&
                     arg.is_leaf() && !arg.is_view() && is_non_overlapping_and_dense(arg);
  const auto plain = [&] {
    const NoGradGuard guard;
    return arg.detach().to(to_type);
  };
  if (!keeps) return plain();
  const std::lock_guard lock(detail::casts().mutex);
  std::unique_ptr<detail::KeptCast>& cast = ensure_record(arg).cast;
  if (detail::is_captured(arg)) {
    const bool can_read =
        cast && cast->is_current(to_type, arg) && detail::renew_before_replays(to_type, arg);
    return can_read ? cast->get() : plain();
  }
  if (!cast || cast->storage() != arg.storage().get())
    cast = std::make_unique<detail::KeptCast>(arg);
  if (!cast->is_current(to_type, arg)) cast->renew(to_type, arg);
  return cast->get();
}

void autocast::clear_cache() {
  const std::lock_guard lock(detail::casts().mutex);
  for (const auto& item : detail::casts().of) item.second->clear();
}

}  // namespace fg
