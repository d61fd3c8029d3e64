// What cuDNN answers when it is asked for convolutions: graphs, engines and plans up to the launch, for the
// properties of an H200 given as text. Needs the library but no GPU.

#include <doctest/doctest.h>

#include "cuda/cudnn/conv_graph.h"

using namespace fg;
using namespace fg::cuda;
using namespace fg::cuda::cudnn;

namespace {

Target h200() {
  static const Descriptor properties = device_properties(R"({
    "deviceName": "NVIDIA H200", "deviceVer": 900, "driverVer": 13000, "cudaDeviceId": 0, "pciDeviceId": 0,
    "multiProcessorCount": 132, "warpSize": 32, "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048,
    "maxCtasPerSM": 32, "regsPerBlock": 65536, "maxRegistersPerSM": 65536, "maxSharedMemoryPerBlock": 49152,
    "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024,
    "totalGlobalMem": 150754820096, "l2CacheSize": 62914560, "smClockRateKHz": 1980000,
    "memClockRateKHz": 3201000, "maxBlockSize": [1024, 1024, 64], "maxGridSize": [2147483647, 65535, 65535],
    "supportCoopLaunch": 1, "isTccDriver": 0})");
  return {nullptr, &properties};
}

struct Shape {
  std::string name;
  int8_t spatial_dims;
  int64_t batch, in_channels, out_channels, groups;
  Extents input, kernel, stride, padding, dilation;
};

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {
      {"3-d", 3, 16, 8, 32, 1, {8, 16, 16}, {3, 3, 3}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}},
      {"transposed 3-d", 3, 4, 32, 16, 1, {8, 16, 16}, {3, 3, 3}, {2, 2, 2}, {1, 1, 1}, {1, 1, 1}},
      {"2-d", 2, 8, 64, 64, 1, {1, 28, 28}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
      {"strided 7x7", 2, 8, 3, 64, 1, {1, 64, 64}, {1, 7, 7}, {1, 2, 2}, {0, 3, 3}, {1, 1, 1}},
      {"1x1", 2, 8, 64, 128, 1, {1, 28, 28}, {1, 1, 1}, {1, 2, 2}, {0, 0, 0}, {1, 1, 1}},
      {"depthwise", 2, 8, 64, 64, 64, {1, 28, 28}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
      {"odd groups, dilated",
       2,
       3,
       12,
       20,
       4,
       {1, 17, 19},
       {1, 3, 2},
       {1, 2, 1},
       {0, 1, 2},
       {1, 2, 3}},
      {"odd 3-d groups", 3, 2, 4, 6, 2, {5, 6, 7}, {2, 3, 2}, {2, 1, 1}, {1, 1, 0}, {1, 1, 2}},
      {"1-d", 2, 8, 5, 7, 1, {1, 1, 33}, {1, 1, 3}, {1, 1, 2}, {0, 0, 1}, {1, 1, 1}},
      {"above 2^31 elements",
       3,
       1024,
       8,
       32,
       1,
       {32, 64, 64},
       {3, 3, 3},
       {1, 1, 1},
       {0, 0, 0},
       {1, 1, 1}},
  };
  return all;
}

ConvProblem problem_of(const Shape& s, ConvDirection direction, ScalarType type,
                       bool channels_last) {
  ConvProblem p;
  p.geometry = {s.batch, s.in_channels, s.out_channels, s.groups,  s.input, s.kernel,
                {},      s.stride,      s.padding,      s.dilation};
  for (size_t d = 0; d < 3; ++d)
    p.geometry.output[d] =
        (s.input[d] + 2 * s.padding[d] - s.dilation[d] * (s.kernel[d] - 1) - 1) / s.stride[d] + 1;
  p.direction = direction;
  p.spatial_dims = s.spatial_dims;
  p.type = type;
  p.channels_last = channels_last;
  p.deterministic = true;
  return p;
}

/// The first plan that can be built, of the engines in the launcher's order.
std::shared_ptr<const Plan> first_plan(const ConvProblem& problem) {
  const auto graph = conv_graph(problem, h200());
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
    for (Descriptor& engine : acceptable_engines(problem, *graph, h200(), mode))
      if (auto plan = Plan::build(graph, std::move(engine), h200())) return plan;
  return nullptr;
}

constexpr ConvDirection kDirections[] = {ConvDirection::Forward, ConvDirection::InputGrad,
                                         ConvDirection::WeightGrad};

}  // namespace

