"""The fluency measure: does it find word salad, whom does it wrong, and is the model right.

    python benchmarks/fluency.py [--json] [--lmplz PATH [--kenlm-python PATH]]

Two models are trained on real text: one on modern text only, one on verse and classical text as
well. Real texts they have not seen and the same texts shuffled are judged by kind and by length.
With --lmplz (KenLM's trainer) the same text is also given to KenLM, and every score is compared;
--kenlm-python names an interpreter that has the `kenlm` module (KenLM is no dependency of ours).
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks.quality import CLEAN, FLUENCY, percent, table
from benchmarks.quality_text import (
    Texts,
    paragraphs,
    shuffled_characters,
    shuffled_words,
    sources,
)
from curate.charmodel.alphabet import BEGIN, END, folding, is_han, tokenized
from curate.charmodel.count import Counts
from curate.charmodel.model import CharModel, trained
from curate.charmodel.score import scored
from curate.textbatch import TextBatch

OLD = ("Tang verse", "Song lyrics", "classical")
LENGTHS = ((5, 9), (10, 29), (30, 49), (50, 99), (100, 199), (200, 600))


def model_of(real: Texts, kinds: tuple[str, ...], min_count: int = 2) -> CharModel:
    """A model of the texts of even number."""
    counts = Counts(4)
    for kind in kinds:
        counts.add(TextBatch.from_strings(real[kind][::2]))
    return trained(counts, min_count, [])


def fluency(texts: list[str], model: CharModel) -> Any:
    """Fluency of each text, float64 [n]."""
    return scored(TextBatch.from_strings(texts), model, 1 << 20).fluency


def by_kind(held: Texts, models: dict[str, CharModel]) -> list[list[str]]:
    """For every kind, paragraphs as they are and shuffled: the middle value, and share dropped."""
    chance = random.Random(1)
    rows = []
    for kind, texts in held.items():
        some = texts if kind == "Cantonese" else paragraphs(texts)[:500]
        made = {
            "real": some,
            "characters shuffled": [shuffled_characters(t, chance) for t in some],
            "words shuffled": [shuffled_words(t, chance) for t in some],
        }
        for how, group in made.items():
            row = [kind, how, str(len(group))]
            for model in models.values():
                values = fluency(group, model)
                low, middle, high = np.percentile(values, [5, 50, 95])
                fails = float((values < np.float64(FLUENCY.min or 0)).mean())
                row += [f"{low:.2f} / {middle:.2f} / {high:.2f}", percent(fails)]
            rows.append(row)
    return rows


def by_length(held: Texts, model: CharModel) -> list[list[str]]:
    """Shares below the limit by length, of modern text as it is and with characters shuffled."""
    chance = random.Random(2)
    whole = [text for kind in (*CLEAN, "mixed web", "reviews", "dialogues") for text in held[kind]]
    rows = []
    for low, high in LENGTHS:
        some = [text[:high] for text in whole if len(text) >= low]
        some = chance.sample(some, min(2000, len(some)))
        mixed = [shuffled_characters(text, chance) for text in some]
        shares = [float((fluency(g, model) < (FLUENCY.min or 0)).mean()) for g in (some, mixed)]
        rows.append([f"{low} to {high}", str(len(some)), *map(percent, shares)])
    return rows


def _lines(texts: list[str]) -> Iterator[list[int]]:
    """The tokens of each line, as the model sees them."""
    batch = TextBatch.from_strings(texts)
    room = len(batch.points) + 2 * (int((batch.points == 10).sum()) + len(batch))
    tokens = np.empty(room, np.uint16)
    line: list[int] = []
    for token in tokens[: tokenized(batch.points, batch.offsets, folding(), tokens)].tolist():
        if token == BEGIN:
            line = []
        elif token == END:
            yield line
        else:
            line.append(token)


_ASK_KENLM = """
import json, sys, time, kenlm
model = kenlm.Model(sys.argv[1])
lines = [line.strip() for line in open(sys.argv[2])]
began = time.process_time()
scores = [[s[0] for s in model.full_scores(line, bos=True, eos=False)] for line in lines]
print(json.dumps([scores, time.process_time() - began]))
"""


def beside_kenlm(real: Texts, lmplz: Path, python: str) -> list[dict[str, Any]]:
    """Our mean log2 probability of each line beside that of a model KenLM made of the same text."""
    train, test = real["news"][::2], real["news"][1:2000:2] + real["classical"][:200]
    test = [line for text in test for line in text.split("\n") if line.strip()]
    han = is_han()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        text, asked, arpa = (str(Path(folder) / name) for name in ("train", "test", "arpa"))
        for path, texts in ((text, train), (asked, test)):
            words = (" ".join(f"{token:04x}" for token in line) for line in _lines(texts))
            Path(path).write_text("\n".join(words) + "\n")
        for min_count in (1, 2):
            prune = ["--prune", "0", "0", "1", "1"] if min_count == 2 else []
            command = [str(lmplz), "-o", "4", "-S", "500M", "--discount_fallback", *prune]
            began = time.monotonic()
            subprocess.run(
                [*command, "--text", text, "--arpa", arpa], check=True, stderr=subprocess.DEVNULL
            )
            theirs_s = time.monotonic() - began
            answer = subprocess.run(
                [python, "-c", _ASK_KENLM, arpa, asked], check=True, capture_output=True, text=True
            )
            scores, asking_s = json.loads(answer.stdout)
            theirs = np.array(
                [
                    sum(s for t, s in zip(line, given, strict=True) if han[t])
                    / max(sum(bool(han[t]) for t in line), 1)
                    / np.log10(2)
                    for line, given in zip(_lines(test), scores, strict=True)
                ]
            )
            began = time.monotonic()
            counts = Counts(4)
            counts.add(TextBatch.from_strings(train))
            model = trained(counts, min_count, [])
            ours_s = time.monotonic() - began
            batch = TextBatch.from_strings(test)
            scored(batch, model, 1 << 20)
            began = time.process_time()
            ours = scored(batch, model, 1 << 20).likelihood
            took = time.process_time() - began
            rows.append(
                {
                    "min_count": min_count,
                    "lines": len(test),
                    "ngrams": model.header["ngrams"],
                    "largest difference in bits": round(float(np.abs(ours - theirs).max()), 5),
                    "train s (ours, lmplz)": [round(ours_s, 2), round(theirs_s, 2)],
                    "score s (ours, kenlm)": [round(took, 4), round(asking_s, 4)],
                }
            )
    return rows


def main() -> None:
    """Reads the options and prints what they ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    parser.add_argument("--lmplz", type=Path, help="KenLM's lmplz, to compare with")
    parser.add_argument("--kenlm-python", default=sys.executable, help="Python with kenlm")
    options = parser.parse_args()
    real = sources()
    models = {"modern": model_of(real, CLEAN), "with old text": model_of(real, (*CLEAN, *OLD))}
    held = {
        kind: texts[1::2] if kind in (*CLEAN, *OLD) else texts
        for kind, texts in real.items()
        if texts
    }
    kinds = by_kind(held, models)
    head = ["kind", "text", "n"]
    for name in models:
        head += [f"{name}: 5% / half / 95%", "dropped"]
    print(table(kinds, head))
    lengths = by_length(held, models["modern"])
    print("\n" + table(lengths, ["characters", "n", "real below limit", "shuffled below limit"]))
    kenlm = beside_kenlm(real, options.lmplz, options.kenlm_python) if options.lmplz else []
    for row in kenlm:
        print(row)
    if options.json:
        print(json.dumps({"kinds": kinds, "lengths": lengths, "kenlm": kenlm}, ensure_ascii=False))


if __name__ == "__main__":
    main()
