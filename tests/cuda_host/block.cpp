// Host emulation of CUDA: runs the threads of one block after another.
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <sstream>
#include <string_view>
#include <vector>

#include "cuda_host/warp.h"
#include "internal.h"
#include "worker.h"

uint3 threadIdx;
uint3 blockIdx;
dim3 blockDim;
dim3 gridDim;

namespace cuda_host {
namespace {

constexpr unsigned kWarp = 32;
alignas(128) unsigned char shared_memory[kMaxSharedBytes];

enum class State : uint8_t { fresh, running, ready, at_barrier, at_warp_operation, returned };

struct Thread {
  uint3 index;
  State state;
  Worker* worker;
  uint64_t result;  // of the warp operation
};

/// A warp operation that some lanes of its mask have reached.
struct OpenCall {
  const char* name;
  WarpResult result;
  Site site;
  unsigned arrived;
  WarpCall call;
};

Order order_from_environment() {
  const char* const order = std::getenv("FUSEGRAD_CUDA_HOST_ORDER");
  return order && std::string_view(order) == "reverse" ? Order::descending : Order::ascending;
}

struct Warp {
  unsigned returned = 0;  // lanes
  std::vector<OpenCall> calls;
};

/// Unwinds a thread of a block that has failed.
struct Abandoned {};

class Executor {
 public:
  void run(const cudaLaunchConfig_t& config, const void* kernel, Invoke invoke,
           const void* arguments);
  int barrier(Barrier kind, int predicate, Site site);
  uint64_t warp_operation(const char* name, WarpResult result, unsigned mask, uint64_t value,
                          int argument, Site site);
  unsigned active_lanes() const;
  void yield();
  template <class... Parts>
  [[noreturn]] void fail(const Site& site, const Parts&... parts) const;

  /// What a worker does: threads that have not begun, as long as there are any.
  void work();

  Order order = order_from_environment();

 private:
  void run_block();
  void resume(Worker* worker);
  void wait(State state);
  void make_ready(unsigned thread);
  void release_barrier();
  unsigned lanes_of_warp(unsigned warp) const;
  void check_mask(const char* name, unsigned mask, Site site);
  void complete(OpenCall& open, unsigned first);
  void abandon_block();
  std::string describe_waiting() const;
  unsigned in_order(unsigned i, unsigned count) const {
    return order == Order::ascending ? i : count - 1 - i;
  }

  const void* kernel_ = nullptr;
  Invoke invoke_ = nullptr;
  const void* arguments_ = nullptr;

  std::vector<Thread> threads_;
  unsigned begun_ = 0;
  unsigned returned_ = 0;
  unsigned current_ = 0;
  Worker* current_worker_ = nullptr;
  std::vector<unsigned> ready_;
  size_t next_ready_ = 0;
  std::vector<Worker*> idle_;

  Barrier barrier_kind_{};
  Site barrier_site_{};
  unsigned at_barrier_ = 0;
  int barrier_count_ = 0;
  int barrier_result_ = 0;
  std::vector<Warp> warps_;

