#include "optim/options.h"

namespace fg::optim {

std::unique_ptr<OptimizerParamState> OptimizerParamState::clone() const {
  fg::detail::fail("OptimizerParamState: this state does not implement clone()");
}
void OptimizerParamState::write(FieldWriter&) const {
  fg::detail::fail("OptimizerParamState: this state does not implement write()");
}
void OptimizerParamState::read(FieldReader&) {
  fg::detail::fail("OptimizerParamState: this state does not implement read()");
}

std::unique_ptr<OptimizerOptions> OptimizerOptions::clone() const {
  fg::detail::fail("OptimizerOptions: these options do not implement clone()");
}
double OptimizerOptions::get_lr() const {
  fg::detail::fail("OptimizerOptions: these options have no learning rate (get_lr)");
}
void OptimizerOptions::set_lr(double) {
  fg::detail::fail("OptimizerOptions: these options have no learning rate (set_lr)");
}
void OptimizerOptions::write(FieldWriter&) const {
  fg::detail::fail("OptimizerOptions: these options do not implement write()");
}
void OptimizerOptions::read(FieldReader&) {
  fg::detail::fail("OptimizerOptions: these options do not implement read()");
}

bool detail::same_entries(const StateDict& a, const StateDict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& item : a) {
    const Tensor* other = b.find(item.key());
    if (!other || other->scalar_type() != item.value().scalar_type() || !item.value().equal(*other))
      return false;
  }
  return true;
}

}  // namespace fg::optim
