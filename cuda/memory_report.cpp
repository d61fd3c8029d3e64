// Statistics of the caching allocator as text.
#include <iomanip>
#include <sstream>

#include "cuda/allocator.h"
#include "cuda/device_allocator.h"
#include "tensor/format_bytes.h"

namespace fg::cuda {
namespace {

void add_row(std::ostream& out, const std::string& label, const Stat& stat, bool is_bytes) {
  out << std::left << std::setw(24) << label << std::right;
  for (int64_t value : {stat.current, stat.peak, stat.allocated, stat.freed})
    out << std::setw(14) << (is_bytes ? format_bytes(value) : std::to_string(value));
  out << '\n';
}

}  // namespace

std::map<std::string, int64_t> MemoryStats::flat() const {
  std::map<std::string, int64_t> result{{"num_alloc_retries", num_alloc_retries},
                                        {"num_ooms", num_ooms},
                                        {"num_device_alloc", num_device_alloc},
                                        {"num_device_free", num_device_free}};
  for_each(*this, [&](const std::string& name, const PoolStat& stat) {
    const std::pair<const char*, const Stat*> parts[] = {{".all.", &stat.all},
                                                         {".small_pool.", &stat.small_pool},
                                                         {".large_pool.", &stat.large_pool}};
    for (const auto& [pool, part] : parts) {
      result[name + pool + "current"] = part->current;
      result[name + pool + "peak"] = part->peak;
      result[name + pool + "allocated"] = part->allocated;
      result[name + pool + "freed"] = part->freed;
    }
  });
  return result;
}

std::string memory_summary(DeviceIndex device) {
  const MemoryStats stats = memory_stats(device);
  std::ostringstream out;
  out << "memory of " << Device(kCUDA, resolve_index(device)) << ": " << stats.num_ooms
      << " times out of memory, " << stats.num_alloc_retries << " retries, "
      << stats.num_device_alloc << " cudaMalloc, " << stats.num_device_free << " cudaFree\n";
  out << std::left << std::setw(24) << "" << std::right;
  for (const char* column : {"current", "peak", "allocated", "freed"})
    out << std::setw(14) << column;
  out << '\n';
  MemoryStats::for_each(stats, [&](const std::string& name, const PoolStat& stat) {
    const bool is_bytes = name.ends_with("_bytes");
    add_row(out, name, stat.all, is_bytes);
    add_row(out, "  small_pool", stat.small_pool, is_bytes);
    add_row(out, "  large_pool", stat.large_pool, is_bytes);
  });
  return out.str();
}

}  // namespace fg::cuda
