// fusegrad_gpu_bench: what `./run gpu-bench` runs. Prints the machine and the switches first.
#include <cstdio>

#include "benchmarks/gpu/timing.h"
#include "cuda/device.h"
#include "cuda/precision.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  if (!fg::cuda::is_available()) {
    std::fprintf(stderr, "fusegrad_gpu_bench: no GPU can be used, %s\n",
                 fg::cuda::driver_answer().c_str());
    return 77;
  }
  const fg::cuda::DeviceProperties& device = fg::cuda::device_properties();
  std::printf(
      "%s, compute capability %d.%d, %d multiprocessors, copy %.0f GB/s (read + written)\n"
      "of_copy: least bytes that the op must move over time, as a fraction of that copy\n"
      "ratio: time of the library called directly over ours\n",
      device.name.c_str(), device.major, device.minor, device.multiprocessors,
      fg::bench::gpu::copy_bandwidth() / 1e9);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
