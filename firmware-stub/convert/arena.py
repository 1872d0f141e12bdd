"""The bytes of working memory that nn/ plans for a model: the same layouts as its C files, piece for piece.

The firmware's plan is compared with the header's number when a model is loaded, so that a difference is refused.
"""

BLOCK = 32  # nn/performer.c takes so many tokens at once


def column(n):
    """Bytes of one channel over n tokens: int4 kernels read eight at once."""
    return (n + 7) // 8 * 8


def softmax_pieces(c, inner):
    t = c["tokens"]
    return [t * inner, t * inner, column(t) * inner, column(t)]


def linformer_pieces(c, inner):
    k = c["k"]
    return [column(c["tokens"]) * inner, k * inner, column(k) * inner, column(k)]


def performer_pieces(c, inner):
    m, heads, w = c["features"], c["heads"], c["head_width"]
    return [BLOCK * inner, 2 * BLOCK * inner, 2 * BLOCK * m, 4 * heads * (w + 1) * m, 4 * heads * (w + 1),
            4 * heads, 4 * heads, 2 * max(w, m), 2 * max(w, m)]


def reformer_pieces(c, inner):
    t, rounds, seen = c["tokens"], c["rounds"], 2 * c["rounds"] * c["chunk"]
    return [t * inner, t * inner, t * c["head_width"], 4 * t, 2 * rounds * t, 2 * rounds * t, t,
            2 * (c["buckets"] + 2), 2 * seen, seen, 4 * c["head_width"]]


def arena_bytes(c):
    """c: the configuration, with `heads` and `hidden` the most of any layer."""
    inner, width = c["heads"] * c["head_width"], c["width"]
    pieces = [c["tokens"] * width, max(width, c["bottleneck"]), max(inner, c["hidden"]), 4 * max(inner, width)]
    kind = c["architecture"]
    if kind == "mobilebert":
        pieces.append(c["tokens"] * c["bottleneck"])
    pieces += {"full": softmax_pieces, "mobilebert": softmax_pieces, "linformer": linformer_pieces,
               "performer": performer_pieces, "reformer": reformer_pieces}[kind](c, inner)
    return sum((n + 15) // 16 * 16 for n in pieces)
