// What an optimizer keeps per parameter group (options) and per parameter (state).
#pragma once

#include <memory>

#include "optim/state_fields.h"
#include "tensor/arg.h"

namespace fg::optim {

/// Base of the per-parameter states. Derive from OptimizerCloneableParamState instead.
class OptimizerParamState {
 public:
  virtual ~OptimizerParamState() = default;
  virtual std::unique_ptr<OptimizerParamState> clone() const;
  virtual void write(FieldWriter& writer) const;
  virtual void read(FieldReader& reader);
};

/// Base of the options. Derive from OptimizerCloneableOptions instead.
class OptimizerOptions {
 public:
  virtual ~OptimizerOptions() = default;
  virtual std::unique_ptr<OptimizerOptions> clone() const;
  virtual double get_lr() const;
  virtual void set_lr(double lr);
  /// What schedulers that cycle the momentum change (momentum, or the first of betas); null if
  /// there is none.
  virtual double* cycled_momentum() { return nullptr; }
  /// Throws if a value lies outside its range.
  virtual void check() const {}
  virtual void write(FieldWriter& writer) const;
  virtual void read(FieldReader& reader);
};

namespace detail {
/// clone, write and read for Derived, from its list of fields. A type without visit_fields has no
/// saved fields.
template <class Base, class Derived>
class Cloneable : public Base {
 public:
  std::unique_ptr<Base> clone() const override { return std::make_unique<Derived>(self()); }
  void write(FieldWriter& writer) const override {
    if constexpr (requires { Derived::visit_fields(self(), writer); })
      Derived::visit_fields(self(), writer);
  }
  void read(FieldReader& reader) override {
    if constexpr (requires { Derived::visit_fields(self(), reader); })
      Derived::visit_fields(self(), reader);
  }
  /// Equal values in every field; tensors are compared by value.
  friend bool operator==(const Derived& a, const Derived& b) { return same_fields(a, b); }

 protected:
  const Derived& self() const { return static_cast<const Derived&>(*this); }
  Derived& self() { return static_cast<Derived&>(*this); }
};

template <class T>
bool same_fields(const T& a, const T& b);
bool same_entries(const StateDict& a, const StateDict& b);
}  // namespace detail

template <class Derived>
class OptimizerCloneableParamState : public detail::Cloneable<OptimizerParamState, Derived> {};

template <class Derived>
class OptimizerCloneableOptions : public detail::Cloneable<OptimizerOptions, Derived> {
 public:
  double get_lr() const override {
    if constexpr (requires(const Derived& d) { double(d.lr()); })
      return this->self().lr();
    else
      return OptimizerOptions::get_lr();
  }
  void set_lr(double lr) override {
    if constexpr (requires(Derived & d) { d.lr() = lr; })
      this->self().lr() = lr;
    else
      OptimizerOptions::set_lr(lr);
  }
  double* cycled_momentum() override {
    if constexpr (requires(Derived & d) { std::get<0>(d.betas()); })
      return &std::get<0>(this->self().betas());
    else if constexpr (requires(Derived & d) { d.momentum() = 0.5; })
      return &this->self().momentum();
    else
      return nullptr;
  }
};

template <class T>
bool detail::same_fields(const T& a, const T& b) {
  StateDict left, right;
  FieldWriter write_left(left, ""), write_right(right, "");
  a.write(write_left);
  b.write(write_right);
  return same_entries(left, right);
}

}  // namespace fg::optim
