// DLPack: what is handed out, what is taken over, who frees it when, and every capsule that must be refused.
#include <doctest/doctest.h>

#include "autograd/engine.h"
#include "serialize/dlpack.h"
#include "tensor/factories.h"
#include "tests/device_under_test.h"

using namespace fg;
using namespace fg::dlpack;

namespace {

/// Another library's tensor of six int32, which counts the calls of its deleter.
template <class Managed>
struct Foreign {
  std::vector<int32_t> data = {0, 1, 2, 3, 4, 5, 6};
  std::vector<int64_t> shape = {2, 3}, strides = {3, 1};
  int freed = 0;
  Managed managed{};

  Foreign() {
    if constexpr (std::is_same_v<Managed, DLManagedTensorVersioned>) managed.version = {1, 3};
    managed.manager_ctx = this;
    managed.deleter = [](Managed* self) { ++static_cast<Foreign*>(self->manager_ctx)->freed; };
    managed.dl_tensor = {data.data(),  {kDLCPU, 0},    2, {kDLInt, 32, 1},
                         shape.data(), strides.data(), 0};
  }
};
using ForeignTensor = Foreign<DLManagedTensorVersioned>;

/// The capsule is refused with this text, and freed all the same.
void check_refused(ForeignTensor& foreign, const std::string& text, optional<bool> copy = nullopt) {
  CHECK_THROWS_WITH_AS(from_dlpack(&foreign.managed, copy), ("from_dlpack: " + text).c_str(),
                       Error);
  CHECK(foreign.freed == 1);
}

}  // namespace

TEST_CASE("every dtype goes out and comes back without a copy") {
  const Device device = test::device_under_test();
  for (int i = 0; i < kNumScalarTypes; ++i) {
    const auto dtype = ScalarType(i);
    CAPTURE(dtype);
    const Tensor whole = arange(24, kFloat).view({4, 6}).to(dtype).to(device);
    // Rows 1 and 3, columns 2 to 4, transposed: an offset and strides that are not contiguous.
    const Tensor view = whole.slice(0, 1, 4, 2).slice(1, 2, 5).t();
    DLManagedTensorVersioned* capsule = to_dlpack(view);
    CHECK(capsule->version.major == 1);
    CHECK(capsule->flags == 0);
    CHECK(capsule->dl_tensor.dtype.bits == 8 * element_size(dtype));
    CHECK(capsule->dl_tensor.device.device_type == (device.is_cuda() ? kDLCUDA : kDLCPU));
    const Tensor back = from_dlpack(capsule);
    CHECK(back.dtype() == dtype);
    CHECK(back.device() == view.device());
    CHECK(back.strides() == view.strides());
    CHECK(back.data_ptr() == view.data_ptr());
    CHECK(back.equal(view));
    const Tensor legacy = from_dlpack(to_legacy_dlpack(view));
    CHECK(legacy.data_ptr() == view.data_ptr());
    CHECK(legacy.equal(view));
  }
}

TEST_CASE("type codes are those of the specification") {
  const std::pair<ScalarType, int> codes[] = {
      {kByte, 1}, {kLong, 0}, {kHalf, 2}, {kBFloat16, 4}, {kBool, 6}};
  for (const auto& [dtype, code] : codes) {
    DLManagedTensorVersioned* capsule = to_dlpack(ones({2}, dtype));
    CHECK(capsule->dl_tensor.dtype.code == code);
    CHECK(capsule->dl_tensor.dtype.lanes == 1);
    capsule->deleter(capsule);
  }
}

TEST_CASE("scalars, empty tensors and extents of one") {
  CHECK(from_dlpack(to_dlpack(fg::tensor(2.5))).item<double>() == 2.5);
  DLManagedTensorVersioned* empty = to_dlpack(zeros({0, 3}));
  CHECK(empty->dl_tensor.data == nullptr);
  CHECK(from_dlpack(empty).sizes() == IntArrayRef({0, 3}));
  DLManagedTensorVersioned* column = to_dlpack(ones({3, 5}).slice(1, 0, 1));
  CHECK(column->dl_tensor.strides[0] == 5);
  CHECK(column->dl_tensor.strides[1] == 1);
  column->deleter(column);
}

TEST_CASE("an exported tensor lives until its deleter is called") {
  int freed = 0;
  std::vector<float> data(4, 1.0f);
  DLManagedTensorVersioned* capsule = nullptr;
  {
    const Tensor tensor = from_blob(data.data(), {4}, [&](void*) { ++freed; });
    capsule = to_dlpack(tensor);
  }
  CHECK(freed == 0);
  static_cast<float*>(capsule->dl_tensor.data)[1] = 7;
  CHECK(data[1] == 7);
  capsule->deleter(capsule);
  CHECK(freed == 1);
  CHECK_THROWS_WITH_AS(to_dlpack(ones({2}, requires_grad())),
                       "to_dlpack: tensor must not require a gradient; detach() it first", Error);
}

