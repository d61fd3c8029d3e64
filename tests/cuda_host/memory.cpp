// Host emulation of CUDA: device and pinned memory, copies, fills.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <system_error>
#include <utility>

#include <sys/mman.h>

#include "internal.h"

namespace cuda_host {
namespace {

constexpr size_t kAlignment = 256;
constexpr size_t kPage = 4096;

struct Allocation {
  size_t bytes;
  cudaMemoryType type;
  int device;
  bool registered;  // by cudaHostRegister: not ours to free
};

/// Device memory whose pages are closed to everything but kernels, in the mode that protects it.
class Arena {
 public:
  explicit Arena(size_t bytes) : bytes_(bytes) {
    void* const base =
        mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    base_ = static_cast<char*>(base);
    free_[base_] = bytes;
  }

  void* allocate(size_t bytes) {
    // A closed page lies behind every block.
    bytes = whole_pages(bytes) + kPage;
    for (auto hole = free_.begin(); hole != free_.end(); ++hole) {
      if (hole->second < bytes) continue;
      char* const found = hole->first;
      const size_t rest = hole->second - bytes;
      free_.erase(hole);
      if (rest > 0) free_[found + bytes] = rest;
      blocks_[found] = bytes - kPage;
      if (open_ > 0) protect(found, bytes - kPage, PROT_READ | PROT_WRITE);
      return found;
    }
    return nullptr;
  }

  void release(void* pointer) {
    const auto block = blocks_.find(static_cast<char*>(pointer));
    auto [base, bytes] = *block;
    blocks_.erase(block);
    madvise(base, bytes, MADV_DONTNEED);
    protect(base, bytes, PROT_NONE);
    bytes += kPage;
    const auto next = free_.find(base + bytes);
    if (next != free_.end()) {
      bytes += next->second;
      free_.erase(next);
    }
    const auto here = free_.emplace(base, bytes).first;
    if (here == free_.begin()) return;
    const auto before = std::prev(here);
    if (before->first + before->second != base) return;
    before->second += bytes;
    free_.erase(here);
  }

  void open() {
    if (open_++ == 0)
      for (const auto& [base, bytes] : blocks_) protect(base, bytes, PROT_READ | PROT_WRITE);
  }
  void close() {
    if (--open_ == 0) protect(base_, bytes_, PROT_NONE);
  }

 private:
  static size_t whole_pages(size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }
  static void protect(void* base, size_t bytes, int access) {
    if (mprotect(base, bytes, access) != 0)
      throw std::system_error(errno, std::generic_category(), "mprotect");
  }

