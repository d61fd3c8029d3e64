"""PyTorch's side of compare.py: the same nets, data, optimizer and commands as ours.cpp."""

import json
import os
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "fixtures"))

from model_cases import FULL, MODELS  # noqa: E402

COMPILATIONS = {"compile": "default", "max-autotune": "max-autotune"}


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.qkv, self.proj = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm2, self.fc1, self.fc2 = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, length, width)
        x = x + self.proj(y)
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x)), approximate="tanh"))


class Gpt(nn.Module):
    """train_examples/common/gpt.h"""

    def __init__(self, vocabulary, context, layers, heads, width):
        super().__init__()
        self.token, self.position = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        nn.init.normal_(self.token.weight, 0, 0.02)
        nn.init.normal_(self.position.weight, 0, 0.02)

    def forward(self, tokens):
        x = self.token(tokens) + self.position(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.token.weight).flatten(0, 1)


class BasicBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels))
        self.conv1, self.bn1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False), nn.BatchNorm2d(out_channels)
        self.conv2, self.bn2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False), nn.BatchNorm2d(out_channels)

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu_()))
        y += x if self.downsample is None else self.downsample(x)
        return y.relu_()


def resnet18():
    layers, channels = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)], 64
    for out_channels, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [BasicBlock(channels, out_channels, stride), BasicBlock(out_channels, out_channels, 1)]
        channels = out_channels
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    # The order of nn/models/resnet.cpp, so that one seed gives the same weights.
    for block in [model, *layers[3:]]:
        convs = [m for m in block.children() if isinstance(m, nn.Conv2d)]
        for conv in convs + list(getattr(block, "downsample", None) or [])[:1]:
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return model


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))


def cnn():
    return nn.Sequential(
        *(nn.Conv2d(1, 10, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(10, 20, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(320, 50), nn.ReLU(), nn.Linear(50, 10)),
    )


def make_net(text):
    """The model, its input, its target and the loss."""
    name, _, batch = text.partition(":")
    name, _, small = name.partition("/")
    if name == "char_gpt":
        model, batch = Gpt(65, 256, 6, 6, 384), int(batch)
        return model, torch.randint(65, (batch, 256)), torch.randint(65, (batch * 256,)), F.cross_entropy
    if name in ("mlp", "cnn", "resnet18"):
        model = {"mlp": mlp, "cnn": cnn, "resnet18": resnet18}[name]()
        shape = (int(batch), 3, 32, 32) if name == "resnet18" else (64, 1, 28, 28)
        return model, torch.rand(shape), torch.randint(10, shape[:1]), F.cross_entropy
    make, shape = (MODELS if small else FULL)[name]
    model = make()
    x = torch.rand((int(batch), *shape[1:]) if batch else shape)
    with torch.no_grad():
        return model, x, torch.randn_like(model(x)), F.mse_loss


class Training:
    def __init__(self, net, mode):
        torch.manual_seed(0)
        model, self.x, self.target, self.loss = make_net(net)
        if mode == "channels_last":
            model, self.x = model.to(memory_format=torch.channels_last), self.x.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
        self.model = torch.compile(model, mode=COMPILATIONS[mode], dynamic=False) if mode in COMPILATIONS else model

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.model(self.x), self.target)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def time_steps(training, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        training.step()
        times.append(1e3 * (time.perf_counter() - start))
    return times


def answer(trainings, command, net="", mode="", steps="1"):
    if command == "machine":
        blas = "MKL " if torch.backends.mkl.is_available() else ""
        return {"pytorch": torch.__version__, "threads": torch.get_num_threads(), "libraries": blas + "oneDNN", "cpu": torch.backends.cpu.get_cpu_capability()}
    if command == "prepare":
        trainings[mode] = Training(net, mode)
        return {"losses": [trainings[mode].step() for _ in range(2)]}
    if command == "time":
        return {"ms": time_steps(trainings[mode], int(steps))}
    if command == "release":
        trainings.clear()
        torch._dynamo.reset()
        return None
    return {"error": "unknown command " + command}


def main():
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    trainings = {}
    for line in sys.stdin:
        try:
            result = answer(trainings, *line.split())
        except Exception as error:  # one mode that fails must not cost the others
            result = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
