"""PyTorch's eager host time per op, for the chain of benchmarks/gpu/host_time.cpp."""
import statistics
import time

import torch

OPS = 10_000


def measure():
    x = torch.ones(16, device="cuda", requires_grad=True)
    forward, backward = [], []
    for _ in range(7):
        torch.cuda.synchronize()
        start = time.perf_counter()
        y = x
        for _ in range(OPS):
            y = y * 1.0001
        forward.append((time.perf_counter() - start) / OPS * 1e6)
        torch.cuda.synchronize()
        start = time.perf_counter()
        y.backward(torch.ones_like(y))
        backward.append((time.perf_counter() - start) / OPS * 1e6)
    return statistics.median(forward), statistics.median(backward)


if __name__ == "__main__":
    ours = measure()
    print(f"PyTorch {torch.__version__}, eager: {ours[0]:.2f} us per recorded op, "
          f"{ours[1]:.2f} us per op backward")
