// Named choices, such as fg::kMean or fg::kReflect: each is a type of its own, and OneOf<...> holds
// one of a stated set, so that a reduction cannot be passed where a padding mode is wanted.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <variant>

/// Every choice: X(Name) gives fg::kName of type fg::enumtype::kName.
#define FOR_EACH_CHOICE(X) \
  X(Linear)                \
  X(Conv1D)                \
  X(Conv2D)                \
  X(Conv3D)                \
  X(ConvTranspose1D)       \
  X(ConvTranspose2D)       \
  X(ConvTranspose3D)       \
  X(Sigmoid)               \
  X(Tanh)                  \
  X(ReLU)                  \
  X(GELU)                  \
  X(SiLU)                  \
  X(Mish)                  \
  X(LeakyReLU)             \
  X(SELU)                  \
  X(FanIn)                 \
  X(FanOut)                \
  X(Constant)              \
  X(Zeros)                 \
  X(Reflect)               \
  X(Replicate)             \
  X(Circular)              \
  X(Border)                \
  X(Reflection)            \
  X(Nearest)               \
  X(NearestExact)          \
  X(Bilinear)              \
  X(Bicubic)               \
  X(Trilinear)             \
  X(Area)                  \
  X(None)                  \
  X(Mean)                  \
  X(Sum)                   \
  X(Max)                   \
  X(BatchMean)             \
  X(Valid)                 \
  X(Same)                  \
  X(RNN_TANH)              \
  X(RNN_RELU)              \
  X(LSTM)                  \
  X(GRU)

namespace fg {

enum class Choice : int8_t {
#define X(Name) Name,
  FOR_EACH_CHOICE(X)
#undef X
};

/// The constant's spelling: "kMean".
constexpr const char* choice_name(Choice choice) {
  switch (choice) {
#define X(Name)      \
  case Choice::Name: \
    return "k" #Name;
    FOR_EACH_CHOICE(X)
#undef X
  }
  return "";
}

template <Choice C>
struct ChoiceTag {
  static constexpr Choice value = C;
};

namespace enumtype {
#define X(Name) using k##Name = ChoiceTag<Choice::Name>;
FOR_EACH_CHOICE(X)
#undef X
}  // namespace enumtype

#define X(Name) inline constexpr enumtype::k##Name k##Name{};
FOR_EACH_CHOICE(X)
#undef X

/// One of the choices `Tags`; converts from each of them and compares with any.
template <class... Tags>
class OneOf {
 public:
  template <Choice C>
  requires((C == Tags::value) || ...) constexpr OneOf(ChoiceTag<C>) : value_(C) {}
  constexpr Choice value() const { return value_; }
  constexpr const char* name() const { return choice_name(value_); }
  template <Choice C>
  friend constexpr bool operator==(OneOf a, ChoiceTag<C>) {
    return a.value_ == C;
  }
  friend constexpr bool operator==(OneOf a, OneOf b) { return a.value_ == b.value_; }
  friend std::ostream& operator<<(std::ostream& out, OneOf a) { return out << a.name(); }

 private:
  Choice value_;
};

// What libtorch, whose options are variants of tags, offers for them.
/// The tag if it is the one that is held, else null.
template <class Tag, class... Tags>
const Tag* get_if(const OneOf<Tags...>* choice) {
  static constexpr Tag tag{};
  return choice->value() == Tag::value ? &tag : nullptr;
}

namespace enumtype {
template <class... Tags>
std::string get_enum_name(const OneOf<Tags...>& choice) {
  return choice.name();
}
template <class... Tags>
std::string get_enum_name(const std::variant<Tags...>& choice) {
  return std::visit([](auto tag) { return choice_name(decltype(tag)::value); }, choice);
}
}  // namespace enumtype

}  // namespace fg
