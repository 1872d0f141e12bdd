"""The float networks. docs/models.md says in formulas what this computes; ONNX export takes it as it is."""

import json
import math

import torch
from torch import nn
from torch.nn import functional as F

from storage import INT4_STEPS

CONFIG = {"version": 1, "architecture": "full", "task": "patches", "tokens": 49, "patch": 16, "vocabulary": 0,
          "width": 32, "heads": 4, "head_width": 8, "hidden": 64, "layers": 2, "stacks": 0, "bottleneck": 0,
          "classes": 10, "k": 0, "features": 0, "chunk": 0, "rounds": 0, "buckets": 0}
TASKS = {"patches": {},
         "tokens": {"task": "tokens", "tokens": 64, "patch": 0, "vocabulary": 512, "classes": 2}}
MODELS = {
    "full-nano": {},
    "distilbert-nano": {"layers": 1},
    "tinybert-nano": {"layers": 1, "width": 16, "heads": 2, "hidden": 32},
    "mobilebert-nano": {"architecture": "mobilebert", "layers": 3, "bottleneck": 16, "heads": 2, "hidden": 32,
                        "stacks": 2},
    "linformer-nano": {"architecture": "linformer", "k": 16},
    "performer-nano": {"architecture": "performer", "features": 32},
    "reformer-nano": {"architecture": "reformer", "chunk": 7, "rounds": 2, "buckets": 8},
}


def config_of(name, task="patches"):
    config = {**CONFIG, **TASKS[task], **MODELS[name]}
    if task == "tokens" and config["chunk"]:
        config["chunk"] = 8
    return config


def to_int4(matrix):
    """Rows rounded to whole steps of max|row| / 7; the gradient passes straight through."""
    scale = matrix.abs().amax(1, keepdim=True).clamp_min(1e-12) / INT4_STEPS
    return matrix + (torch.round(matrix / scale).clamp(-INT4_STEPS, INT4_STEPS) * scale - matrix).detach()


class Linear(nn.Linear):
    int4 = False

    def forward(self, x):
        return F.linear(x, to_int4(self.weight) if self.int4 else self.weight, self.bias)


class Table(nn.Module):
    def __init__(self, vocabulary, width):
        super().__init__()
        self.table = nn.Parameter(torch.randn(vocabulary, width) * 0.1)

    def forward(self, ids):
        return F.embedding(ids, self.table)


