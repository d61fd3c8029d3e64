"""The least time of a training step: the bytes and products that no version can avoid, at measured ceilings.

Forward reads the input, the weight and the target (the loss lives in the kernel), and writes the output and what backward needs; backward
reads that, the target and the input, and writes the parameters' gradients; AdamW reads parameter, gradient and two moments and writes
three of them. A pass takes the longer of its bytes and its products; the passes follow each other.
"""

from dataclasses import dataclass

# Copy in GB/s read and written, products of 8192-cubed matrices in TFLOP/s: an NVIDIA H200, where a run has not measured its own.
H200 = {"copy_gb_per_s": 4200.0, "product_tflop_per_s": {"fp32": 51.0, "tf32": 410.0, "bf16": 781.0}}


@dataclass
class Model:
    input: int  # elements of the input, of what is saved of the pre-activation, of the output
    saved: int
    output: int
    multiplications: int  # of the forward product or convolution, and again of the weight's gradient
    weight: int
    saved_bytes_extra: int = 0  # indices of the pool's maxima


MODELS = {
    "conv3d_chain": Model(64 * 8 * 32 * 64**2, 64 * 32 * 30 * 62**2, 64 * 32 * 30 * 62**2, 64 * 32 * 30 * 62**2 * 8 * 27, 32 * 8 * 27),
    "conv_transpose3d_pool": Model(
        16 * 16 * 16 * 32**2, 16 * 32 * 16 * 32**2, 16 * 32 * 16 * 32**2, 16 * 16 * 16 * 32**2 * 32 * 27, 16 * 32 * 27, 16 * 32 * 16 * 32**2
    ),
    "linear_group_norm": Model(1024 * 8192, 1024 * 8192, 1024 * 8192, 1024 * 8192**2, 8192**2),
    "linear_logsumexp": Model(1024 * 8192, 1024 * 8192, 1024, 1024 * 8192**2, 8192**2),
}


@dataclass
class Pass:
    bytes: int
    flops: int
    ms: float


def product_rate(precision, ceilings):
    """TFLOP/s. float32 may be three TF32 products."""
    rates = {**H200["product_tflop_per_s"], **ceilings.get("product_tflop_per_s", {})}
    return max(rates["fp32"], rates["tf32"] / 3) if precision == "fp32" else rates[precision]


def passes(name, precision, ceilings=H200):
    """{"forward", "backward", "optimizer"}: Pass. In bf16, output, target and parameters are float32 all the same."""
    model, size = MODELS[name], 2 if precision == "bf16" else 4
    saved = size * model.saved + model.saved_bytes_extra
    flops = 2 * model.multiplications
    copy_gb_per_s = ceilings.get("copy_gb_per_s", H200["copy_gb_per_s"])

    def make(bytes_moved, flops):
        return Pass(bytes_moved, flops, max(bytes_moved / copy_gb_per_s / 1e6, flops / product_rate(precision, ceilings) / 1e9))

    return {
        "forward": make(size * (model.input + model.weight) + saved + 8 * model.output, flops),
        "backward": make(size * model.input + saved + 4 * model.output + 4 * model.weight, flops),
        "optimizer": make((28 if size == 4 else 30) * model.weight, 0),  # and the weight's copy in bfloat16
    }


def step_ms(name, precision, ceilings=H200):
    return sum(each.ms for each in passes(name, precision, ceilings).values())