  size_t bytes_;
  char* base_;
  std::map<char*, size_t> free_;
  std::map<char*, size_t> blocks_;
  int open_ = 0;
};

struct Memory {
  std::map<const char*, Allocation> allocations;
  size_t allocated = 0;
  size_t limit = environment_number("MEMORY", size_t(2) << 30);
  Arena* const arena = environment_number("PROTECT", 0) ? new Arena(size_t(64) << 30) : nullptr;
};

// Never destroyed: what is still allocated when the program ends stays reachable, and tensors in static
// storage may be freed late.
Memory& memory() {
  static Memory* const instance = new Memory;
  return *instance;
}

/// The allocation that holds [pointer, pointer + bytes), or null.
const Allocation* find(const void* pointer, size_t bytes, bool* beyond = nullptr) {
  const auto& allocations = memory().allocations;
  const char* const at = static_cast<const char*>(pointer);
  auto next = allocations.upper_bound(at);
  if (next == allocations.begin()) return nullptr;
  const auto& [base, allocation] = *std::prev(next);
  if (at >= base + allocation.bytes && at != base) return nullptr;
  if (at + bytes <= base + allocation.bytes) return &allocation;
  if (beyond) *beyond = true;
  return nullptr;
}

cudaError_t allocate(void** pointer, size_t bytes, cudaMemoryType type) {
  if (!pointer) return report(cudaErrorInvalidValue);
  if (const cudaError_t error = refuse_in_capture(true)) return report(error);
  const std::lock_guard lock(global_mutex());
  *pointer = nullptr;
  if (device_count() == 0) return report(cudaErrorNoDevice);
  if (bytes == 0) return cudaSuccess;
  Memory& all = memory();
  const bool on_device = type != cudaMemoryTypeHost;
  if (on_device && (bytes > all.limit || all.allocated > all.limit - bytes))
    return report(cudaErrorMemoryAllocation);
  void* found = nullptr;
  if (type == cudaMemoryTypeDevice && all.arena) {
    found = all.arena->allocate(bytes);
    if (!found) return report(cudaErrorMemoryAllocation);
  } else if (posix_memalign(&found, kAlignment, bytes) != 0) {
    return report(cudaErrorMemoryAllocation);
  }
  {
    const DeviceAccess access;
    std::memset(found, 0xff, bytes);
  }
  all.allocations[static_cast<char*>(found)] = {bytes, type, current_device(), false};
  if (on_device) all.allocated += bytes;
  *pointer = found;
  return cudaSuccess;
}

cudaError_t release(void* pointer, bool host, cudaError_t not_mine) {
  if (!pointer) return cudaSuccess;
  if (const cudaError_t error = refuse_in_capture(true)) return report(error);
  const std::lock_guard lock(global_mutex());
  Memory& all = memory();
  const auto found = all.allocations.find(static_cast<char*>(pointer));
  if (found == all.allocations.end() || found->second.registered ||
      (found->second.type == cudaMemoryTypeHost) != host)
    return report(not_mine);
  const Allocation allocation = found->second;
  all.allocations.erase(found);
  if (!host) all.allocated -= allocation.bytes;
  if (allocation.type == cudaMemoryTypeDevice && all.arena)
    all.arena->release(pointer);
  else
    free(pointer);
  return cudaSuccess;
}

/// Whether [pointer, pointer + bytes) is what the copy's kind says it is.
bool side_agrees(const void* pointer, size_t bytes, bool expect_device, bool any) {
  bool beyond = false;
  const Allocation* const allocation = find(pointer, bytes, &beyond);
  if (beyond) return false;
  if (any || (allocation && allocation->type == cudaMemoryTypeManaged)) return true;
  return (allocation && allocation->type == cudaMemoryTypeDevice) == expect_device;
}

struct Rectangle {
  size_t pitch, width, height;
  size_t span() const { return height == 0 ? 0 : pitch * (height - 1) + width; }
};

cudaError_t copy(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                 size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  if (width > to_pitch || width > from_pitch) return report(cudaErrorInvalidPitchValue);
  if (width == 0 || height == 0) return cudaSuccess;
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault)
    return report(cudaErrorInvalidMemcpyDirection);
  {
    const std::lock_guard lock(global_mutex());
    const bool any = kind == cudaMemcpyDefault;
    const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    if (!side_agrees(to, Rectangle{to_pitch, width, height}.span(), to_device, any) ||
        !side_agrees(from, Rectangle{from_pitch, width, height}.span(), from_device, any))
      return report(cudaErrorInvalidValue);
  }
  return submit(stream, [=] {
    const TracedWork traced(GpuWork::copy, stream);
    for (size_t row = 0; row < height; ++row)
      std::memmove(static_cast<char*>(to) + row * to_pitch,
                   static_cast<const char*>(from) + row * from_pitch, width);
  });
}

cudaError_t fill(void* to, size_t pitch, int value, size_t width, size_t height,
                 cudaStream_t stream) {
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  if (width > pitch) return report(cudaErrorInvalidPitchValue);
  if (width == 0 || height == 0) return cudaSuccess;
  {
    const std::lock_guard lock(global_mutex());
    if (!find(to, Rectangle{pitch, width, height}.span())) return report(cudaErrorInvalidValue);
  }
  return submit(stream, [=] {
    const TracedWork traced(GpuWork::set, stream);
    for (size_t row = 0; row < height; ++row)
      std::memset(static_cast<char*>(to) + row * pitch, value, width);
  });
}

}  // namespace

DeviceAccess::DeviceAccess() {
  const std::lock_guard lock(global_mutex());
  if (memory().arena) memory().arena->open();
}
DeviceAccess::~DeviceAccess() {
  const std::lock_guard lock(global_mutex());
  if (memory().arena) memory().arena->close();
}

size_t set_memory_limit(size_t bytes) {
  const std::lock_guard lock(global_mutex());
  return std::exchange(memory().limit, bytes);
}
size_t allocated_bytes() {
  const std::lock_guard lock(global_mutex());
  return memory().allocated;
}

}  // namespace cuda_host