  std::exception_ptr failure_;
  bool abandoning_ = false;
};

// Never destroyed: its workers stand inside their loops.
Executor& executor() {
  static Executor* const instance = new Executor;
  return *instance;
}

std::ostream& operator<<(std::ostream& out, const uint3& index) {
  return out << '(' << index.x << ", " << index.y << ", " << index.z << ')';
}
std::ostream& operator<<(std::ostream& out, const Site& site) {
  const std::string_view path = site.file;
  return out << path.substr(path.rfind('/') + 1) << ':' << site.line;
}

const char* name_of(Barrier kind) {
  switch (kind) {
    case Barrier::any:
      return "__syncthreads_or";
    case Barrier::all:
      return "__syncthreads_and";
    case Barrier::count:
      return "__syncthreads_count";
    default:
      return "__syncthreads";
  }
}

template <class... Parts>
void Executor::fail(const Site& site, const Parts&... parts) const {
  std::ostringstream text;
  text << "host emulation of CUDA: " << site << ": ";
  (text << ... << parts);
  text << " (block " << blockIdx << ", thread " << threads_[current_].index << ')';
  throw Error(text.str());
}

void Executor::run(const cudaLaunchConfig_t& config, const void* kernel, Invoke invoke,
                   const void* arguments) {
  kernel_ = kernel;
  invoke_ = invoke;
  arguments_ = arguments;
  gridDim = config.gridDim;
  blockDim = config.blockDim;
  threads_.resize(blockDim.x * blockDim.y * blockDim.z);
  for (unsigned i = 0; i < threads_.size(); ++i)
    threads_[i].index = {i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y};
  warps_.resize((threads_.size() + kWarp - 1) / kWarp);

  ASAN_UNPOISON_MEMORY_REGION(shared_memory, kMaxSharedBytes);
  ASAN_POISON_MEMORY_REGION(shared_memory + config.dynamicSmemBytes,
                            kMaxSharedBytes - config.dynamicSmemBytes);
  const uint64_t blocks = uint64_t(gridDim.x) * gridDim.y * gridDim.z;
  for (uint64_t i = 0; i < blocks; ++i) {
    const uint64_t block = order == Order::ascending ? i : blocks - 1 - i;
    blockIdx = {unsigned(block % gridDim.x), unsigned(block / gridDim.x % gridDim.y),
                unsigned(block / gridDim.x / gridDim.y)};
    std::memset(shared_memory, 0xff, config.dynamicSmemBytes);
    run_block();
  }
}

void Executor::run_block() {
  for (Thread& thread : threads_) thread.state = State::fresh;
  for (Warp& warp : warps_) warp.returned = 0;
  begun_ = returned_ = 0;
  while (returned_ < threads_.size()) {
    if (next_ready_ < ready_.size()) {
      const unsigned thread = ready_[next_ready_++];
      if (next_ready_ == ready_.size()) {
        ready_.clear();
        next_ready_ = 0;
      }
      current_ = thread;
      threadIdx = threads_[thread].index;
      threads_[thread].state = State::running;
      resume(threads_[thread].worker);
    } else if (begun_ < threads_.size()) {
      if (idle_.empty()) idle_.push_back(new Worker([] { executor().work(); }));
      Worker* const worker = idle_.back();
      idle_.pop_back();
      resume(worker);
    } else {
      failure_ = std::make_exception_ptr(
          Error("host emulation of CUDA: the threads of a block wait for each other" +
                describe_waiting()));
    }
    if (failure_) {
      abandon_block();
      std::rethrow_exception(std::exchange(failure_, nullptr));
    }
  }
}

void Executor::resume(Worker* worker) {
  current_worker_ = worker;
  worker->resume();
}

void Executor::work() {
  for (;;) {
    while (begun_ < threads_.size() && !failure_) {
      current_ = in_order(begun_++, unsigned(threads_.size()));
      Thread& thread = threads_[current_];
      threadIdx = thread.index;
      thread.state = State::running;
      thread.worker = current_worker_;
      try {
        invoke_(kernel_, arguments_);
        if (at_barrier_ > 0)
          fail(barrier_site_, "a thread returns while others wait at ", name_of(barrier_kind_));
      } catch (const Abandoned&) {
      } catch (...) {
        if (!failure_) failure_ = std::current_exception();
      }
      // A thread that waited has been resumed on this worker.
      threads_[current_].state = State::returned;
      warps_[current_ / kWarp].returned |= 1u << current_ % kWarp;
      ++returned_;
      if (abandoning_) break;
      // Others are ready to go on, and may need no more stacks than there are.
      if (next_ready_ < ready_.size()) break;
    }
    idle_.push_back(current_worker_);
    current_worker_->leave();
  }
}

void Executor::abandon_block() {
  abandoning_ = true;
  for (unsigned i = 0; i < threads_.size(); ++i) {
    const State state = threads_[i].state;
    if (state == State::fresh || state == State::returned) continue;
    current_ = i;
    resume(threads_[i].worker);
  }
  abandoning_ = false;
  ready_.clear();
  next_ready_ = 0;
  at_barrier_ = 0;
  barrier_count_ = 0;
  for (Warp& warp : warps_) warp.calls.clear();
}

void Executor::wait(State state) {
  threads_[current_].state = state;
  current_worker_->leave();
  if (abandoning_) throw Abandoned{};
}

void Executor::make_ready(unsigned thread) {
  threads_[thread].state = State::ready;
  ready_.push_back(thread);
}

void Executor::yield() {
  make_ready(current_);
  wait(State::ready);
}

int Executor::barrier(Barrier kind, int predicate, Site site) {
  if (returned_ > 0) fail(site, name_of(kind), " after a thread of the block has returned");
  if (at_barrier_ == 0) {
    barrier_kind_ = kind;
    barrier_site_ = site;
  } else if (kind != barrier_kind_ || site != barrier_site_) {
    fail(site, name_of(kind), " is reached while other threads of the block wait at ",
         name_of(barrier_kind_), " in ", barrier_site_);
  }
  barrier_count_ += predicate != 0;
  if (++at_barrier_ == threads_.size())
    release_barrier();
  else
    threads_[current_].state = State::at_barrier;
  wait(threads_[current_].state);
  return barrier_result_;
}

void Executor::release_barrier() {
  barrier_result_ = barrier_count_;
  barrier_count_ = 0;
  at_barrier_ = 0;
  const unsigned count = unsigned(threads_.size());
  for (unsigned i = 0; i < count; ++i) make_ready(in_order(i, count));
}

void Executor::check_mask(const char* name, unsigned mask, Site site) {
  const unsigned first = current_ / kWarp * kWarp;
  const unsigned running = active_lanes();
  if (!(mask >> (current_ - first) & 1)) {
    fail(site, name, ": the mask 0x", std::hex, mask, std::dec, " leaves out its caller, lane ",
         current_ - first);
  }
  if (!(mask & ~running)) return;
  const unsigned lane = unsigned(std::countr_zero(mask & ~running));
  fail(site, name, ": the mask 0x", std::hex, mask, std::dec, " names lane ", lane,
       first + lane < threads_.size() ? ", which has returned" : ", which the block does not have");
}

uint64_t Executor::warp_operation(const char* name, WarpResult result, unsigned mask,
                                  uint64_t value, int argument, Site site) {
  const unsigned first = current_ / kWarp * kWarp;
  const unsigned lane = current_ - first;
  // A barrier of a whole warp is common where the warp is not whole; nothing is read from its missing lanes.
  if (result == nothing) mask &= lanes_of_warp(current_ / kWarp);
  check_mask(name, mask, site);
  std::vector<OpenCall>& calls = warps_[current_ / kWarp].calls;
  auto open = std::find_if(calls.begin(), calls.end(),
                           [mask](const OpenCall& call) { return call.call.mask == mask; });
  if (open == calls.end()) {
    calls.push_back({name, result, site, 0, {}});
    open = calls.end() - 1;
    open->call.mask = mask;
  } else if (open->site != site || open->result != result) {
    fail(site, name, " is reached while other lanes of the mask 0x", std::hex, mask, std::dec,
         " wait at ", open->name, " in ", open->site);
  }
  open->call.values[lane] = value;
  open->call.arguments[lane] = argument;
  open->arrived |= 1u << lane;
  threads_[current_].state = State::at_warp_operation;
  if (open->arrived == mask) {
    complete(*open, first);
    calls.erase(open);
  }
  wait(threads_[current_].state);
  return threads_[current_].result;
}

void Executor::complete(OpenCall& open, unsigned first) {
  for (unsigned i = 0; i < kWarp; ++i) {
    const unsigned lane = in_order(i, kWarp);
    if (!(open.call.mask >> lane & 1)) continue;
    threads_[first + lane].result = open.result(open.call, int(lane));
    make_ready(first + lane);
  }
}

unsigned Executor::lanes_of_warp(unsigned warp) const {
  const size_t lanes = threads_.size() - warp * kWarp;
  return lanes >= kWarp ? ~0u : (1u << lanes) - 1;
}
unsigned Executor::active_lanes() const {
  const unsigned warp = current_ / kWarp;
  return lanes_of_warp(warp) & ~warps_[warp].returned;
}

std::string Executor::describe_waiting() const {
  std::ostringstream text;
  if (at_barrier_ > 0)
    text << "; " << at_barrier_ << " of " << threads_.size() << " at " << name_of(barrier_kind_)
         << " in " << barrier_site_;
  for (size_t warp = 0; warp < warps_.size(); ++warp) {
    for (const OpenCall& open : warps_[warp].calls)
      text << "; warp " << warp << " at " << open.name << " in " << open.site << ", mask 0x"
           << std::hex << open.call.mask << ", arrived 0x" << open.arrived << std::dec;
  }
  text << " (block " << blockIdx << ')';
  return text.str();
}

}  // namespace

int block_barrier(Barrier kind, int predicate, Site site) {
  return executor().barrier(kind, predicate, site);
}
uint64_t warp_operation(const char* name, WarpResult result, unsigned mask, uint64_t value,
                        int argument, Site site) {
  return executor().warp_operation(name, result, mask, value, argument, site);
}
unsigned active_lanes() { return executor().active_lanes(); }
void yield_thread() { executor().yield(); }
void trap(Site site) { executor().fail(site, "__trap"); }

Order set_order(Order order) {
  const std::lock_guard lock(global_mutex());
  return std::exchange(executor().order, order);
}

void run_blocks(const cudaLaunchConfig_t& config, const void* kernel, Invoke invoke,
                const void* arguments) {
  const std::lock_guard lock(global_mutex());
  executor().run(config, kernel, invoke, arguments);
}

}  // namespace cuda_host

void* fusegrad_emulated_dynamic_shared() { return cuda_host::shared_memory; }
