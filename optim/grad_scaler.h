// GradScaler: loss scaling for training in float16, whose small gradients would be rounded to zero.
//
//   amp::GradScaler scaler;
//   ...
//   optimizer.zero_grad();
//   Tensor loss;
//   {
//     const autocast guard(kCUDA, kHalf);
//     loss = F::cross_entropy(model->forward(x), target);
//   }
//   scaler.scale(loss).backward();
//   scaler.unscale_(optimizer);                               // only for what has to see true gradients:
//   optim::clip_grad_norm_(model->parameters(), 1.0);
//   scaler.step(optimizer);                                   // skipped if a gradient is infinite or NaN
//   scaler.update();                                          // then the scale falls; else it grows now and then
//
// The scale, the count of good steps and what the checks found live on the device. step() reads the latter on the host,
// unless it is captured into a CUDA graph (optim/graphed_step.h): then the optimizer's kernel reads it and leaves
// everything as it is. In that case the optimizer's count of steps, which bias corrections follow, counts skipped steps,
// too, and the factors and the interval are those of the capture.
#pragma once

#include <unordered_map>
#include <vector>

#include "optim/optimizer.h"

namespace fg::amp {

struct GradScalerOptions {
  FUSEGRAD_ARG(double, init_scale) = 65536;
  /// Above 1; below 1; steps in a row without an infinity, after which the scale grows.
  FUSEGRAD_ARG(double, growth_factor) = 2;
  FUSEGRAD_ARG(double, backoff_factor) = 0.5;
  FUSEGRAD_ARG(int64_t, growth_interval) = 2000;
  /// Otherwise scale() gives back its argument, step() is the optimizer's and the rest does nothing.
  FUSEGRAD_ARG(bool, enabled) = true;
};

/// PyTorch's torch.amp.GradScaler. The scale is made on the device of the first loss.
class GradScaler {
 public:
  explicit GradScaler(GradScalerOptions options = {});

  /// outputs times the scale; differentiable.
  Tensor scale(const Tensor& outputs);
  std::vector<Tensor> scale(const std::vector<Tensor>& outputs);
  /// Divides the gradients of the optimizer's parameters by the scale and notes whether one was infinite or NaN. At most
  /// once between update() and step(); not after step(). Half gradients are an error: parameters stay Float.
  void unscale_(optim::Optimizer& optimizer);
  /// unscale_, unless that has been called, then optimizer.step() if all gradients were finite. Returns an undefined
  /// tensor. Once per optimizer between two updates. A closure is an error while the scaler is enabled.
  Tensor step(optim::Optimizer& optimizer, const optim::Optimizer::LossClosure& closure = nullptr);
  /// Multiplies the scale by backoff_factor if a step was skipped, or by growth_factor after growth_interval steps that
  /// were not, or sets it to `new_scale` (of one element); then the next iteration begins.
  void update(optional<double> new_scale = nullopt);
  void update(const Tensor& new_scale);

  /// Waits for the GPU. 1 if the scaler is not enabled.
  double get_scale() const;
  double get_growth_factor() const { return options_.growth_factor(); }
  void set_growth_factor(double factor) { options_.growth_factor(factor); }
  double get_backoff_factor() const { return options_.backoff_factor(); }
  void set_backoff_factor(double factor) { options_.backoff_factor(factor); }
  int64_t get_growth_interval() const { return options_.growth_interval(); }
  void set_growth_interval(int64_t interval) { options_.growth_interval(interval); }
  bool is_enabled() const { return options_.enabled(); }

  /// scale, growth_factor, backoff_factor, growth_interval, _growth_tracker; nothing if the scaler is not enabled.
  StateDict state_dict() const;
  void load_state_dict(const StateDict& dict);

 private:
  enum class Stage { Ready, Unscaled, Stepped };
  struct OptimizerState {
    Stage stage = Stage::Ready;
    std::vector<Tensor> found_inf;  // one per device; not 0 if so
  };

  void make_scale(Device device);
  void check_scale(const char* op) const;
  /// The sum of what the checks of some optimizers found, on the scale's device.
  Tensor found_inf(const std::vector<Tensor>& found) const;
  void begin_iteration() { states_.clear(); }

  GradScalerOptions options_;
  int64_t init_growth_tracker_ = 0;
  Tensor scale_;           // Float; undefined before the first loss
  Tensor growth_tracker_;  // Int: steps in a row without an infinity
  std::unordered_map<const optim::Optimizer*, OptimizerState> states_;
};

}  // namespace fg::amp
