"""The training step of bench/train/step.ts in PyTorch's eager mode, as a process that answers each line it reads.

Choices within eager mode, each measured on a CPU: scaled_dot_product_attention (its flash kernel, which leaves out what
the causal mask does) rather than attention written out, one linear layer for queries, keys and values, cross_entropy
over concatenated logits (logaddexp of logsumexp was not faster), fused AdamW.
"""

import json
import resource
import sys
import time

import numpy
import torch
import torch.nn.functional as F


class Step:
    def __init__(self, config):
        torch.set_num_threads(config["threads"])
        torch.manual_seed(1)
        self.config = config
        loaded = {name: read(weight) for name, weight in config["weights"].items()}
        for block in range(config["blocks"]):
            for part in ["weight", "bias"]:
                three = [loaded.pop(f"block{block}.{name}.{part}") for name in ["query", "key", "value"]]
                loaded[f"block{block}.qkv.{part}"] = torch.cat(three)
        self.weights = {name: torch.nn.Parameter(values) for name, values in loaded.items()}
        matrices = [weight for weight in self.weights.values() if weight.dim() >= 2]
        vectors = [weight for weight in self.weights.values() if weight.dim() < 2]
        groups = [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=config["learningRate"], fused=True)

    def linear(self, x, name):
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.weights[f"{name}.scale"], self.weights[f"{name}.bias"], 1e-5)

    def loss(self, batch):
        items, targets, counts, negatives = batch
        rows, length = items.shape
        heads, dropout = self.config["heads"], self.config["dropout"]
        table = self.weights["items"]
        x = F.dropout(F.embedding(items, table) + self.weights["positions"], dropout)
        width = x.shape[-1]
        for block in range(self.config["blocks"]):
            at = f"block{block}"
            qkv = self.linear(self.norm(x, f"{at}.attentionNorm"), f"{at}.qkv")
            q, k, v = qkv.view(rows, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            mixed = mixed.transpose(1, 2).reshape(rows, length, width)
            x = x + F.dropout(self.linear(mixed, f"{at}.out"), dropout)
            hidden = F.relu(self.linear(self.norm(x, f"{at}.forwardNorm"), f"{at}.up"))
            x = x + F.dropout(self.linear(hidden, f"{at}.down"), dropout)
        x = self.norm(x, "norm").view(rows * length, width)
        positive = (x * F.embedding(targets, table)).sum(-1, keepdim=True)  # (rows * length, 1)
        sampled = x @ F.embedding(negatives, table).T  # (rows * length, negatives)
        first = torch.zeros(rows * length, dtype=torch.long)
        losses = F.cross_entropy(torch.cat([positive, sampled], 1), first, reduction="none")
        return (losses * counts).sum() / counts.sum()

    def step(self, batch):
        loss = self.loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def read(weight):
    values = torch.from_numpy(numpy.fromfile(weight["file"], dtype="<f4").reshape(weight["shape"]))
    linear = "weight" in weight["file"].split(".")[-2:]
    # nn.Linear and F.linear have (out, in).
    return values.T.contiguous() if linear else values


def read_batches(config):
    rows, length = config["batch"], config["length"]
    size = rows * length
    every = numpy.fromfile(config["batches"], dtype="<i4").astype(numpy.int64)
    for ids in torch.from_numpy(every).view(config["batchCount"], -1):
        items = ids[:size].view(rows, length)
        yield items, ids[size : 2 * size], (items != 0).float().view(-1), ids[2 * size :]


def main():
    config = json.loads(sys.stdin.readline())
    step = Step(config)
    batches = list(read_batches(config))
    for line in sys.stdin:
        steps = json.loads(line)["steps"]
        wall, cpu = time.perf_counter(), time.process_time()
        losses = [step.step(batches[i % len(batches)]) for i in range(steps)]
        answer = {
            "wallMs": (time.perf_counter() - wall) * 1000 / steps,
            "cpuMs": (time.process_time() - cpu) * 1000 / steps,
            "losses": losses,
            "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "version": torch.__version__,
        }
        print(json.dumps(answer), flush=True)


main()