using namespace cuda_host;

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return allocate(pointer, bytes, cudaMemoryTypeDevice);
}
cudaError_t cudaMallocManaged(void** pointer, size_t bytes, unsigned) {
  return allocate(pointer, bytes, cudaMemoryTypeManaged);
}
cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  return allocate(pointer, bytes, cudaMemoryTypeHost);
}
cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  return allocate(pointer, bytes, cudaMemoryTypeHost);
}
cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t stream) {
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  if (is_capturing(stream)) return report(cudaErrorNotSupported);
  return allocate(pointer, bytes, cudaMemoryTypeDevice);
}
cudaError_t cudaFree(void* pointer) { return release(pointer, false, cudaErrorInvalidValue); }
cudaError_t cudaFreeHost(void* pointer) { return release(pointer, true, cudaErrorInvalidValue); }
cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  if (!is_stream(stream)) return report(cudaErrorInvalidResourceHandle);
  if (is_capturing(stream)) return report(cudaErrorNotSupported);
  return release(pointer, false, cudaErrorInvalidValue);
}

cudaError_t cudaHostRegister(void* pointer, size_t bytes, unsigned) {
  if (!pointer || bytes == 0) return report(cudaErrorInvalidValue);
  const std::lock_guard lock(global_mutex());
  const Allocation allocation{bytes, cudaMemoryTypeHost, current_device(), true};
  const bool added = memory().allocations.emplace(static_cast<char*>(pointer), allocation).second;
  return added ? cudaSuccess : report(cudaErrorHostMemoryAlreadyRegistered);
}
cudaError_t cudaHostUnregister(void* pointer) {
  const std::lock_guard lock(global_mutex());
  const auto found = memory().allocations.find(static_cast<char*>(pointer));
  if (found == memory().allocations.end() || !found->second.registered)
    return report(cudaErrorHostMemoryNotRegistered);
  memory().allocations.erase(found);
  return cudaSuccess;
}
cudaError_t cudaHostGetDevicePointer(void** device, void* host, unsigned) {
  const std::lock_guard lock(global_mutex());
  const Allocation* const allocation = find(host, 1);
  if (!allocation || allocation->type != cudaMemoryTypeHost) return report(cudaErrorInvalidValue);
  *device = host;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  if (device_count() == 0) return report(cudaErrorNoDevice);
  const std::lock_guard lock(global_mutex());
  const Memory& all = memory();
  *total = all.limit;
  *free = all.limit > all.allocated ? all.limit - all.allocated : 0;
  return cudaSuccess;
}
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  const std::lock_guard lock(global_mutex());
  const Allocation* const allocation = find(pointer, 1);
  void* const at = const_cast<void*>(pointer);
  if (!allocation) {
    *attributes = {cudaMemoryTypeUnregistered, -2, nullptr, at};
    return cudaSuccess;
  }
  *attributes = {allocation->type, allocation->device, at,
                 allocation->type == cudaMemoryTypeDevice ? nullptr : at};
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return copy(to, bytes, from, bytes, bytes, 1, kind, stream);
}
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  if (const cudaError_t error = refuse_in_capture(false)) return report(error);
  return copy(to, bytes, from, bytes, bytes, 1, kind, nullptr);
}
cudaError_t cudaMemcpyPeerAsync(void* to, int, const void* from, int, size_t bytes,
                                cudaStream_t stream) {
  return copy(to, bytes, from, bytes, bytes, 1, cudaMemcpyDeviceToDevice, stream);
}
cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                              size_t width, size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  return copy(to, to_pitch, from, from_pitch, width, height, kind, stream);
}
cudaError_t cudaMemcpy2D(void* to, size_t to_pitch, const void* from, size_t from_pitch,
                         size_t width, size_t height, cudaMemcpyKind kind) {
  if (const cudaError_t error = refuse_in_capture(false)) return report(error);
  return copy(to, to_pitch, from, from_pitch, width, height, kind, nullptr);
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  return fill(to, bytes, value, bytes, 1, stream);
}
cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  if (const cudaError_t error = refuse_in_capture(false)) return report(error);
  return fill(to, bytes, value, bytes, 1, nullptr);
}
cudaError_t cudaMemset2DAsync(void* to, size_t pitch, int value, size_t width, size_t height,
                              cudaStream_t stream) {
  return fill(to, pitch, value, width, height, stream);
}
