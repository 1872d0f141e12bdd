"""Heads and feed-forward units taken out by their importance, and models shaped after what is left."""

import re

import torch
from torch import nn
from torch.nn import functional as F


def origin(name):
    """The model that a pruned one is cut from; other names are their own."""
    return re.sub(r"-(heads[1-9]|ff[1-9][0-9])$", "", name)


def rows(linear, keep):
    linear.weight = nn.Parameter(linear.weight.detach()[keep].clone())
    linear.bias = nn.Parameter(linear.bias.detach()[keep].clone())
    linear.out_features = len(keep)


def columns(linear, keep):
    linear.weight = nn.Parameter(linear.weight.detach()[:, keep].clone())
    linear.in_features = len(keep)


def keep_heads(layer, keep):
    channels = torch.cat([torch.arange(h * layer.w, (h + 1) * layer.w) for h in keep])
    for name in ("q", "k", "v", "qk"):
        if hasattr(layer, name):
            rows(getattr(layer, name), channels)
    columns(layer.project, channels)
    layer.heads = len(keep)


def keep_units(layer, keep):
    rows(layer.up, keep)
    columns(layer.down, keep)


def importance(model, x, y):
    """|weight x gradient| of the loss, summed: by head (project's columns), by unit (down's columns)."""
    model.eval()
    for p in model.parameters():
        p.grad = None
    heads, units = [0] * len(model.layers), [0] * len(model.layers)
    for part in torch.arange(len(x)).split(256):
        F.cross_entropy(model(x[part]), y[part]).backward()
        for i, layer in enumerate(model.layers):
            cost = (layer.project.weight * layer.project.weight.grad).detach()
            heads[i] = heads[i] + cost.unflatten(1, (layer.heads, layer.w)).sum((0, 2)).abs()
            units[i] = units[i] + (layer.down.weight * layer.down.weight.grad).detach().sum(0).abs()
        for p in model.parameters():
            p.grad = None
    return heads, units


def apply(model, name, x, y):
    """Cuts what the name says. The fewest heads of a layer are one; feed-forwards shrink by the same share each."""
    heads, units = importance(model, x, y)
    cut = re.search(r"-heads([1-9])$", name)
    if cut:
        left = [list(range(layer.heads)) for layer in model.layers]
        worst = sorted((heads[i][h].item(), i, h) for i in range(len(left)) for h in left[i])
        gone = 0
        for _, i, h in worst:
            if gone < int(cut[1]) and len(left[i]) > 1:
                left[i].remove(h)
                gone += 1
        for layer, keep in zip(model.layers, left):
            keep_heads(layer, keep)
    cut = re.search(r"-ff([1-9][0-9])$", name)
    if cut:
        for layer, cost in zip(model.layers, units):
            count = layer.up.out_features - layer.up.out_features * int(cut[1]) // 100
            keep_units(layer, torch.sort(torch.topk(cost, count).indices).values)


def shaped_like(model, state):
    """An untrained model cut to the shapes that a state has."""
    for i, layer in enumerate(model.layers):
        v, up = state[f"layers.{i}.v.weight"], state.get(f"layers.{i}.up.weight")
        if v.shape[0] != layer.v.out_features:
            keep_heads(layer, list(range(v.shape[0] // layer.w)))
        if up is not None and up.shape[0] != layer.up.out_features:
            keep_units(layer, torch.arange(up.shape[0]))
    return model
