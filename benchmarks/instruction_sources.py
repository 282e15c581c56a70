"""What became of every source of an instruction build, as a table: read, kept, dropped and why.

python benchmarks/instruction_sources.py builds/instructions          Markdown
python benchmarks/instruction_sources.py builds/instructions --json   one JSON object a source
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow.dataset as ds

COLUMNS = ["id", "source", "status", "stage", "reason", "duplicate_of", "turns"]
DUPLICATES = ("exact_duplicate", "near_duplicate")


def counts_by_source(build: Path) -> dict[str, Counter[str]]:
    """Rows of every source by what became of them, from the ledger; `turns` counts earlier turns.

    Duplicates are counted by whether the row that stayed is of the same source.
    """
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in ds.dataset(build / "ledger").to_table(columns=COLUMNS).to_pylist():
        found = counts[row["source"]]
        found["read"] += 1
        found["turns"] += row["turns"] or 0
        found["dialogues"] += (row["turns"] or 0) > 0
        if row["reason"] in DUPLICATES:
            place = "within" if row["duplicate_of"].startswith(row["source"] + "/") else "across"
            found[f"{row['reason']} {place}"] += 1
        elif row["status"] != "kept":
            found[row["reason"]] += 1
            found[row["status"]] += 1
        if row["status"] == "kept":
            found["kept"] += 1
    return dict(sorted(counts.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=Path, help="folder of a finished build")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()
    counts = counts_by_source(options.build)
    fixed = ["read", "kept", "quarantined", "dialogues", "turns"]
    repeated = [f"{r} {place}" for r in DUPLICATES for place in ("within", "across")]
    every = {key for found in counts.values() for key in found}
    reasons = sorted(every - set(fixed) - set(repeated) - {"dropped"})
    print("| source | read | kept | quarantined | exact | near | dialogues (turns) | dropped for |")
    print("|---|---|---|---|---|---|---|---|")
    for source, found in counts.items():
        exact, near = (f"{found[f'{r} within']:,} + {found[f'{r} across']:,}" for r in DUPLICATES)
        why = ", ".join(f"{reason} {found[reason]:,}" for reason in reasons if found[reason])
        cells = [f"{found[key]:,}" for key in fixed[:3]]
        cells += [exact, near, f"{found['dialogues']:,} ({found['turns']:,})", why]
        print(f"| {source} | {' | '.join(cells)} |")
    if options.json:
        print(json.dumps(counts))


if __name__ == "__main__":
    main()
