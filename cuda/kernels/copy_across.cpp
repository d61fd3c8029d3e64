// Copies between host and device, and between devices.
#include "cuda/check.h"
#include "cuda/event.h"
#include "cuda/pinned.h"
#include "cuda/report.h"
#include "cuda/stream.h"
#include "tensor/factories.h"
#include "tensor/kernels/capture.h"
#include "tensor/kernels/fill.h"
#include "tensor/shape.h"

namespace fg::cuda {
namespace {

bool same_dense_layout(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.sizes() == b.sizes() && a.strides() == b.strides() &&
         is_non_overlapping_and_dense(a);
}

Tensor dense_copy(const Tensor& source, ScalarType type) {
  const Tensor result = empty(source.sizes(), source.options().dtype(type));
  copy_values(result, source);
  return result;
}

// A replay accesses the host's memory again, when the host may be anywhere.
void check_capture(Device device, const Tensor& host, bool is_asynchronous) {
  if (!is_in_capture(device.index()) || (is_asynchronous && is_pinned(host.data_ptr()))) return;
  refuse_in_capture("copy_",
                    "the tensor of the host must be pinned, laid out as the other one, and copied "
                    "non_blocking",
                    device.index());
}

// The host waits for the stream where its memory may not be touched later, or is about to be read.
void finish(const Stream& stream, const Tensor& host, bool non_blocking) {
  if (non_blocking && is_pinned(host.data_ptr()))
    record_pinned_stream(host.data_ptr(), stream);
  else
    stream.synchronize();
}

void to_device(const Tensor& out, const Tensor& source, bool non_blocking) {
  const bool direct = same_dense_layout(out, source);
  check_capture(out.device(), source, direct && non_blocking);
  const Tensor host =
      direct || source.is_contiguous() ? source : dense_copy(source, source.dtype());
  const Tensor target = direct ? out : empty(host.sizes(), host.options().device(out.device()));
  const Stream stream = current_stream(out.device().index());
  CUDA_CHECK(cudaMemcpyAsync(target.data_ptr(), host.data_ptr(), size_t(host.nbytes()),
                             cudaMemcpyHostToDevice, stream.native()));
  // From pageable memory the runtime copies before it returns, as far as the host can tell.
  if (is_pinned(host.data_ptr())) finish(stream, host, non_blocking && host.is_same(source));
  if (!direct) copy(out, target);
}

void to_host(const Tensor& out, const Tensor& source, bool non_blocking) {
  const bool direct = same_dense_layout(out, source);
  check_capture(source.device(), out, direct && non_blocking);
  const Tensor from = direct ? source : dense_copy(source.expand(out.sizes()), out.dtype());
  const Tensor target = direct || out.is_contiguous() ? out : empty(out.sizes(), out.options());
  const Stream stream = current_stream(source.device().index());
  CUDA_CHECK(cudaMemcpyAsync(target.data_ptr(), from.data_ptr(), size_t(from.nbytes()),
                             cudaMemcpyDeviceToHost, stream.native()));
  finish(stream, target, non_blocking && target.is_same(out));
  check_reports();
  if (!target.is_same(out)) copy_values(out, target);
}

void between_devices(const Tensor& out, const Tensor& source) {
  const DeviceIndex from = source.device().index(), to = out.device().index();
  const bool direct = same_dense_layout(out, source);
  const Tensor sent = direct ? source : dense_copy(source, source.dtype());
  const Tensor received = direct ? out : empty(sent.sizes(), sent.options().device(out.device()));
  const Stream sender = current_stream(from), receiver = current_stream(to);
  // The receiving memory may still be in use by earlier work of its stream, and is read by later work.
  sender.wait_stream(receiver);
  CUDA_CHECK(cudaMemcpyPeerAsync(received.data_ptr(), to, sent.data_ptr(), from,
                                 size_t(sent.nbytes()), sender.native()));
  receiver.wait_stream(sender);
  if (!direct) copy(out, received);
}

}  // namespace

void copy_across(const Tensor& out, const Tensor& source, bool non_blocking) {
  if (out.numel() == 0) return;
  check_reports();
  if (out.is_cpu())
    to_host(out, source, non_blocking);
  else if (source.is_cpu())
    to_device(out, source, non_blocking);
  else
    between_devices(out, source);
}

}  // namespace fg::cuda