TEST_CASE("cudnn plans: every direction, type and order in memory has one") {
  for (const Shape& shape : shapes()) {
    for (const ConvDirection direction : kDirections) {
      for (const ScalarType type : {kFloat, kDouble, kHalf, kBFloat16}) {
        for (const bool channels_last : {false, true}) {
          CAPTURE(shape.name);
          CAPTURE(int(direction));
          CAPTURE(to_string(type));
          CAPTURE(channels_last);
          CHECK(first_plan(problem_of(shape, direction, type, channels_last)) != nullptr);
        }
      }
    }
  }
}

TEST_CASE("cudnn plans: the forward convolution takes its bias along") {
  for (const Shape& shape : shapes()) {
    for (const ScalarType type : {kFloat, kBFloat16}) {
      for (const int64_t alignment : {int64_t(16), element_size(type)}) {
        CAPTURE(shape.name);
        CAPTURE(alignment);
        ConvProblem problem = problem_of(shape, ConvDirection::Forward, type, false);
        problem.has_bias = true;
        problem.alignment = int8_t(alignment);
        CHECK(first_plan(problem) != nullptr);
      }
    }
  }
}

TEST_CASE("cudnn plans: engines that change the numbers otherwise than asked are left out") {
  ConvProblem problem = problem_of(shapes()[2], ConvDirection::WeightGrad, kFloat, false);
  const auto graph = conv_graph(problem, h200());
  const auto count = [&] {
    return acceptable_engines(problem, *graph, h200(), CUDNN_HEUR_MODE_A).size();
  };
  const size_t exact = count();
  problem.allow_tf32 = true;
  CHECK(count() > exact);
  using Notes = std::vector<cudnnBackendNumericalNote_t>;
  const Notes varying{CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC};
  CHECK_FALSE(is_acceptable(problem, varying));
  problem.deterministic = false;
  CHECK(is_acceptable(problem, varying));
  CHECK(is_acceptable(problem, Notes{CUDNN_NUMERICAL_NOTE_TENSOR_CORE}));
  CHECK_FALSE(is_acceptable(problem, Notes{CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS}));
  CHECK_FALSE(is_acceptable(problem, Notes{CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION}));
  problem.allow_tf32 = false;
  CHECK_FALSE(is_acceptable(problem, Notes{CUDNN_NUMERICAL_NOTE_TENSOR_CORE}));
  CHECK(is_acceptable(problem, Notes{CUDNN_NUMERICAL_NOTE_WINOGRAD}));
  problem.type = kBFloat16;
  CHECK(is_acceptable(problem, Notes{CUDNN_NUMERICAL_NOTE_TENSOR_CORE}));
  CHECK_FALSE(is_acceptable(problem, Notes{CUDNN_NUMERICAL_NOTE_WINOGRAD}));
  problem.type = kDouble;  // whose tensor cores round nothing
  CHECK(is_acceptable(problem, Notes{CUDNN_NUMERICAL_NOTE_TENSOR_CORE}));
}

TEST_CASE("cudnn plans: errors name descriptor, attribute and reason") {
  Descriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const auto text = [](const auto& act) -> std::string {
    try {
      act();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const std::string wrong_type = text([&] { tensor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, 1.0f); });
  CAPTURE(wrong_type);
  CHECK(wrong_type.find("setting CUDNN_ATTR_TENSOR_DIMENSIONS (1 element) of "
                        "CUDNN_BACKEND_TENSOR_DESCRIPTOR: CUDNN_STATUS_BAD_PARAM") == 0);
  CHECK(wrong_type.find("(cuDNN 9.") != std::string::npos);
  const std::string incomplete = text([&] { tensor.finalize(); });
  CAPTURE(incomplete);
  CHECK(incomplete.find("finalizing CUDNN_BACKEND_TENSOR_DESCRIPTOR: CUDNN_STATUS_BAD_PARAM") == 0);
}

TEST_CASE("cudnn plans: what is given to a launch is accepted") {
  std::array<char, 64> memory;
  const int64_t ids[] = {kInputId, kWeightId, kOutputId};
  void* pointers[] = {memory.data(), memory.data(), memory.data()};
  void* workspace = nullptr;
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::span<const int64_t>(ids));
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, std::span<void* const>(pointers));
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, std::span<void* const>(&workspace, 1));
  CHECK_NOTHROW(pack.finalize());
}
