"""Text rewrites on the real samples: how much they repair, and that they leave clean text alone."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from curate.rewrite.escapes import Escapes
from curate.rewrite.leftovers import Leftovers
from curate.rewrite.lines import Lines
from curate.rewrite.markup import Markup
from curate.rewrite.punctuation import Punctuation

ROOT = Path(os.environ.get("CURATE_REAL_DATA") or Path(__file__).parents[2] / ".cache" / "real")
pytestmark = pytest.mark.skipif(
    not (ROOT / "INVENTORY.tsv").exists(),
    reason=f"no real samples at {ROOT}: unpack them there or set CURATE_REAL_DATA",
)

EVERY = [Escapes(), Markup(), Leftovers(), Punctuation(), Lines()]


def lines(name: str) -> list[str]:
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


def fields(name: str) -> Iterator[str]:
    """The instruction, input and output of every row of a JSON array or JSON Lines file."""
    raw = (ROOT / name).read_text(encoding="utf-8")
    rows = json.loads(raw) if raw.startswith("[") else map(json.loads, raw.splitlines())
    for row in rows:
        yield from (row.get(key) or "" for key in ("instruction", "input", "output"))


@pytest.mark.parametrize("name", ["ecqa", "aqua", "creak", "strategyqa"])
def test_literal_line_breaks_of_chain_of_thought_rows(name: str) -> None:
    literal = re.compile(r"(?<!\\)\\n(?![a-z])")
    texts = list(fields(f"cot/formatted_cot_data/{name}_train.json"))
    before = sum(len(literal.findall(text)) for text in texts)
    after = sum(len(literal.findall(Escapes().rewrite(text))) for text in texts)
    assert after <= before // 1000


def test_escapes_in_programs_stay() -> None:
    rewrite = Escapes()
    changed = [
        t for t in fields("alpaca/alpaca_data.json") if "\\" in t and rewrite.rewrite(t) != t
    ]
    assert changed == []


@pytest.mark.parametrize("name", ["coig_exam_sampled_clean_v3", "law_gee_exam_clean_v2"])
def test_blanks_of_exam_questions_stay(name: str) -> None:
    texts = [t for t in fields(f"coig_cqia/exam/{name}.jsonl") if re.search(r"[（(]\s*[)）]", t)]
    assert len(texts) > 200
    changed = sum(Leftovers().rewrite(text).count("（") != text.count("（") for text in texts)
    assert changed <= len(texts) // 200


def test_wiki_left_overs_go() -> None:
    """Fewer than one in six of the hollow brackets and none of the script variants remain."""
    hollow = re.compile(r"（[，、；\s]*）|「」|《》")
    texts = [json.loads(line)["text"] for line in lines("wiki_zh/AA/wiki_00")]
    rewritten = [Leftovers().rewrite(text) for text in texts]
    before, after = (sum(len(hollow.findall(t)) for t in side) for side in (texts, rewritten))
    assert before > 60
    assert after * 6 < before
    assert sum(t.count("-{zh") for t in texts) > 40
    assert sum(t.count("-{zh") for t in rewritten) == 0


def test_navigation_lines_of_web_pages_go() -> None:
    texts = [
        json.loads(line)["raw_content"]
        for line in lines("chinese_web_quality/2021-43/cleared1.jsonl")
    ]
    nav = re.compile(r"^[上下]一[篇条]\s*[:：]", re.MULTILINE)
    assert sum(bool(nav.search(t)) for t in texts) >= 20
    assert not any(nav.search(Leftovers().rewrite(t)) for t in texts)


@pytest.mark.parametrize("rewrite", EVERY, ids=lambda rewrite: rewrite.name)
def test_clean_text_is_left_alone(rewrite: Escapes) -> None:
    """News test sets: edited text, in which a change in more than one line in 500 is a fault."""
    texts = lines("wmt18/newstest2017-zhen.zh") + lines("wmt18/newstest2018-zhen.zh")
    changed = [text for text in texts if rewrite.rewrite(text) != text]
    assert len(changed) * 500 <= len(texts)


@pytest.mark.parametrize("rewrite", EVERY, ids=lambda rewrite: rewrite.name)
def test_idempotent_on_real_texts(rewrite: Escapes) -> None:
    texts = lines("cluecorpus_small/CLUECorpusSmall_sampled.txt")
    texts += fields("coig_cqia/segmentfault/segmentfault_upvote5_clean.jsonl")
    texts += [json.loads(line)["text"] for line in lines("wiki_zh/AA/wiki_00")]
    for text in texts:
        once = rewrite.rewrite(text)
        assert rewrite.rewrite(once) == once
