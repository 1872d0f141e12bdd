"""SST-2 from the user's own files, which may not be passed on: negative 0, positive 1.

GLUE's test file has no labels, so its dev.tsv is test here, and the last twentieth of train.tsv is dev. The vocabulary
is the train part's, made anew each time.
"""

import mail
import words


def rows(path):
    with open(path, encoding="utf-8") as file:
        if next(file).rstrip("\n").split("\t") != ["sentence", "label"]:
            raise ValueError(f"{path} does not begin with the line: sentence TAB label")
        return [(words.words(text), int(label)) for text, _, label in (line.rstrip("\n").rpartition("\t")
                                                                       for line in file)]


def sentences(folder):
    """{split: (ids [N, 64], labels [N])}"""
    train = rows(folder / "train.tsv")
    cut = len(train) - len(train) // 20
    splits = {"train": train[:cut], "dev": train[cut:], "test": rows(folder / "dev.tsv")}
    return mail.encoded(splits, mail.vocabulary_of(splits))