def orthogonal_features(m, w):
    """FAVOR+: blocks of w orthogonal directions, each with the length of a Gaussian vector."""
    blocks = [torch.linalg.qr(torch.randn(w, w))[0] for _ in range(-(-m // w))]
    return torch.cat(blocks)[:m] * torch.randn(m, w).norm(dim=1, keepdim=True)


class Attention(nn.Module):
    """What the architectures differ in. `width` is what it reads and writes; a layer inherits its names."""
    int4 = False

    def attention_init(self, c, width):
        self.c, self.heads, self.w = c, c["heads"], c["head_width"]
        inner = self.heads * self.w
        if c["architecture"] == "reformer":
            self.qk = Linear(width, inner)
            self.register_buffer("rotations", torch.randn(c["rounds"], self.w, c["buckets"] // 2))
        else:
            self.q, self.k = Linear(width, inner), Linear(width, inner)
        self.v, self.project = Linear(width, inner), Linear(inner, width)
        if c["architecture"] == "linformer":
            self.e = nn.Parameter(torch.randn(c["k"], c["tokens"]) * 0.05)
            self.f = nn.Parameter(torch.randn(c["k"], c["tokens"]) * 0.05)
        if c["architecture"] == "performer":
            self.register_buffer("features", orthogonal_features(c["features"], self.w))

    def split(self, x):
        return x.reshape(-1, int(x.shape[1]), self.heads, self.w).transpose(1, 2)

    def attend(self, x, real):
        """x [N, T, width], real [N, T] of booleans or None where all are real."""
        heads = getattr(self, self.c["architecture"] if self.c["architecture"] != "mobilebert" else "full")(x, real)
        return self.project(heads.transpose(1, 2).reshape(-1, int(x.shape[1]), self.heads * self.w))

    def full(self, x, real):
        q, k, v = self.split(self.q(x)), self.split(self.k(x)), self.split(self.v(x))
        scores = (q * self.w ** -0.5) @ k.transpose(2, 3)
        if real is not None:
            scores = scores.masked_fill(~real[:, None, None], -1e9)
        return scores.softmax(3) @ v

    def linformer(self, x, real):
        q, k, v = self.split(self.q(x)), self.k(x), self.v(x)
        if real is not None:
            k, v = k * real[:, :, None], v * real[:, :, None]
        e, f = (to_int4(self.e), to_int4(self.f)) if self.int4 else (self.e, self.f)
        t = int(x.shape[1])
        k = self.split((k.transpose(1, 2) @ e[:, :t].t()).transpose(1, 2))
        v = self.split((v.transpose(1, 2) @ f[:, :t].t()).transpose(1, 2))
        return ((q * self.w ** -0.5) @ k.transpose(2, 3)).softmax(3) @ v

    def performer(self, x, real):
        q, k, v = (self.split(self.q(x)) * self.w ** -0.25, self.split(self.k(x)) * self.w ** -0.25,
                   self.split(self.v(x)))
        q = q @ self.features.t() - 0.5 * (q * q).sum(3, keepdim=True)
        k = k @ self.features.t() - 0.5 * (k * k).sum(3, keepdim=True)
        if real is not None:
            k = k.masked_fill(~real[:, None, :, None], -1e9)
        q = torch.exp(q - q.detach().amax(3, keepdim=True)) + 1e-4
        k = torch.exp(k - k.detach().amax((2, 3), keepdim=True)) + 1e-4
        if real is not None:
            k = k * real[:, None, :, None]
        return (q @ (k.transpose(2, 3) @ v)) / (q @ k.sum(2)[..., None])

    def reformer(self, x, real):
        """Rounds combined by log-sum-exp, each pair's score less the log of the rounds that see it, is one
        softmax over the union of the rounds' candidates: exp(s) is shared out over r rounds and summed again."""
        t = int(x.shape[1])
        qk, v = self.split(self.qk(x)), self.split(self.v(x))
        key = qk / torch.sqrt((qk * qk).sum(3, keepdim=True) + 1e-12)
        with torch.no_grad():
            itself = torch.eye(t, device=x.device) > 0
            seen = self.candidates(qk.detach(), real) & ~itself
            if real is not None:
                seen = seen & real[:, None, None]
            seen = seen | (itself & ~(seen.float().sum(3, keepdim=True) > 0))
        scores = (qk * self.w ** -0.5) @ key.transpose(2, 3)
        return scores.masked_fill(~seen, -1e9).softmax(3) @ v


    def candidates(self, qk, real):
        """Which keys [N, H, T, T] a query's chunks hold in any round: itself and what is padding too. A token's place in
        the stable sort is counted, by bucket and position; chunks are counted over padding."""
        c = self.c
        chunks = torch.arange(-(-c["tokens"] // c["chunk"]), device=qk.device)
        queries, keys = [], []
        for r in range(c["rounds"]):
            turned = qk @ self.rotations[r]
            bucket = torch.cat([turned, -turned], 3).argmax(3)
            if real is not None:
                bucket = bucket.masked_fill(~real[:, None], c["buckets"])
            inside = (bucket[..., None] == torch.arange(c["buckets"] + 1, device=qk.device)).float()
            total = inside.sum(2, keepdim=True)
            before = torch.cumsum(inside, 2) - inside + torch.cumsum(total, 3) - total
            chunk = torch.floor(((inside * before).sum(3) + 0.5) / c["chunk"])
            mine = (chunk[..., None] == chunks.float()).float()
            queries.append(mine)
            keys.append(mine + torch.cat([mine[..., -1:], mine[..., :-1]], 3))  # the next chunk looks back
        return torch.cat(queries, 3) @ torch.cat(keys, 3).transpose(2, 3) > 0


class Layer(Attention):
    def __init__(self, c):
        super().__init__()
        d = c["width"]
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attention_init(c, d)
        self.up, self.down = Linear(d, c["hidden"]), Linear(c["hidden"], d)

    def forward(self, x, real):
        x = x + self.attend(self.norm1(x), real)
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Stack(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(width), Linear(width, hidden), Linear(hidden, width)

    def forward(self, y):
        return y + self.down(F.gelu(self.up(self.norm(y))))


class Bottleneck(Attention):
    def __init__(self, c):
        super().__init__()
        narrow = c["bottleneck"]
        self.inward, self.norm_in = Linear(c["width"], narrow), nn.LayerNorm(narrow)
        self.norm1 = nn.LayerNorm(narrow)
        self.attention_init(c, narrow)
        self.stacks = nn.ModuleList(Stack(narrow, c["hidden"]) for _ in range(c["stacks"]))
        self.outward = Linear(narrow, c["width"])

    def forward(self, x, real):
        y = self.norm_in(self.inward(x))
        y = y + self.attend(self.norm1(y), real)
        for stack in self.stacks:
            y = stack(y)
        return x + self.outward(y)


def real_tokens(ids):
    """Which positions stand before the first 0; the first one always does."""
    first = torch.arange(int(ids.shape[1]), device=ids.device) == 0
    return (torch.cumsum((ids == 0).long(), 1) == 0) | first


class Encoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        c = self.config = dict(config)
        text = c["task"] == "tokens"
        self.embed = Table(c["vocabulary"], c["width"]) if text else nn.Linear(c["patch"], c["width"])
        self.position = nn.Parameter(torch.randn(c["tokens"], c["width"]) * 0.02)
        kind = Bottleneck if c["architecture"] == "mobilebert" else Layer
        self.layers = nn.ModuleList(kind(c) for _ in range(c["layers"]))
        self.norm, self.head = nn.LayerNorm(c["width"]), nn.Linear(c["width"], c["classes"])
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def hidden(self, x):
        """The states behind the embedding and each layer, and which tokens are real."""
        real = real_tokens(x) if self.config["task"] == "tokens" else None
        states = [self.embed(x) + self.position[:int(x.shape[1])]]
        for layer in self.layers:
            states.append(layer(states[-1], real))
        return states, real

    def forward(self, x):
        states, real = self.hidden(x)
        x = self.norm(states[-1])
        if real is None:
            return self.head(x.mean(1))
        weight = real[:, :, None].to(x.dtype)
        return self.head((x * weight).sum(1) / weight.sum(1))

    def set_int4(self, on):
        for module in [m for layer in self.layers for m in layer.modules()]:
            if isinstance(module, (Linear, Attention)):
                module.int4 = on

    def describe(self):
        return json.dumps(self.config, separators=(",", ":"))


def parameters(model):
    """Weights that a device stores: embeddings and fixed matrices too."""
    return sum(math.prod(t.shape) for t in model.state_dict().values())
