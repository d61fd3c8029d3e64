#include "autograd/fused/registry.h"

#include <cctype>

#include "autograd/composed.h"
#include "autograd/fused/builtin.h"
#include "autograd/fused/names.h"

namespace fg {
namespace {

std::vector<FusedOp>& registered() {
  static std::vector<FusedOp> ops;
  return ops;
}

}  // namespace

std::string camel_case(const std::string& snake) {
  std::string result;
  bool upper = true;
  for (const char c : snake) {
    if (c != '_') result += upper ? char(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = c == '_';
  }
  return result;
}

const std::vector<FusedOp>& fused_ops() {
  static const bool complete = (register_builtin_fused_ops(), true);
  (void)complete;
  return registered();
}

void register_fused_op(FusedOp op) {
  ENSURE(!op.name.empty() && !op.node_name.empty() && op.fused && op.samples,
         "register_fused_op: name, node_name, fused and samples must all be given, got name \"",
         op.name, "\"");
  for (const FusedOp& other : registered())
    ENSURE(other.name != op.name, "register_fused_op: name ", op.name, " is taken");
  if (!op.composed) {
    op.composed = [fused = op.fused](const autograd::variable_list& inputs) {
      const ComposedGuard guard;
      return fused(inputs);
    };
  }
  registered().push_back(std::move(op));
}

}  // namespace fg
