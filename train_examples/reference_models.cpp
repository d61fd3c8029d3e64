// reference_models: the four models that are measured against PyTorch, with weights and data from safetensors
#include "nn/models/reference_models.h"

#include <chrono>
#include <iomanip>
#include <iostream>
#include <numeric>
#include <set>
#include <utility>

#include "autograd/fused/kept_pre_activation.h"
#include "fusegrad.h"
#include "tensor/host_memory.h"
#include "train_examples/common/options.h"
#include "train_examples/common/profiled_steps.h"
#include "train_examples/common/progress.h"

using namespace fg;
using namespace fg::examples;
using nn::models::ReferenceModel;
using nn::models::ReferenceModelKind;
using nn::models::ReferenceSize;

namespace {

struct Settings {
  std::string model, size = "small", device = "cpu", dtype = "float32", tf32 = "off";
  std::string optimizer = "sgd", load, save, dot, tensorboard, profile;
  bool fused = true, graph = false, progress = true;
  double lr = 1e-3, momentum = 0, weight_decay = -1;
  int64_t steps = 100, groups = 0;
  uint64_t seed = 0;
};

const std::map<std::string, ScalarType> kTypes{
    {"float32", kFloat}, {"fp32", kFloat},        {"float64", kDouble}, {"fp64", kDouble},
    {"float16", kHalf},  {"bfloat16", kBFloat16}, {"fp16", kHalf},      {"bf16", kBFloat16}};

/// What --load brings; undefined where the file has none.
struct Loaded {
  StateDict parameters;
  Tensor input, target;
};

Loaded read_file(const std::string& path) {
  Loaded loaded;
  if (path.empty()) return loaded;
  for (const auto& item : load_safetensors(path).tensors) {
    // What --save adds to the parameters, so that its file can be loaded again.
    static const std::set<std::string> added{"loss", "output", "pre_activation"};
    if (added.contains(item.key()) || item.key().starts_with("grad.")) continue;
    ENSURE(item.value().is_floating_point(), "--load: ", item.key(), " must be floating, got ",
           item.value().dtype());
    if (item.key() == "input")
      loaded.input = item.value();
    else if (item.key() == "target")
      loaded.target = item.value();
    else
      loaded.parameters.insert(item.key(), item.value());
  }
  return loaded;
}

/// "4,3,7,9,11" or, with the output channels behind, "4,3,7,9,11,5". Otherwise the output has the full model's
/// channels, or as many features as the input; groups have 32 features, as in the full model.
void set_extents(ReferenceSize& size, const std::string& text) {
  std::vector<int64_t> extents;
  for (const std::string& part : CLI::detail::split(text, ',')) {
    int64_t extent = 0;
    ENSURE(CLI::detail::lexical_cast(part, extent) && extent > 0,
           "--size must be full, small or positive extents, got '", text, "'");
    extents.push_back(extent);
  }
  const size_t dims = size.input.size();
  ENSURE(extents.size() == dims || extents.size() == dims + 1, "--size must have ", dims,
         " extents of the input, and may have the output channels behind, got '", text, "'");
  if (dims == 2) size.out_channels = extents[1];
  if (extents.size() > dims) {
    size.out_channels = extents.back();
    extents.pop_back();
  }
  size.num_groups = size.out_channels % 32 == 0 ? size.out_channels / 32 : 1;
  size.input = extents;
}

/// --size and --groups, overruled by the extents of what was loaded.
ReferenceSize size_of(const Settings& settings, const ReferenceModelKind& kind,
                      const Loaded& loaded) {
  ReferenceSize size = settings.size == "small" ? kind.small : kind.full;
  if (settings.size != "full" && settings.size != "small") set_extents(size, settings.size);
  for (const auto& item : loaded.parameters)
    if (item.key() != kind.weight && item.value().dim() > 0)
      size.out_channels = item.value().size(0);
  if (loaded.input.defined()) {
    ENSURE(loaded.input.dim() == int64_t(size.input.size()), "--load: input must have ",
           size.input.size(), " dims, got shape ", loaded.input.sizes());
    size.input = loaded.input.sizes();
  }
  if (const Tensor* weight = loaded.parameters.find(kind.weight)) {
    ENSURE(weight->dim() == int64_t(size.kernel.size()) + 2, "--load: ", kind.weight, " must have ",
           size.kernel.size() + 2, " dims, got shape ", weight->sizes());
    size.out_channels = weight->size(kind.out_dim);
    if (!loaded.input.defined()) size.input[1] = weight->size(kind.in_dim);
    size.kernel = weight->sizes().slice(2);
  }
  if (settings.groups > 0) size.num_groups = settings.groups;
  return size;
}

std::shared_ptr<ReferenceModel> make_model(const Settings& settings, const Loaded& loaded) {
  const ReferenceModelKind& kind = nn::models::reference_model(settings.model);
  const auto model = kind.make(size_of(settings, kind, loaded));
  model->use_fused(settings.fused);
  // 16-bit runs keep their parameters and the optimizer's state in float32.
  model->to(compute_type(kTypes.at(settings.dtype)));
  const auto keys = model->load_state_dict(loaded.parameters, /*strict=*/false);
  for (const std::string& key : keys.unexpected_keys)
    ENSURE(false, "--load: ", key, " must be input, target or a parameter of ", settings.model);
  for (const std::string& key : keys.mismatched_keys)
    ENSURE(false, "--load: ", key, " must have shape ", model->state_dict()[key].sizes(), ", got ",
           loaded.parameters[key].sizes());
  model->to(Device(settings.device));
  return model;
}

template <class O>
std::unique_ptr<optim::Optimizer> make_adam(const Settings& settings,
                                            std::vector<Tensor> parameters, O options) {
  if (settings.weight_decay >= 0) options.weight_decay(settings.weight_decay);
  using Optimizer =
      std::conditional_t<std::is_same_v<O, optim::AdamOptions>, optim::Adam, optim::AdamW>;
  return std::make_unique<Optimizer>(std::move(parameters), options);
}

std::unique_ptr<optim::Optimizer> make_optimizer(const Settings& settings,
                                                 const std::vector<Tensor>& parameters) {
  if (settings.optimizer == "adam")
    return make_adam(settings, parameters, optim::AdamOptions(settings.lr));
  if (settings.optimizer == "adamw")
    return make_adam(settings, parameters, optim::AdamWOptions(settings.lr));
  return std::make_unique<optim::SGD>(parameters,
                                      optim::SGDOptions(settings.lr)
                                          .momentum(settings.momentum)
                                          .weight_decay(std::max(settings.weight_decay, 0.0)));
}

double peak_mebibytes(Device device) {
  int64_t bytes = max_host_memory_allocated();
  if constexpr (kHasCuda)
    if (device.is_cuda()) bytes = cuda::max_memory_allocated();
  return double(bytes) / (1 << 20);
}

/// The loss on the way, and what --save asks for.
class Record {
 public:
  explicit Record(const Settings& settings)
      : settings_(settings), progress_("step", settings.steps, 0, settings.progress) {
    if (!settings.tensorboard.empty()) writer_.emplace(settings.tensorboard);
    std::cout << settings.model << ", " << (settings.fused ? "fused" : "composed") << ", "
              << settings.dtype << ", tf32 " << settings.tf32 << " (products and convolutions), "
              << settings.device << ", " << settings.optimizer << '\n';
  }

