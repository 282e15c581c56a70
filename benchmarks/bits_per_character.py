"""Bits per character of a trained run beside a character n-gram model and xz, on the same text.

    python benchmarks/bits_per_character.py RUN [--lmplz PATH --kenlm-python PATH] [--json]

All three learn from the shards' training split and are asked about the held-out rows that the run
scored. xz: by how much the compressed training text grows when a source's held-out text is put
behind it, with a dictionary that holds both. The n-gram model is KenLM's (modified Kneser-Ney, over
characters, a document being a sentence), which is no dependency of ours: --lmplz is its trainer,
--kenlm-python an interpreter that has the `kenlm` module; without them that column is left out.
"""

from __future__ import annotations

import argparse
import json
import lzma
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from rich.console import Console
from rich.table import Table

from curate.tokens.format.index import VALIDATION
from curate.tokens.format.reader import Shards
from curate.tokens.tokenizer import Tokenizer, load_tokenizer
from trainer.watch import EVALUATIONS, lines_of

ORDER = 6
"""Characters of an n-gram: the most KenLM is built for; on the real samples 5 costs 0.10 bits."""
SCORER = """
import json, sys, kenlm
model = kenlm.Model(sys.argv[1])
print(json.dumps({k: -sum(model.score(t) for t in v) for k, v in json.load(sys.stdin).items()}))
"""


def texts(split: Shards, tokenizer: Tokenizer, rows: int | None = None) -> list[str]:
    """The text of every segment of the first rows, control tokens left out."""
    found = []
    for row in range(min(len(split), rows or len(split))):
        ids = split.tokens(row).astype(np.uint32)
        for segment in split.segments(row):
            found.append(tokenizer.decode(ids[segment.begin : segment.end]))
    return found


def spelled(text: str) -> str:
    """A line of KenLM's: characters as words, white space and its reserved signs as signs."""
    signs = {" ": "\u2581", "\n": "\u2581n", "\t": "\u2581t", "\r": "\u2581r", "<": "\u2581l"}
    return " ".join(signs.get(c, c if not c.isspace() else "\u2581s") for c in text)


def xz_bits(train: list[str], held: dict[str, list[str]]) -> dict[str, float]:
    """Bits that each source's text adds to the compressed training text."""
    before = "\n".join(train).encode()
    size = 1 << max(20, (2 * len(before)).bit_length())
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": size}]
    alone = len(lzma.compress(before, filters=filters))
    bits = {}
    for source, found in held.items():
        both = before + b"\n" + "\n".join(found).encode()
        bits[source] = 8.0 * (len(lzma.compress(both, filters=filters)) - alone)
    return bits


def ngram_bits(
    train: list[str], held: dict[str, list[str]], lmplz: Path, python: Path
) -> dict[str, float]:
    """Bits of each source's text under KenLM's model of the training text."""
    with tempfile.TemporaryDirectory() as made:
        model = Path(made) / "model.arpa"
        command = [lmplz, "-o", str(ORDER), "-S", "2G", "-T", made, "--discount_fallback"]
        told = "\n".join(spelled(t) for t in train) + "\n"
        with model.open("wb") as out:
            subprocess.run(
                command, input=told.encode(), stdout=out, stderr=subprocess.DEVNULL, check=True
            )
        asked = {source: [spelled(t) for t in found] for source, found in held.items()}
        answer = subprocess.run(
            [python, "-c", SCORER, str(model)],
            input=json.dumps(asked).encode(),
            capture_output=True,
            check=True,
        )
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return {source: value / math.log10(2) for source, value in found.items()}


def compared(run: Path, lmplz: Path | None, python: Path | None) -> dict[str, Any]:
    """Bits per character by source and in all, of the run's last evaluation and of the others."""
    config = json.loads((run / "run.json").read_text(encoding="utf-8"))["config"]
    lines = lines_of(run / EVALUATIONS)
    first = {x["source"]: x for x in lines if x["step"] == lines[0]["step"]}
    last = {x["source"]: x for x in lines if x["step"] == lines[-1]["step"]}
    shards = Shards(config["shards"])
    tokenizer = load_tokenizer(config["model"]["tokenizer"] or config["model"]["path"])
    rows = config["evaluation"]["rows"]
    held = {
        source: texts(Shards(shards.folder, f"{VALIDATION}/{source}"), tokenizer, rows)
        for source in last
        if source != "all"
    }
    train = texts(shards, tokenizer)
    bits: dict[str, dict[str, float]] = {"xz": xz_bits(train, held)}
    if lmplz and python:
        bits["ngram"] = ngram_bits(train, held, lmplz, python)
    for found in bits.values():
        found["all"] = sum(found.values())
    characters = {source: sum(map(len, found)) for source, found in held.items()}
    characters["all"] = sum(characters.values())
    return {
        "run": str(run),
        "step": lines[-1]["step"],
        "train_characters": sum(map(len, train)),
        "sources": {
            source: {
                "characters": characters[source],
                "before": first[source]["bits_per_character"],
                "run": line["bits_per_character"],
                **{how: found[source] / characters[source] for how, found in bits.items()},
            }
            for source, line in last.items()
        },
    }


def main() -> None:
    """Prints the table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--lmplz", type=Path)
    parser.add_argument("--kenlm-python", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = compared(options.run, options.lmplz, options.kenlm_python)
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    table = Table(title=f"bits per character, {found['run']} after step {found['step']:,}")
    columns = list(found["sources"]["all"])
    for column in ("source", *columns):
        table.add_column(column, justify="left" if column == "source" else "right")
    for source, line in found["sources"].items():
        shown = [f"{line[c]:,}" if c == "characters" else f"{line[c]:.3f}" for c in columns]
        table.add_row(source, *shown)
    Console().print(table)


if __name__ == "__main__":
    main()
