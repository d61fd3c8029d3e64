"""PyTorch's side of weights.cpp: models as Python programs write them, and one module of every kind that has a state."""

import math

import torch
import torch.nn.functional as F
from torch import nn

# --- ResNet-18 with torchvision's names ---


class BasicBlock(nn.Module):
    def __init__(self, inplanes, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        for i, (inplanes, planes) in enumerate([(64, 64), (64, 128), (128, 256), (256, 512)]):
            blocks = BasicBlock(inplanes, planes, 1 if i == 0 else 2), BasicBlock(planes, planes, 1)
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(512, num_classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


# --- GPT-2 with the names and layouts of the published files ---


class InOutLinear(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(in_features, out_features) * 0.2)
        self.bias = nn.Parameter(torch.randn(out_features) * 0.2)

    def forward(self, x):
        return x @ self.weight + self.bias


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.c_attn, self.c_proj = InOutLinear(width, 3 * width), InOutLinear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2) for part in self.c_attn(x).chunk(3, -1))
        scores = q @ k.transpose(-1, -2) / math.sqrt(width // self.heads)
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        weights = scores.masked_fill(later, -math.inf).softmax(-1)
        return self.c_proj((weights @ v).transpose(1, 2).reshape(batch, length, width))


class Mlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.c_fc, self.c_proj = InOutLinear(width, 4 * width), InOutLinear(4 * width, width)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(width), Attention(width, heads)
        self.ln_2, self.mlp = nn.LayerNorm(width), Mlp(width)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT2(nn.Module):
    def __init__(self, vocab_size, n_positions, n_embd, n_layer, n_head):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab_size, n_embd), nn.Embedding(n_positions, n_embd)
        self.h = nn.ModuleList(Block(n_embd, n_head) for _ in range(n_layer))
        self.ln_f = nn.LayerNorm(n_embd)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.h:
            x = block(x)
        return self.ln_f(x) @ self.wte.weight.t()


class LstmModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.lstm = nn.LSTM(8, 12, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(24, 20)

    def forward(self, tokens):
        return self.head(self.lstm(self.embedding(tokens))[0])


# Name: the model and its input.
MODELS = {
    "resnet18": (lambda: ResNet18(10), lambda: torch.randn(2, 3, 64, 64)),
    "gpt2": (lambda: GPT2(50, 16, 32, 2, 4), lambda: torch.randint(50, (2, 11))),
    "lstm": (LstmModel, lambda: torch.randint(20, (3, 7))),
}


class Nested(nn.Module):
    """Containers in containers, a parameter and buffers of its own, one of them not persistent."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.register_buffer("scratch", torch.zeros(3), persistent=False)
        self.list = nn.ModuleList([nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.BatchNorm1d(2))])
        self.dict = nn.ModuleDict({"left": nn.Linear(2, 1), "right": nn.Conv1d(1, 2, 3)})
        self.parameters_list = nn.ParameterList([nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3, 1))])
        self.parameters_dict = nn.ParameterDict({"b": nn.Parameter(torch.ones(4))})


def _stack(stack, layer):
    return lambda: stack(layer(8, 2, dim_feedforward=12), 2, norm=nn.LayerNorm(8))


# Modules with a state; weights.cpp makes the same ones under these names.
MODULES = {
    "Linear": lambda: nn.Linear(3, 2),
    "Linear without bias": lambda: nn.Linear(3, 2, bias=False),
    "Bilinear": lambda: nn.Bilinear(2, 3, 4),
    "Conv1d": lambda: nn.Conv1d(4, 6, 3, groups=2),
    "Conv2d": lambda: nn.Conv2d(4, 6, (3, 2)),
    "Conv3d": lambda: nn.Conv3d(4, 6, 3, bias=False),
    "ConvTranspose1d": lambda: nn.ConvTranspose1d(4, 6, 3, groups=2),
    "ConvTranspose2d": lambda: nn.ConvTranspose2d(4, 6, 3),
    "ConvTranspose3d": lambda: nn.ConvTranspose3d(4, 6, 3),
    "BatchNorm1d": lambda: nn.BatchNorm1d(3),
    "BatchNorm2d": lambda: nn.BatchNorm2d(3, affine=False),
    "BatchNorm3d": lambda: nn.BatchNorm3d(3, track_running_stats=False),
    "InstanceNorm1d": lambda: nn.InstanceNorm1d(3, affine=True),
    "InstanceNorm2d": lambda: nn.InstanceNorm2d(3, track_running_stats=True),
    "InstanceNorm3d": lambda: nn.InstanceNorm3d(3, affine=True, track_running_stats=True),
    "GroupNorm": lambda: nn.GroupNorm(2, 4),
    "LayerNorm": lambda: nn.LayerNorm((2, 3)),
    "PReLU": lambda: nn.PReLU(3),
    "Embedding": lambda: nn.Embedding(5, 3, padding_idx=1),
    "EmbeddingBag": lambda: nn.EmbeddingBag(5, 3),
    "RNN": lambda: nn.RNN(3, 4, num_layers=2),
    "LSTM": lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True),
    "LSTM with projection": lambda: nn.LSTM(3, 4, proj_size=2),
    "GRU": lambda: nn.GRU(3, 4, bias=False, bidirectional=True),
    "RNNCell": lambda: nn.RNNCell(3, 4),
    "LSTMCell": lambda: nn.LSTMCell(3, 4),
    "GRUCell": lambda: nn.GRUCell(3, 4, bias=False),
    "MultiheadAttention": lambda: nn.MultiheadAttention(8, 2),
    "MultiheadAttention of other widths": lambda: nn.MultiheadAttention(8, 2, add_bias_kv=True, kdim=3, vdim=5),
    "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(8, 2, dim_feedforward=12),
    "TransformerDecoderLayer": lambda: nn.TransformerDecoderLayer(8, 2, dim_feedforward=12),
    "TransformerEncoder": _stack(nn.TransformerEncoder, nn.TransformerEncoderLayer),
    "TransformerDecoder": _stack(nn.TransformerDecoder, nn.TransformerDecoderLayer),
    "Transformer": lambda: nn.Transformer(8, 2, 1, 2, dim_feedforward=12),
    "AdaptiveLogSoftmaxWithLoss": lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 10, [2, 5], div_value=2.0, head_bias=True),
    "CrossEntropyLoss": lambda: nn.CrossEntropyLoss(weight=torch.ones(3)),
    "NLLLoss": lambda: nn.NLLLoss(weight=torch.ones(3)),
    "BCELoss": lambda: nn.BCELoss(weight=torch.ones(3)),
    "BCEWithLogitsLoss": lambda: nn.BCEWithLogitsLoss(weight=torch.ones(3), pos_weight=torch.ones(3)),
    "MultiLabelSoftMarginLoss": lambda: nn.MultiLabelSoftMarginLoss(weight=torch.ones(3)),
    "MultiMarginLoss": lambda: nn.MultiMarginLoss(weight=torch.ones(3)),
    "Nested": Nested,
}
