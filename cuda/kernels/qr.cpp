// An orthonormal basis by the CPU: this op only initialises parameters, once and small, so it is not worth a
// kernel of its own. Waits for the copies.

#include "tensor/kernels/qr.h"

namespace fg::cuda {

void orthonormal_basis(const Tensor& q, const Tensor& a) {
  const Tensor host_a = a.cpu(), host_q = q.cpu();
  cpu::orthonormal_basis(host_q, host_a);
  q.copy_(host_q);
}

}  // namespace fg::cuda
