#include "optim/schedulers/composite.h"

#include <algorithm>

#include "optim/schedulers/reduce_on_plateau.h"

namespace fg::optim {
namespace {

using Schedulers = std::vector<std::shared_ptr<LRScheduler>>;

void check_schedulers(const char* op, const Schedulers& schedulers, const Optimizer* optimizer) {
  ENSURE(!schedulers.empty(), op, ": schedulers must not be empty");
  for (size_t i = 0; i < schedulers.size(); ++i) {
    ENSURE(schedulers[i], op, ": schedulers[", i, "] is null");
    ENSURE(!dynamic_cast<const ReduceLROnPlateau*>(schedulers[i].get()), op, ": schedulers[", i,
           "] must step without a metric, got ReduceLROnPlateau");
    ENSURE(&schedulers[i]->optimizer() == (optimizer ? optimizer : &schedulers[0]->optimizer()), op,
           ": schedulers[", i, "] must belong to the same optimizer");
  }
}

Optimizer& optimizer_of_checked(const char* op, const Schedulers& schedulers) {
  check_schedulers(op, schedulers, nullptr);
  return schedulers[0]->optimizer();
}

void write_all(FieldWriter& writer, const Schedulers& schedulers) {
  for (size_t i = 0; i < schedulers.size(); ++i) {
    FieldWriter nested = writer.nested(str("_schedulers.", i));
    schedulers[i]->write(nested);
  }
}

void read_all(FieldReader& reader, const Schedulers& schedulers) {
  for (size_t i = 0; i < schedulers.size(); ++i) {
    FieldReader nested = reader.nested(str("_schedulers.", i));
    schedulers[i]->read(nested);
  }
}

}  // namespace

SequentialLR::SequentialLR(Optimizer& optimizer, Schedulers schedulers,
                           std::vector<int64_t> milestones)
    : LRScheduler(optimizer),
      schedulers_(std::move(schedulers)),
      milestones_(std::move(milestones)) {
  check_schedulers("SequentialLR", schedulers_, &optimizer);
  ENSURE(milestones_.size() + 1 == schedulers_.size(), "SequentialLR: milestones must have ",
         schedulers_.size() - 1, " entries, one less than schedulers, got ", milestones_.size());
  ENSURE(std::is_sorted(milestones_.begin(), milestones_.end()),
         "SequentialLR: milestones must ascend, got ", IntArrayRef(milestones_));
  start();
}

size_t SequentialLR::current() const {
  const auto next = std::upper_bound(milestones_.begin(), milestones_.end(), step_count_);
  return size_t(next - milestones_.begin());
}
void SequentialLR::step() {
  ++step_count_;
  const size_t i = current();
  if (i > 0 && milestones_[i - 1] == step_count_)
    schedulers_[i]->restart();
  else
    schedulers_[i]->step();
}
void SequentialLR::start() {
  step_count_ = 0;
  schedulers_[current()]->restart();
}
void SequentialLR::write(FieldWriter& writer) const {
  LRScheduler::write(writer);
  write_all(writer, schedulers_);
}
void SequentialLR::read(FieldReader& reader) {
  LRScheduler::read(reader);
  read_all(reader, schedulers_);
}

ChainedScheduler::ChainedScheduler(Schedulers schedulers)
    : LRScheduler(optimizer_of_checked("ChainedScheduler", schedulers)),
      schedulers_(std::move(schedulers)) {}

void ChainedScheduler::step() {
  ++step_count_;
  for (const auto& scheduler : schedulers_) scheduler->step();
}
void ChainedScheduler::start() {
  step_count_ = 0;
  for (const auto& scheduler : schedulers_) scheduler->start();
}
void ChainedScheduler::write(FieldWriter& writer) const {
  LRScheduler::write(writer);
  write_all(writer, schedulers_);
}
void ChainedScheduler::read(FieldReader& reader) {
  LRScheduler::read(reader);
  read_all(reader, schedulers_);
}

}  // namespace fg::optim
