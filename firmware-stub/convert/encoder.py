"""What a graph says it is: the configuration, and the weights by the names of docs/convert.md.

Our own graphs carry both (metadata `hilda.config`, initialisers by name). For any other, a file of names says which
constant is which: {"config": {...}, "weights": {"layers.0.q.weight": {"from": "...in_proj_weight", "rows": [0, 32]}}}.
"""

import json

import numpy as np

from graph import Refused

NUMBERS = ("tokens patch vocabulary width heads head_width hidden layers stacks bottleneck classes k features chunk "
           "rounds buckets").split()
ALWAYS = ("tokens", "width", "heads", "head_width", "hidden", "layers", "classes")
# What each architecture has besides.
OWN = {"full": (), "linformer": ("k",), "performer": ("features",), "reformer": ("chunk", "rounds", "buckets"),
       "mobilebert": ("stacks", "bottleneck")}
TASKS = {"patches": "patch", "tokens": "vocabulary"}
NUMBER_MOST = 65535
MAP_KEYS = {"from", "rows", "transpose"}


def read_config(text):
    """The configuration with every number, 0 where it has no meaning."""
    try:
        given = json.loads(text) if isinstance(text, str) else dict(text)
    except ValueError as error:
        raise Refused("the configuration is no JSON: %s" % error) from None
    if given.get("version", 1) != 1:
        raise Refused("configuration version %r, not 1" % given["version"])
    if given.get("architecture") not in OWN:
        raise Refused("architecture %r is none of %s" % (given.get("architecture"), ", ".join(OWN)))
    if given.get("task") not in TASKS:
        raise Refused("task %r is none of %s" % (given.get("task"), ", ".join(TASKS)))
    unknown = set(given) - set(NUMBERS) - {"version", "architecture", "task"}
    if unknown:
        raise Refused("the configuration does not know %s" % ", ".join(sorted(unknown)))
    config = {"version": 1, "architecture": given["architecture"], "task": given["task"],
              **{name: given.get(name, 0) for name in NUMBERS}}
    for name in NUMBERS:
        needed = name in ALWAYS + OWN[config["architecture"]] + (TASKS[config["task"]],)
        if type(config[name]) is not int or not needed <= config[name] <= NUMBER_MOST:
            raise Refused("%s is %r; a whole number from %d to %d" % (name, config[name], needed, NUMBER_MOST))
    return config


def shapes(c):
    """The shape of every weight; None where a pruned layer may have fewer rows or columns."""
    d, inner, hidden = c["width"], None, None
    out = {"embed.table": (c["vocabulary"], d)} if c["task"] == "tokens" else linear("embed", d, c["patch"])
    out["position"] = (c["tokens"], d)
    for i in range(c["layers"]):
        at, n = "layers.%d." % i, c["bottleneck"] or d
        if c["architecture"] == "mobilebert":
            out.update({**linear(at + "inward", n, d), **norm(at + "norm_in", n), **linear(at + "outward", d, n)})
        out.update(norm(at + "norm1", n))
        for role in ("qk", "v") if c["architecture"] == "reformer" else ("q", "k", "v"):
            out.update(linear(at + role, inner, n))
        out.update(linear(at + "project", n, inner))
        if c["architecture"] == "linformer":
            out.update({at + "e": (c["k"], c["tokens"]), at + "f": (c["k"], c["tokens"])})
        if c["architecture"] == "performer":
            out[at + "features"] = (c["features"], c["head_width"])
        if c["architecture"] == "reformer":
            out[at + "rotations"] = (c["rounds"], c["head_width"], c["buckets"] // 2)
        for block, name in ([("%sstacks.%d." % (at, s), "norm") for s in range(c["stacks"])]
                            if c["architecture"] == "mobilebert" else [(at, "norm2")]):
            out.update({**norm(block + name, n), **linear(block + "up", hidden, n), **linear(block + "down", n, hidden)})
    return {**out, **norm("norm", d), **linear("head", c["classes"], d)}


def linear(name, rows, columns):
    return {name + ".weight": (rows, columns), name + ".bias": (rows,)}


def norm(name, n):
    return {name + ".weight": (n,), name + ".bias": (n,)}


def mapped(graph, name, entry):
    entry = {"from": entry} if isinstance(entry, str) else entry
    if not isinstance(entry, dict) or "from" not in entry or set(entry) - MAP_KEYS:
        raise Refused('the map of %s: a name, or {"from": NAME, "rows": [FIRST, END], "transpose": true}' % name)
    value = graph.weight(entry["from"])
    if value is None:
        raise Refused("%s: the graph has no constant %s" % (name, entry["from"]))
    if entry.get("transpose"):
        value = value.T
    if "rows" in entry:
        first, end = entry["rows"]
        if not 0 <= first < end <= len(value):
            raise Refused("%s: %s has %d rows, none of them %d to %d" % (name, entry["from"], len(value), first, end))
        value = value[first:end]
    return value


def read_weights(graph, config, names=None):
    """{name: array} of what the configuration asks for, and nothing else."""
    names, out, missing = names or {}, {}, []
    unknown = set(names) - set(shapes(config))
    if unknown:
        raise Refused("the map knows weights that this architecture does not have: %s" % ", ".join(sorted(unknown)))
    for name, shape in shapes(config).items():
        value = mapped(graph, name, names[name]) if name in names else graph.weight(name)
        if value is None:
            missing.append(name)
            continue
        if len(value.shape) != len(shape) or any(want not in (None, n) for want, n in zip(shape, value.shape)):
            raise Refused("%s has the shape %s, the configuration asks for %s" % (
                name, list(value.shape), [("any" if n is None else n) for n in shape]))
        if not np.isfinite(value).all():
            raise Refused("%s holds numbers that are not finite" % name)
        out[name] = np.asarray(value, float)
    if missing:
        raise Refused("weights that are not in the graph: %s%s; a file of names (--map) can say where they are" % (
            ", ".join(missing[:6]), " and %d more" % (len(missing) - 6) if len(missing) > 6 else ""))
    check_pairs(config, out)
    return out


def check_pairs(c, weights):
    """What must have as many rows as another has columns, where pruning may have taken some."""
    for name, value in weights.items():
        at, _, role = name.removesuffix(".weight").rpartition(".")
        partner = {"q": "v", "k": "v", "qk": "v", "v": "project", "up": "down"}.get(role)
        if not name.endswith(".weight") or not partner:
            continue
        other = weights["%s.%s.weight" % (at, partner)]
        rows = other.shape[1] if role in ("v", "up") else len(other)
        if len(value) != rows or role != "up" and rows % c["head_width"] or len(weights[at + "." + role + ".bias"]) != rows:
            raise Refused("%s has %d rows, %s.%s %d; heads are %d wide" % (
                name, len(value), at, partner, rows, c["head_width"]))


def check_graph(graph, c):
    """Input and output as the configuration says."""
    want = [None, c["tokens"]] + ([c["patch"]] if c["task"] == "patches" else [])
    for what, have, need in (("input", graph.input_shape, want), ("output", graph.output_shape, [None, c["classes"]])):
        if len(have) != len(need) or any(n not in (None, h) for n, h in zip(need, have) if h is not None):
            raise Refused("the %s of the graph is %s, the configuration asks for %s" % (
                what, [h or "N" for h in have], [n or "N" for n in need]))
