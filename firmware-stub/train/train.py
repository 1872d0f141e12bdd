#!/usr/bin/python3
"""Trains models and leaves, for each seed, a state and what it reached in the build folder.

    train.py --out build/train --seeds 1,2,3 full-nano linformer-nano-spam full-nano-heads2 ...

Without names: all of them. A run is a float training, then one quantisation-aware epoch for int4 from where it ended
(two for texts; none for pruned models). A run whose result lies in the build folder is not repeated. What a model starts from
(a teacher, the model to prune) is trained first where it is missing. Hyper-parameters were chosen on dev; test
is read once, when a run has ended.
"""

import argparse
import json
import pathlib
import sys
import time

import torch
from torch.nn import functional as F

import data
import mail
import net
import prune
import sst2
import words
from storage import round_state

BATCH = 64
# Of every model that does not say otherwise. QAT goes on from the float weights at a small rate.
FASHION = {"epochs": 3, "rate": 3e-3, "qat_epochs": 1, "qat_rate": 1e-3}
SPAM = {"epochs": 8, "rate": 4e-3, "qat_epochs": 2, "qat_rate": 1e-3}
HYPER = {"full-nano": {"epochs": 4}, "distilbert-nano": {"epochs": 4}, "tinybert-nano": {"epochs": 5},
         "mobilebert-nano": {"epochs": 4, "rate": 6e-3},
         "performer-nano": {"epochs": 5, "rate": 6e-3}, "reformer-nano": {"epochs": 6, "rate": 6e-3}}
PRUNED = ["full-nano-heads1", "full-nano-heads2", "full-nano-heads3", "full-nano-heads4", "full-nano-ff25",
          "full-nano-ff50"]
ALL = [*net.MODELS, *PRUNED, *(name + "-spam" for name in net.MODELS)]
TEMPERATURE = 2.0
FORGOTTEN = 0.3  # of a text's words become `unknown` in training: some thousand mails are soon learnt by heart


