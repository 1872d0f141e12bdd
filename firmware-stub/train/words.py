"""The text tasks' tokenizer: text to words, words to ids. Version and vocabulary are committed; see vocabulary.json.

Lower case throughout. A word is a run of letters; numbers, addresses, links and HTML tags are one class each; a
run of one punctuation mark counts once. What the vocabulary lacks is `unknown`, and a run of such counts once too.
"""

import collections
import hashlib
import json
import re

import numpy as np

VERSION = 2  # 1 took the most frequent words only
PADDING, UNKNOWN = 0, 1
SIZE, TOKENS = 512, 64
SEEN = 5
PIECE = re.compile(r"(?P<link>https?://[^\s<>\"]+|www\.[^\s<>\"]+)|(?P<address>[\w.+-]+@[\w.-]+)|"
                   r"(?P<tag></?[a-z!][^<>]{0,400}>)|(?P<number>\d[\d.,:/]*)|(?P<word>[^\W\d_]+(?:'[a-z]+)?)|"
                   r"(?P<mark>[!?$%*#&+=:;.,()\"-])")


def words(text):
    out = []
    for piece in PIECE.finditer(text.lower()):
        kind = piece.lastgroup
        word = piece.group() if kind in ("word", "mark") else f"<{kind}>"
        if kind == "word" or not out or out[-1] != word:
            out.append(word[:24])
    return out


def chi_squared(texts, labels):
    """Of each word in SEEN texts at least: how little it depends on chance in which class's texts it stands."""
    both, ones = collections.Counter(), collections.Counter()
    for text, label in zip(texts, labels):
        both.update(set(text))
        ones.update(set(text) if label else ())
    n, n1 = len(labels), sum(labels)
    return {word: n * (ones[word] * n - count * n1) ** 2 / max(1, count * (n - count) * n1 * (n - n1))
            for word, count in both.items() if count >= SEEN}


class Vocabulary:
    def __init__(self, tokens):
        self.tokens = list(tokens)
        if self.tokens[:2] != ["<padding>", "<unknown>"] or len(self.tokens) > SIZE:
            raise ValueError("no vocabulary of this tokenizer")
        self.ids = {word: i for i, word in enumerate(self.tokens)}

    @classmethod
    def of(cls, texts, labels):
        """Half the most frequent words of lists of words, then those that tell the two classes apart best; ties by
        spelling."""
        texts = list(texts)
        counts = collections.Counter(word for text in texts for word in text)
        frequent = sorted(counts, key=lambda word: (-counts[word], word))[:SIZE // 2 - 1]
        told = chi_squared(texts, labels)
        telling = sorted(set(told) - set(frequent), key=lambda word: (-told[word], word))
        return cls(["<padding>", "<unknown>"] + (frequent + telling)[:SIZE - 2])

    @classmethod
    def read(cls, path):
        stored = json.loads(path.read_text())
        vocabulary = cls(stored["tokens"])
        if stored["version"] != VERSION or stored["sha256"] != vocabulary.sha256():
            raise ValueError(f"{path} was made by another version of this tokenizer, or changed")
        return vocabulary

    def write(self, path):
        path.write_text(json.dumps({"version": VERSION, "sha256": self.sha256(), "tokens": self.tokens},
                                   indent=0, ensure_ascii=True) + "\n")

    def sha256(self):
        return hashlib.sha256("\n".join([str(VERSION), *self.tokens]).encode()).hexdigest()

    def encode(self, text):
        """A list of words as TOKENS ids, padding behind."""
        ids = []
        for word in text:
            i = self.ids.get(word, UNKNOWN)
            if i != UNKNOWN or not ids or ids[-1] != UNKNOWN:
                ids.append(i)
            if len(ids) == TOKENS:
                break
        return np.array(ids + [PADDING] * (TOKENS - len(ids)), np.int64)


def lengths(ids):
    """Real tokens of each row: those before the first padding, at least one."""
    empty = ids == PADDING
    return np.where(empty.any(1), np.maximum(1, empty.argmax(1)), ids.shape[1])