  /// Before the backward pass, which frees what the stage keeps.
  void add_first_result(const Tensor& y) {
    if (settings_.save.empty()) return;
    tensors_.insert("output", y.detach());
    const Tensor z = kept_pre_activation(y);
    if (z.defined()) tensors_.insert("pre_activation", z);
  }
  void add_first_gradients(const ReferenceModel& model) {
    if (settings_.save.empty()) return;
    for (const auto& item : model.named_parameters())
      tensors_.insert("grad." + item.key(), item.value().grad().clone());
  }
  /// The value is asked for at some steps only: it makes the program wait for the GPU.
  void add_loss(const Tensor& loss) {
    losses_.push_back(loss.detach());
    const int64_t step = int64_t(losses_.size());
    const int64_t every = std::max<int64_t>(1, settings_.steps / 20);
    if (step == 1 || step % every == 0 || step == settings_.steps) print(step);
    progress_.advance(0, double(step), {});
  }
  void finish(const ReferenceModel& model) {
    const double after_first = double(std::max<size_t>(losses_.size() - 1, 1));
    const double seconds = losses_.size() > 1 ? last_ - first_ : first_;
    std::cout << "time per step " << std::setprecision(4) << 1e3 * seconds / after_first
              << " ms, peak memory " << peak_mebibytes(settings_.device) << " MiB\n";
    if (settings_.save.empty()) return;
    const Tensor losses = empty({int64_t(losses_.size())}, kDouble);
    for (size_t i = 0; i < losses_.size(); ++i)
      losses.data_ptr<double>()[i] = losses_[i].item<double>();
    StateDict file{{"loss", losses}};
    file.update(tensors_);
    file.update(model.state_dict());
    save_safetensors(settings_.save, file);
  }

