"""PyTorch's scaled_dot_product_attention on the cases of benchmarks/gpu/attention.cpp, in bfloat16."""
import statistics

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

CASES = [  # batch, heads, length, width, causal, dropout_p
    (16, 12, 512, 64, True, 0.0),
    (4, 16, 2048, 64, True, 0.0),
    (4, 16, 2048, 64, True, 0.1),
    (4, 16, 2048, 128, False, 0.0),
    (4, 16, 2048, 128, True, 0.0),
    (1, 16, 8192, 64, True, 0.0),
]


def median_ms(body, samples=9, batch=10):
    for _ in range(3):
        body()
    times = []
    for _ in range(samples):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(batch):
            body()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / batch)
    return statistics.median(times)


def measure(backend, batch, heads, length, width, causal, dropout_p):
    q, k, v, g = (torch.randn(batch, heads, length, width, device="cuda", dtype=torch.bfloat16) for _ in range(4))
    leaves = [t.requires_grad_() for t in (q, k, v)]

    def forward():
        return scaled_dot_product_attention(q, k, v, is_causal=causal, dropout_p=dropout_p)

    with sdpa_kernel(backend):
        with torch.no_grad():
            alone = median_ms(forward)
        both = median_ms(lambda: torch.autograd.grad(forward(), leaves, g))
    return alone, both


if __name__ == "__main__":
    for case in CASES:
        for backend in (SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION):
            try:
                alone, both = measure(backend, *case)
                print(f"{case} {backend.name}: {alone:.4f} ms, with backward {both:.4f} ms")
            except RuntimeError as error:
                print(f"{case} {backend.name}: {str(error).splitlines()[0]}")
