"""Makes test/tensor/fixtures/*.json: blocks of transformers and three AdamW steps, computed by PyTorch in float64.

    python3 bench/peers/torch-fixtures.py

run in the root of the repository, with Python 3.11 or later and torch 2.4 or later. Each file holds inputs, weights,
outputs and the gradients of all weights as {"shape": [...], "data": [...]}. test/tensor/torch-fixtures.test.ts traces the
same blocks and compares. Inputs and weights have three decimals, so that both sides start from the same numbers.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

FIXTURES = pathlib.Path("test/tensor/fixtures")
MASKED = -1e9
BATCH, LENGTH, WIDTH, HEADS, HIDDEN = 2, 4, 4, 2, 6


class Weights:
    """Named parameters, drawn when they are first asked for."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)
        self.named = {}

    def draw(self, *shape, spread=1.0, around=0.0):
        values = around + spread * torch.randn(*shape, generator=self.generator, dtype=torch.float64)
        return (values * 1000).round() / 1000

    def __call__(self, name, *shape, spread=0.5, around=0.0):
        if name not in self.named:
            self.named[name] = self.draw(*shape, spread=spread, around=around).requires_grad_()
        return self.named[name]

    def gradients(self):
        return {name: weight.grad for name, weight in self.named.items()}


def packed(tensor):
    data = tensor.detach().flatten().tolist()
    if tensor.dtype == torch.float64:
        data = [float(f"{value:.7g}") for value in data]
    else:
        data = [int(value) for value in data]
    return {"shape": list(tensor.shape), "data": data}


def write(name, **parts):
    content = {part: {key: packed(value) for key, value in tensors.items()} for part, tensors in parts.items()}
    FIXTURES.mkdir(exist_ok=True)
    path = FIXTURES / f"{name}.json"
    path.write_text(json.dumps(content, separators=(",", ":")).replace('},"', '},\n"') + "\n")
    print(path, path.stat().st_size, "bytes")


def heads(x):  # (B, L, D) -> (B, H, L, D / H)
    return x.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2)


def joined(x):  # (B, H, L, D / H) -> (B, L, D)
    return x.transpose(1, 2).flatten(-2)


def visible(present):
    """(B, 1, L, L): keys up to the query's place, padding left out."""
    causal = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
    return causal & present[:, None, None, :]


