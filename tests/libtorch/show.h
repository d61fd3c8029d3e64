// What the programs of this folder share. Each program is an ordinary libtorch program: compiled against
// libtorch and against fusegrad, it must print the same. It prints cases; compare.py reads a case's
// tolerances from its first line and compares the numbers one by one, everything else as text.
#pragma once

#include <cstdio>
#include <functional>
#include <iostream>
#include <string>

#include <torch/torch.h>

#if defined(EXPECT_FUSEGRAD) && !defined(FUSEGRAD_COMPAT)
#error "this build must use fusegrad's torch/torch.h, but found another one first"
#endif

/// A case with the tolerances of its numbers: |ours - theirs| <= atol + rtol |theirs|.
inline void run_case(const char* name, double rtol, double atol,
                     const std::function<void()>& body) {
  std::printf("## %s rtol=%g atol=%g\n", name, rtol, atol);
  std::fflush(stdout);
  torch::manual_seed(0);
  try {
    body();
  } catch (const c10::Error& error) {
    std::cout << "unexpected error: " << error.what_without_backtrace() << std::endl;
  }
  std::cout << std::flush;
}

inline void show(const char* name, double value) { std::printf("%s: %.17g\n", name, value); }
inline void show(const char* name, int64_t value) {
  std::printf("%s: %lld\n", name, (long long)value);
}
inline void show(const char* name, int value) { show(name, int64_t(value)); }
inline void show(const char* name, size_t value) { show(name, int64_t(value)); }
inline void show(const char* name, bool value) {
  std::printf("%s: %s\n", name, value ? "true" : "false");
}
inline void show(const char* name, const std::string& value) {
  std::printf("%s: %s\n", name, value.c_str());
}
inline void show(const char* name, const char* value) { show(name, std::string(value)); }

/// Dtype, shape and every element in full precision.
inline void show(const char* name, const torch::Tensor& tensor) {
  std::cout << std::flush;
  if (!tensor.defined()) {
    std::printf("%s: undefined\n", name);
    return;
  }
  std::string text = c10::str(name, ": ", tensor.scalar_type(), " ", tensor.sizes(), " =");
  const torch::Tensor flat = tensor.detach().reshape({-1}).to(torch::kDouble).contiguous();
  const double* values = flat.data_ptr<double>();
  for (int64_t i = 0; i < flat.numel(); ++i) {
    char number[40];
    std::snprintf(number, sizeof(number), " %.9g", values[i]);
    text += number;
  }
  std::printf("%s\n", text.c_str());
}

/// For large tensors: shape, sum, absolute sum and a few elements.
inline void show_brief(const char* name, const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.detach().reshape({-1}).to(torch::kDouble);
  std::string text = c10::str(name, ": ", tensor.scalar_type(), " ", tensor.sizes());
  std::printf("%s sum %.9g abs %.9g first %.9g last %.9g\n", text.c_str(),
              flat.sum().item<double>(), flat.abs().sum().item<double>(), flat[0].item<double>(),
              flat[-1].item<double>());
}

/// Anything with operator<<.
template <class T>
void print(const char* name, const T& value) {
  std::cout << name << ": " << value << "\n";
}

/// Both libraries must throw c10::Error (or what libtorch throws in its place); texts are their own.
inline void throws(const char* name, const std::function<void()>& body) {
  bool thrown = false;
  try {
    body();
  } catch (const std::exception&) {
    thrown = true;
  }
  std::printf("%s: %s\n", name, thrown ? "throws" : "does not throw");
}

/// The same with libtorch's text, or how it begins.
inline void throws_text(const char* name, const std::function<void()>& body) {
  std::string text = "does not throw";
  try {
    body();
  } catch (const c10::Error& error) {
    text = error.what_without_backtrace();
  } catch (const std::exception& error) {
    text = error.what();
  }
  std::printf("%s: %s\n", name, text.c_str());
}
