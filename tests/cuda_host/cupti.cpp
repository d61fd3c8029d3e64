// Host emulation of CUPTI's activity API: the functions that this project calls, against NVIDIA's header. A kernel or
// copy leaves the records that a GPU's would leave, in the buffers that the client gives.
#if __has_include(<cupti.h>)

#include <cstring>
#include <mutex>
#include <set>
#include <vector>

#include <cupti.h>

#include "trace.h"

namespace {

using Record = std::vector<char>;

struct State {
  std::mutex mutex;
  std::set<CUpti_ActivityKind> enabled;
  std::vector<Record> records;
  CUpti_BuffersCallbackRequestFunc request = nullptr;
  CUpti_BuffersCallbackCompleteFunc complete = nullptr;
  CUpti_TimestampCallbackFunc time = nullptr;
  uint32_t correlation = 0;
};
State state;

thread_local std::vector<uint64_t> external_ids;
thread_local uint64_t work_start = 0;

bool is_enabled(CUpti_ActivityKind kind) { return state.enabled.count(kind) > 0; }

template <class T>
void keep(const T& record) {
  const char* const bytes = reinterpret_cast<const char*>(&record);
  state.records.emplace_back(bytes, bytes + sizeof record);
}

template <class T>
T work_record(CUpti_ActivityKind kind, const void* stream) {
  T record{};
  record.kind = kind;
  record.start = work_start;
  record.end = state.time();
  record.deviceId = uint32_t(cuda_host::current_device());
  record.streamId = uint32_t(reinterpret_cast<uintptr_t>(stream));
  record.correlationId = state.correlation;
  return record;
}

void add_records(cuda_host::GpuWork kind, const void* stream) {
  ++state.correlation;
  // As documented: only with the activity of the API call as well.
  if (!external_ids.empty() && is_enabled(CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION) &&
      is_enabled(CUPTI_ACTIVITY_KIND_RUNTIME))
    keep(CUpti_ActivityExternalCorrelation{CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION,
                                           CUPTI_EXTERNAL_CORRELATION_KIND_CUSTOM0,
                                           external_ids.back(), state.correlation, 0});
  if (kind == cuda_host::GpuWork::kernel && is_enabled(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL)) {
    auto record =
        work_record<CUpti_ActivityKernel10>(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL, stream);
    record.name = "_ZN8emulated6kernelEv";
    keep(record);
  } else if (kind == cuda_host::GpuWork::copy && is_enabled(CUPTI_ACTIVITY_KIND_MEMCPY)) {
    keep(work_record<CUpti_ActivityMemcpy6>(CUPTI_ACTIVITY_KIND_MEMCPY, stream));
  } else if (kind == cuda_host::GpuWork::set && is_enabled(CUPTI_ACTIVITY_KIND_MEMSET)) {
    keep(work_record<CUpti_ActivityMemset4>(CUPTI_ACTIVITY_KIND_MEMSET, stream));
  }
}

void trace(cuda_host::GpuWork kind, const void* stream, bool is_over) {
  const std::lock_guard lock(state.mutex);
  if (!state.time) return;
  if (is_over)
    add_records(kind, stream);
  else
    work_start = state.time();
}

size_t size_of(CUpti_ActivityKind kind) {
  switch (kind) {
    case CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION:
      return sizeof(CUpti_ActivityExternalCorrelation);
    case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
      return sizeof(CUpti_ActivityKernel10);
    case CUPTI_ACTIVITY_KIND_MEMCPY:
      return sizeof(CUpti_ActivityMemcpy6);
    default:
      return sizeof(CUpti_ActivityMemset4);
  }
}

}  // namespace

CUptiResult cuptiActivityRegisterTimestampCallback(CUpti_TimestampCallbackFunc time) {
  const std::lock_guard lock(state.mutex);
  // Records of both clocks would be mixed.
  if (!state.enabled.empty()) return CUPTI_ERROR_INVALID_OPERATION;
  state.time = time;
  return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityRegisterCallbacks(CUpti_BuffersCallbackRequestFunc request,
                                           CUpti_BuffersCallbackCompleteFunc complete) {
  if (!request || !complete) return CUPTI_ERROR_INVALID_PARAMETER;
  const std::lock_guard lock(state.mutex);
  state.request = request;
  state.complete = complete;
  return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityEnable(CUpti_ActivityKind kind) {
  const std::lock_guard lock(state.mutex);
  if (!state.request) return CUPTI_ERROR_NOT_INITIALIZED;
  state.enabled.insert(kind);
  cuda_host::trace_hook = &trace;
  return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityDisable(CUpti_ActivityKind kind) {
  const std::lock_guard lock(state.mutex);
  state.enabled.erase(kind);
  if (state.enabled.empty()) cuda_host::trace_hook = nullptr;
  return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityPushExternalCorrelationId(CUpti_ExternalCorrelationKind, uint64_t id) {
  external_ids.push_back(id);
  return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityPopExternalCorrelationId(CUpti_ExternalCorrelationKind, uint64_t* last) {
  if (external_ids.empty()) return CUPTI_ERROR_QUEUE_EMPTY;
  *last = external_ids.back();
  external_ids.pop_back();
  return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityFlushAll(uint32_t) {
  std::vector<Record> records;
  {
    const std::lock_guard lock(state.mutex);
    records.swap(state.records);
  }
  for (size_t i = 0; i < records.size();) {
    uint8_t* buffer = nullptr;
    size_t size = 0, max_records = 0, used = 0;
    state.request(&buffer, &size, &max_records);
    if (!buffer) return CUPTI_ERROR_OUT_OF_MEMORY;
    for (; i < records.size() && used + records[i].size() <= size; ++i) {
      std::memcpy(buffer + used, records[i].data(), records[i].size());
      used += records[i].size();
    }
    state.complete(nullptr, 0, buffer, size, used);
  }
  return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityGetNextRecord(uint8_t* buffer, size_t valid_bytes,
                                       CUpti_Activity** record) {
  uint8_t* next = buffer;
  if (*record) next = reinterpret_cast<uint8_t*>(*record) + size_of((*record)->kind);
  if (next >= buffer + valid_bytes) return CUPTI_ERROR_MAX_LIMIT_REACHED;
  *record = reinterpret_cast<CUpti_Activity*>(next);
  return CUPTI_SUCCESS;
}

CUptiResult cuptiGetResultString(CUptiResult, const char** text) {
  *text = "an emulated error";
  return CUPTI_SUCCESS;
}

#endif