def attention(x, weights, name, present, bias=None):
    q, k, v = (heads(x @ weights(f"{name}.{part}", WIDTH, WIDTH)) for part in ("query", "key", "value"))
    scores = q @ k.mT / math.sqrt(WIDTH // HEADS)
    if bias is not None:
        scores = scores + bias
    shares = scores.masked_fill(~visible(present), MASKED).softmax(-1)
    return joined(shares @ v)


def layer_norm(x, weights, name):
    scale = weights(f"{name}.scale", WIDTH, spread=0.3, around=1.0)
    return F.layer_norm(x, [WIDTH], scale, weights(f"{name}.bias", WIDTH), eps=1e-5)


def rms_norm(x, weights, name):
    return F.rms_norm(x, [WIDTH], weights(f"{name}.scale", WIDTH, spread=0.3, around=1.0), eps=1e-6)


def padded():
    """The second row has one place of padding before its items."""
    present = torch.ones(BATCH, LENGTH, dtype=torch.bool)
    present[1, 0] = False
    return present


def pre_norm_block():
    weights = Weights(1)
    x, wave = weights.draw(BATCH, LENGTH, WIDTH), weights.draw(BATCH, LENGTH, WIDTH)
    present = padded()
    distance = (torch.arange(LENGTH)[:, None] - torch.arange(LENGTH)).clamp(min=0)
    bias = weights("attention.distance", LENGTH, HEADS)[distance].permute(2, 0, 1)
    mixed = attention(layer_norm(x, weights, "attention.norm"), weights, "attention", present, bias)
    y = x + mixed @ weights("attention.out", WIDTH, WIDTH)
    inner = layer_norm(y, weights, "feed.norm") @ weights("feed.up", WIDTH, HIDDEN) + weights("feed.up.bias", HIDDEN)
    out = y + F.gelu(inner) @ weights("feed.down", HIDDEN, WIDTH) + weights("feed.down.bias", WIDTH)
    out = out * present[:, :, None]
    loss = (out * wave).sum()
    loss.backward()
    write(
        "pre-norm-block",
        inputs={"x": x, "wave": wave, "present": present},
        weights=weights.named,
        outputs={"out": out, "loss": loss},
        gradients=weights.gradients(),
    )


def gated_block():
    weights = Weights(2)
    x, wave = weights.draw(BATCH, LENGTH, WIDTH), weights.draw(BATCH, LENGTH, WIDTH)
    present = padded()
    normal = rms_norm(x, weights, "attention.norm")
    gate = torch.sigmoid(normal @ weights("attention.gate", WIDTH, WIDTH))
    mixed = attention(normal, weights, "attention", present) * gate
    y = x + mixed @ weights("attention.out", WIDTH, WIDTH)
    normal = rms_norm(y, weights, "feed.norm")
    gated = F.silu(normal @ weights("feed.gate", WIDTH, HIDDEN)) * (normal @ weights("feed.up", WIDTH, HIDDEN))
    out = (y + gated @ weights("feed.down", HIDDEN, WIDTH)) * present[:, :, None]
    loss = (out * wave).sum()
    loss.backward()
    write(
        "gated-block",
        inputs={"x": x, "wave": wave, "present": present},
        weights=weights.named,
        outputs={"out": out, "loss": loss},
        gradients=weights.gradients(),
    )


def sasrec():
    weights = Weights(3)
    ids = torch.tensor([[3, 5, 1, 2], [0, 4, 3, 6]])  # 0 is padding
    targets = torch.tensor([[5, 1, 2, 4], [0, 3, 6, 3]])
    candidates = torch.tensor([2, 6, 3, 2, 1])
    log_q = weights.draw(len(candidates)) - 1
    positive_log_q = weights.draw(BATCH * LENGTH) - 1
    present = ids > 0
    items = weights("items", 7, WIDTH)
    x = items[ids] * math.sqrt(WIDTH) + weights("positions", LENGTH, WIDTH)
    for block in ("first", "second"):
        normal = layer_norm(x, weights, f"{block}.attention.norm")
        x = x + attention(normal, weights, f"{block}.attention", present)
        inner = layer_norm(x, weights, f"{block}.feed.norm") @ weights(f"{block}.feed.up", WIDTH, WIDTH)
        inner = torch.relu(inner + weights(f"{block}.feed.up.bias", WIDTH))
        x = x + inner @ weights(f"{block}.feed.down", WIDTH, WIDTH) + weights(f"{block}.feed.down.bias", WIDTH)
    out = layer_norm(x, weights, "norm")
    hidden, right = out.flatten(0, 1), targets.flatten()
    positive = (hidden * items[right]).sum(-1) - positive_log_q
    negative = hidden @ items[candidates].T - log_q
    negative = negative.masked_fill(candidates == right[:, None], -math.inf)
    losses = F.cross_entropy(torch.cat([positive[:, None], negative], 1), torch.zeros_like(right), reduction="none")
    loss = losses[present.flatten()].mean()
    loss.backward()
    out = out * present[:, :, None]
    write(
        "sasrec",
        inputs={
            "ids": ids,
            "targets": targets,
            "candidates": candidates,
            "logQ": log_q,
            "positiveLogQ": positive_log_q,
        },
        weights=weights.named,
        outputs={"out": out, "loss": loss},
        gradients=weights.gradients(),
    )


def adamw():
    weights = Weights(4)
    x, y = weights.draw(3, 5, 3), weights.draw(3, 5, 2, spread=3.0)
    weights("up", 3, 4), weights("up.bias", 4), weights("down", 4, 2), weights("down.bias", 2)
    first = {name: weight.detach().clone() for name, weight in weights.named.items()}
    matrices = [weight for weight in weights.named.values() if weight.dim() > 1]
    vectors = [weight for weight in weights.named.values() if weight.dim() == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-6)
    outputs, gradients = {}, {}
    for step, rate in enumerate([0.1, 0.05, 0.02]):
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        hidden = torch.tanh(x[step] @ weights.named["up"] + weights.named["up.bias"])
        loss = ((hidden @ weights.named["down"] + weights.named["down.bias"] - y[step]) ** 2).mean()
        loss.backward()
        if step == 0:
            gradients = {name: gradient.clone() for name, gradient in weights.gradients().items()}
        outputs[f"loss.{step}"] = loss
        outputs[f"norm.{step}"] = torch.nn.utils.clip_grad_norm_(weights.named.values(), 2.8)
        optimizer.step()
        for name, weight in weights.named.items():
            outputs[f"{name}.{step}"] = weight.detach().clone()
    write("adamw", inputs={"x": x, "y": y}, weights=first, outputs=outputs, gradients=gradients)


pre_norm_block()
gated_block()
sasrec()
adamw()