TEST_CASE_TEMPLATE("an imported tensor's owner frees it after its last view", Managed,
                   DLManagedTensorVersioned, DLManagedTensor) {
  Foreign<Managed> foreign;
  Tensor view;
  {
    const Tensor tensor = from_dlpack(&foreign.managed);
    CHECK(tensor.equal(arange(6, kInt).view({2, 3})));
    tensor[0][1] = 40;
    CHECK(foreign.data[1] == 40);
    view = tensor[1];
  }
  CHECK(foreign.freed == 0);
  view.reset();
  CHECK(foreign.freed == 1);

  Foreign<Managed> copied;
  const Tensor copy = from_dlpack(&copied.managed, true);
  CHECK(copied.freed == 1);
  CHECK(copy.data_ptr() != copied.data.data());
  CHECK(copy.equal(arange(6, kInt).view({2, 3})));

  Foreign<Managed> immortal;
  immortal.managed.deleter = nullptr;
  CHECK(from_dlpack(&immortal.managed).numel() == 6);
}

TEST_CASE("offsets, strides and their absence") {
  ForeignTensor foreign;
  foreign.managed.dl_tensor.byte_offset = 4;
  foreign.managed.dl_tensor.strides = nullptr;
  CHECK(from_dlpack(&foreign.managed).equal(arange(1, 7, kInt).view({2, 3})));
  ForeignTensor transposed;
  transposed.strides = {1, 2};
  CHECK(from_dlpack(&transposed.managed).equal(arange(6, kInt).view({3, 2}).t()));
  ForeignTensor expanded;
  expanded.strides = {0, 1};
  CHECK(from_dlpack(&expanded.managed).equal(arange(3, kInt).expand({2, 3})));
  ForeignTensor odd;  // strides that are never taken may be anything
  odd.shape = {1, 3};
  odd.strides = {-77, 1};
  CHECK(from_dlpack(&odd.managed).is_contiguous());
  ForeignTensor pinned;
  pinned.managed.dl_tensor.device.device_type = kDLCUDAHost;
  CHECK(from_dlpack(&pinned.managed).is_cpu());
}

TEST_CASE("what is read-only is copied, or refused") {
  ForeignTensor foreign;
  foreign.managed.flags = kReadOnlyFlag;
  const Tensor tensor = from_dlpack(&foreign.managed);
  CHECK(foreign.freed == 1);
  tensor.zero_();
  CHECK(foreign.data[5] == 5);
  ForeignTensor kept;
  kept.managed.flags = kReadOnlyFlag;
  check_refused(kept, "copy must not be false for a tensor that is read-only", false);
  ForeignTensor writable;
  CHECK(from_dlpack(&writable.managed, false).data_ptr() == writable.data.data());
}

TEST_CASE("bad capsules") {
  CHECK_THROWS_WITH_AS(from_dlpack(static_cast<DLManagedTensor*>(nullptr)),
                       "from_dlpack: capsule must not be null", Error);
  const auto refuses = [](const char* text, auto&& spoil) {
    ForeignTensor foreign;
    spoil(foreign, foreign.managed.dl_tensor);
    check_refused(foreign, text);
  };
  refuses("the major version must be 1, got 2.1", [](auto& f, auto&) {
    f.managed.version = {2, 1};
  });
  refuses("the major version must be 1, got 0.8", [](auto& f, auto&) {
    f.managed.version = {0, 8};
  });
  refuses("dtype must have 1 lane, got 4", [](auto&, auto& t) { t.dtype.lanes = 4; });
  refuses("dtype must be one of fusegrad's, got type code 1 with 32 bits",
          [](auto&, auto& t) { t.dtype.code = kDLUInt; });
  refuses("dtype must be one of fusegrad's, got type code 5 with 64 bits", [](auto&, auto& t) {
    t.dtype = {kDLComplex, 64, 1};
  });
  refuses("dtype must be one of fusegrad's, got type code 2 with 8 bits", [](auto&, auto& t) {
    t.dtype = {kDLFloat, 8, 1};
  });
  refuses("device must be the CPU (1), CUDA (2) or pinned memory (3), got device type 10",
          [](auto&, auto& t) { t.device.device_type = DLDeviceType(10); });
  refuses("device_id must be from 0 to 127, got -1", [](auto&, auto& t) {
    t.device = {kDLCUDA, -1};
  });
  refuses("ndim must be from 0 to 64, got -1", [](auto&, auto& t) { t.ndim = -1; });
  refuses("ndim must be from 0 to 64, got 65", [](auto&, auto& t) { t.ndim = 65; });
  refuses("shape must not be null", [](auto&, auto& t) { t.shape = nullptr; });
  refuses("shape must not be negative, got [2, -3]", [](auto& f, auto&) { f.shape[1] = -3; });
  refuses("shape [4611686018427387904, 3] is too large",
          [](auto& f, auto&) { f.shape[0] = int64_t{1} << 62; });
  refuses("strides must not be negative, got [-3, 1]", [](auto& f, auto&) { f.strides[0] = -3; });
  refuses("strides [4611686018427387904, 1] reach too far",
          [](auto& f, auto&) { f.strides[0] = int64_t{1} << 62; });
  refuses("data must not be null", [](auto&, auto& t) { t.data = nullptr; });
  refuses("data must be aligned to its elements of 4 bytes",
          [](auto&, auto& t) { t.byte_offset = 2; });
}

TEST_CASE("a CUDA device that is not there is refused") {
  ForeignTensor foreign;
  foreign.managed.dl_tensor.device = {kDLCUDA, 100};
  CHECK_THROWS_AS(from_dlpack(&foreign.managed), Error);
  CHECK(foreign.freed == 1);
}