 private:
  void print(int64_t step) {
    const double loss = losses_.back().item<double>();
    last_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    if (step == 1) first_ = last_;
    if (writer_) writer_->add_scalar("loss", loss, step);
    progress_.hide();
    std::cout << "step " << step << "  loss " << std::setprecision(9) << loss << std::endl;
  }

  const Settings settings_;
  Progress progress_;
  optional<SummaryWriter> writer_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double first_ = 0, last_ = 0;  // seconds until the end of the first and of the last step
  std::vector<Tensor> losses_;
  StateDict tensors_;
};

void train(const Settings& settings) {
  const Device device = checked_device(settings.device);
  globalContext().setAllowTF32CuBLAS(settings.tf32 == "on");
  globalContext().setAllowTF32CuDNN(settings.tf32 == "on");
  manual_seed(settings.seed);
  const ScalarType type = kTypes.at(settings.dtype);
  const Loaded loaded = read_file(settings.load);
  const ReferenceModelKind& kind = nn::models::reference_model(settings.model);
  const auto model = make_model(settings, loaded);
  const Tensor x =
      (loaded.input.defined() ? loaded.input : rand(size_of(settings, kind, loaded).input))
          .to(type)
          .to(device);
  Tensor target = loaded.target;
  const auto optimizer = make_optimizer(settings, model->parameters());
  show_graph(settings.graph, device);
  Record record(settings);
  bool is_first = true;
  const auto train_once = [&](const std::vector<Tensor>&) {
    optimizer->zero_grad();
    const Tensor y = model->forward(x);
    if (is_first) record.add_first_result(y);
    if (!target.defined()) target = randn(y.sizes());
    ENSURE(target.sizes() == y.sizes(), "--load: target must have the output's shape ", y.sizes(),
           ", got ", target.sizes());
    // In float32 for a 16-bit model, and so is the loss.
    if (is_first) target = target.to(y.options().dtype(compute_type(type)));
    const Tensor loss = mse_loss(y, target);
    if (is_first) save_tape(settings.dot, loss, *model);
    loss.backward();
    if (std::exchange(is_first, false)) record.add_first_gradients(*model);
    optimizer->step();
    return loss;
  };
  // Input and target stay where they are.
  GraphedStep step(device, train_once, GraphedStepOptions().enabled(settings.graph));
  ProfiledSteps profiled(settings.profile);
  for (int64_t i = 0; i < settings.steps; ++i) {
    const Tensor loss = step({});
    record.add_loss(step.is_captured() ? loss.clone() : loss);
    profiled.step();
  }
  record.finish(*model);
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  const auto add_flags = [&](CLI::App& app) {
    std::vector<std::string> models, types;
    for (const auto& kind : nn::models::reference_models()) models.push_back(kind.name);
    for (const auto& type : kTypes) types.push_back(type.first);
    app.add_option("--model", settings.model, "Which")->required()->check(CLI::IsMember(models));
    app.add_option("--size", settings.size, "full, small or the input's extents B,C,...");
    app.add_flag("--fused,!--composed", settings.fused, "One node of the tape, or plain ops");
    add_device_flag(app, settings.device);
    add_graph_flag(app, settings.graph);
    app.add_option("--dtype", settings.dtype, "Of the computation")->check(CLI::IsMember(types));
    app.add_option("--tf32", settings.tf32, "TF32 in float32 products and convolutions on a GPU")
        ->check(CLI::IsMember({"on", "off"}));
    app.add_option("--optimizer", settings.optimizer, "sgd, adam or adamw")
        ->check(CLI::IsMember({"sgd", "adam", "adamw"}));
    app.add_option("--lr", settings.lr, "Learning rate")->check(kNotNegative);
    app.add_option("--momentum", settings.momentum, "Of sgd")->check(kNotNegative);
    app.add_option("--weight-decay", settings.weight_decay, "Below 0: the optimizer's default");
    app.add_option("--steps", settings.steps, "Training steps")->check(kPositive);
    app.add_option("--seed", settings.seed, "Seed of weights and data");
    add_profile_flag(app, settings.profile);
    app.add_option("--groups", settings.groups, "Groups of the group norm; 0: the size's")
        ->check(kNotNegative);
    add_dot_flag(app, settings.dot);
    add_tensorboard_flag(app, settings.tensorboard);
    add_progress_flag(app, settings.progress);
    app.add_option("--load", settings.load, "Parameters, input and target, any of them")
        ->type_name("FILE");
    app.add_option(
           "--save", settings.save,
           "loss, output, pre_activation where a fused stage keeps it, grad.<key>, the parameters")
        ->type_name("FILE");
  };
  return run_program(argc, argv, "reference_models",
                     "Trains a reference model on a fixed target (MSE)", add_flags,
                     [&] { train(settings); });
}