class Log:
    def __init__(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = open(path, "w")
        self.start = time.monotonic()

    def __call__(self, text):
        self.file.write(text + "\n")
        self.file.flush()
        print(f"{time.monotonic() - self.start:7.1f} s  {text}", flush=True)


class Task:
    """A task's splits as tensors."""

    def __init__(self, name, splits):
        self.name = name
        as_input = (lambda x: torch.from_numpy(data.real(x))) if name == "patches" else torch.from_numpy
        self.splits = {k: (as_input(x), torch.from_numpy(y)) for k, (x, y) in splits.items()}


def kind_of(model):
    return next((kind for kind in ("spam", "sst2") if model.endswith("-" + kind)), "fashion")


def task_of(kind, args, seed):
    if kind == "fashion":
        return Task("patches", data.fashion())
    if kind == "spam" and args.random_split:
        return Task("tokens", mail.spam_at_random(args.spam, seed))
    if kind == "spam":
        return Task("tokens", mail.spam(args.spam))
    return Task("tokens", sst2.sentences(args.sst2))


@torch.no_grad()
def logits(model, x, batch=500):
    model.eval()
    return torch.cat([model(x[i:i + batch]) for i in range(0, len(x), batch)])


def score(model, split):
    """Accuracy in percent; with two classes also the F1 of class 1."""
    x, y = split
    guess = logits(model, x).argmax(1)
    out = {"accuracy": round(100 * (guess == y).float().mean().item(), 2)}
    if model.config["classes"] == 2:
        hit = ((guess == 1) & (y == 1)).sum().item()
        out["f1"] = round(2 * hit / max(1, (guess == 1).sum().item() + (y == 1).sum().item()), 4)
    return out


def fit(model, task, epochs, rate, seed, log, loss_of, extra=()):
    """One-cycle AdamW. `loss_of` is told the batch's indices, inputs and labels."""
    x, y = task.splits["train"]
    steps = -(-len(x) // BATCH)
    decay = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() <= 1]
    optimiser = torch.optim.AdamW([{"params": decay + list(extra), "weight_decay": 0.02},
                                   {"params": rest, "weight_decay": 0.0}], rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps * epochs, pct_start=0.2)
    order = torch.Generator().manual_seed(seed)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for part in torch.randperm(len(x), generator=order).split(BATCH):
            optimiser.zero_grad(set_to_none=True)
            loss = loss_of(part, noisy(x[part], order), y[part])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += loss.item() * len(part)
        log(f"epoch {epoch + 1} of {epochs}: loss {total / len(x):.4f}, dev {score(model, task.splits['dev'])}")


def noisy(x, generator):
    """Texts lose words; patches stay as they are."""
    if x.dtype != torch.int64:
        return x
    gone = (torch.rand(x.shape, generator=generator) < FORGOTTEN) & (x != words.PADDING)
    return x.masked_fill(gone, words.UNKNOWN)


def hard(model):
    return lambda part, x, y: F.cross_entropy(model(x), y)


def soft(model, taught):
    """Half the teacher's soft labels, half the true ones."""
    def loss(part, x, y):
        out = model(x)
        divergence = F.kl_div(F.log_softmax(out / TEMPERATURE, 1), F.softmax(taught[part] / TEMPERATURE, 1),
                              reduction="batchmean") * TEMPERATURE ** 2
        return 0.5 * divergence + 0.5 * F.cross_entropy(out, y)
    return loss


def base_of(name):
    return name.removesuffix("-spam").removesuffix("-sst2")


def new_model(name, task):
    return net.Encoder(net.config_of(base_of(name), task.name))


def load(name, seed, task, out):
    """A trained float model; trains it if there is none."""
    path = out / name / f"seed{seed}.pt"
    if not path.exists():
        run(name, seed, task, out)
    model = prune.shaped_like(new_model(prune.origin(name), task), torch.load(path))
    model.load_state_dict(torch.load(path))
    return model.eval()


def train_float(name, seed, task, out, log):
    hyper = SPAM if task.name == "tokens" else {**FASHION, **HYPER.get(name, {})}
    if prune.origin(name) != name:
        model = load(prune.origin(name), seed, task, out)
        prune.apply(model, name, *(t[:4096] for t in task.splits["train"]))
        log(f"pruned, before fine-tuning: dev {score(model, task.splits['dev'])}")
        fit(model, task, 1, 2e-3, seed, log, hard(model))
        return model
    torch.manual_seed(seed)
    model = new_model(name, task)
    if base_of(name) not in ("distilbert-nano", "tinybert-nano"):
        fit(model, task, hyper["epochs"], hyper["rate"], seed, log, hard(model))
        return model
    teacher = load("full-nano" + name[len(base_of(name)):], seed, task, out)
    if base_of(name) == "tinybert-nano":
        first_stage(model, teacher, task, seed, log)
    else:  # every second layer of the teacher, as DistilBERT starts
        own = model.state_dict()
        model.load_state_dict({k: v for k, v in teacher.state_dict().items() if k in own})
    taught = logits(teacher, task.splits["train"][0])
    fit(model, task, hyper["epochs"], hyper["rate"], seed, log, soft(model, taught))
    return model


def first_stage(model, teacher, task, seed, log):
    """TinyBERT's first: embedding and last hidden states, through a matrix that is thrown away."""
    widen = torch.nn.Linear(model.config["width"], teacher.config["width"])

    def loss(part, x, y):
        with torch.no_grad():
            wanted, real = teacher.hidden(x)
        states, _ = model.hidden(x)
        weight = torch.ones(x.shape[:2]) if real is None else real.float()
        return sum((((widen(states[i]) - wanted[i]) ** 2).mean(2) * weight).sum() / weight.sum() for i in (0, -1))
    log("first stage: hidden states")
    fit(model, task, 1, 4e-3, seed, log, loss, widen.parameters())
    log("second stage: logits")


def run(name, seed, task, out):
    folder = out / name
    log = Log(folder / f"seed{seed}.log")
    log(f"{name} seed {seed}, torch {torch.__version__}")
    start = time.process_time()
    model = train_float(name, seed, task, out, log)
    round_state(model, int4=False)
    torch.save(model.state_dict(), folder / f"seed{seed}.pt")
    reached = {"float": {"dev": score(model, task.splits["dev"]), "test": score(model, task.splits["test"])},
               "parameters": net.parameters(model), "train_cpu_s": round(time.process_time() - start)}
    log(f"float: {reached['float']}")
    (folder / f"seed{seed}.json").write_text(json.dumps(reached))


def quantise(name, seed, task, out):
    """The int4 epoch, from the float state."""
    folder = out / name
    model = load(name, seed, task, out)
    hyper = SPAM if task.name == "tokens" else FASHION
    log = Log(folder / f"seed{seed}-int4.log")
    model.set_int4(True)
    log(f"{name} seed {seed} int4, before training: dev {score(model, task.splits['dev'])}")
    start = time.process_time()
    torch.manual_seed(seed)
    fit(model, task, hyper["qat_epochs"], hyper["qat_rate"], seed, log, hard(model))
    model.set_int4(False)
    round_state(model, int4=True)
    torch.save(model.state_dict(), folder / f"seed{seed}-int4.pt")
    reached = {"dev": score(model, task.splits["dev"]), "test": score(model, task.splits["test"]),
               "train_cpu_s": round(time.process_time() - start)}
    log(f"int4: {reached}")
    (folder / f"seed{seed}-int4.json").write_text(json.dumps(reached))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--stages", default="float,int4")
    parser.add_argument("--spam", type=pathlib.Path, help="the folder where npm put the mails' node_modules")
    parser.add_argument("--random-split", action="store_true",
                        help="mails split by chance, anew for each seed; needs an --out of its own")
    parser.add_argument("--sst2", type=pathlib.Path, help="SST-2's folder: train.tsv and dev.tsv, as GLUE has them")
    parser.add_argument("models", nargs="*")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    tasks = {}
    for seed in map(int, args.seeds.split(",")):
        for name in args.models or ALL:
            kind = (kind_of(name), seed if args.random_split else None)
            if kind not in tasks:
                tasks[kind] = task_of(kind[0], args, seed)
            task = tasks[kind]
            if "float" in args.stages and not (args.out / name / f"seed{seed}.json").exists():
                run(name, seed, task, args.out)
            if "int4" in args.stages and prune.origin(name) == name and not (
                    args.out / name / f"seed{seed}-int4.json").exists():
                quantise(name, seed, task, args.out)


if __name__ == "__main__":
    sys.exit(main())
