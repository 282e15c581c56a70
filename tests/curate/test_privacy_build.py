"""Personal data through a whole build: counted in the ledger, nowhere in the clear."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.build import Build, Options, Result
from curate.errors import RecipeError
from curate.recipe import parsed
from tests.curate.corpus import fingerprints, sentence

PHONE = "13912345678"
MAIL = "zhang_1@example.com.cn"
IDENTITY = "11010519491231002X"
SECRETS = (PHONE, MAIL, IDENTITY)

RECIPE = """
name: private
sources:
  - {{name: jsonl, label: web, path: {root}/web.jsonl}}
  - {{name: jsonl, label: raw, path: {root}/raw.jsonl, rewrite: {{privacy: false}}}}
output: {{jsonl: true}}
"""


def write(root: Path) -> None:
    root.mkdir()
    rows = [
        {"text": sentence(1)},
        {"text": sentence(2) + f"电话：{PHONE}，{PHONE[:3]}-{PHONE[3:7]}-{PHONE[7:]}。"},
        {"text": sentence(3) + f"邮箱{MAIL}", "author": MAIL, "phone": int(PHONE), "n": 7},
        {"text": sentence(4) + f"身份证{IDENTITY}"},
        {"text": sentence(2) + "电话：13888887777，139-8888-7777。"},
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    lines.append('{"text": "坏的行 ' + PHONE)
    (root / "web.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (root / "raw.jsonl").write_text(json.dumps({"text": sentence(9)}), encoding="utf-8")


def built(root: Path, out: Path, extra: str = "", workers: int = 1) -> Result:
    recipe = parsed(RECIPE.format(root=root) + extra)
    return Build(recipe, Options(out=out, workers=workers)).run()


def ledger(result: Result) -> dict[str, dict]:
    return {row["id"]: row for row in pq.read_table(result.folder / "ledger").to_pylist()}


def test_masked_counted_and_nowhere_in_the_clear(tmp_path):
    write(tmp_path / "in")
    result = built(tmp_path / "in", tmp_path / "out")
    rows = ledger(result)
    counts = {
        k: {c.removeprefix("privacy_"): v for c, v in row.items() if c.startswith("privacy_") and v}
        for k, row in rows.items()
    }
    assert counts["web/web.jsonl#000000001"] == {}
    assert counts["web/web.jsonl#000000002"] == {"phone": 2}
    # Once in the text; author and phone in the metadata.
    assert counts["web/web.jsonl#000000003"] == {"email": 2, "phone": 1}
    assert counts["web/web.jsonl#000000004"] == {"identity": 1}
    assert rows["web/web.jsonl#000000002"]["rewrites"] == "privacy"
    assert rows["web/web.jsonl#000000006"]["status"] == "quarantined"
    assert rows["web/web.jsonl#000000006"]["privacy_phone"] is None
    assert rows["raw/raw.jsonl#000000001"]["privacy_phone"] is None
    # Two texts that differ only in their numbers are one text now.
    assert rows["web/web.jsonl#000000005"]["reason"] == "exact_duplicate"
    data = {row["id"]: row for row in pq.read_table(result.folder / "data").to_pylist()}
    assert data["web/web.jsonl#000000002"]["text"].endswith("电话：<手机号>，<手机号>。")
    assert json.loads(data["web/web.jsonl#000000003"]["meta"]) == {
        "author": "<EMAIL>",
        "phone": "<PHONE NUMBER>",
        "n": 7,
    }
    everything = str(rows) + str(data) + (result.folder / "manifest.json").read_text()
    assert not [secret for secret in SECRETS if secret in everything]


def test_a_kind_that_is_not_tolerated_drops_the_row(tmp_path):
    write(tmp_path / "in")
    extra = (
        "rewrite: {privacy: {identity: drop, email: keep}}\nquality: {privacy_phone: {max: 1}}\n"
    )
    rows = ledger(built(tmp_path / "in", tmp_path / "out", extra))
    dropped = rows["web/web.jsonl#000000004"]
    assert (dropped["stage"], dropped["reason"]) == ("decide", "privacy.identity")
    assert (dropped["measure"], dropped["limit"]) == ("privacy_identity=1", "max 0")
    limited = rows["web/web.jsonl#000000002"]
    assert (limited["reason"], limited["measure"]) == (
        "quality.privacy_phone.max",
        "privacy_phone=2",
    )
    assert rows["web/web.jsonl#000000003"]["status"] == "kept"
    assert rows["web/web.jsonl#000000003"]["privacy_email"] == 2
    assert rows["raw/raw.jsonl#000000001"]["status"] == "kept"
    assert rows["web/web.jsonl#000000001"]["status"] == "kept"


def test_same_bytes_for_any_number_of_workers(tmp_path):
    write(tmp_path / "in")
    first = fingerprints(built(tmp_path / "in", tmp_path / "one").folder)
    assert fingerprints(built(tmp_path / "in", tmp_path / "two", workers=2).folder) == first


def test_an_unknown_policy_or_kind_is_explained(tmp_path):
    for extra, said in (
        ("rewrite: {privacy: {phone: hide}}\n", "mask"),
        ("rewrite: {privacy: {phones: mask}}\n", "'phone'"),
        ("quality: {privacy_phones: {max: 0}}\n", "'privacy_phone'"),
    ):
        with pytest.raises(RecipeError, match=said):
            parsed(RECIPE.format(root=tmp_path) + extra)


def test_what_was_seen_of_a_bad_row_is_masked(tmp_path):
    (tmp_path / "in").mkdir()
    rows = "text,name\n" + "".join(f"{sentence(i)},甲\n" for i in range(30))
    (tmp_path / "in" / "a.csv").write_text(rows + f"电话{PHONE},a,b,c\n", encoding="utf-8")
    recipe = parsed(f"name: bad\nsources: [{{name: csv, path: {tmp_path}/in/a.csv, text: text}}]\n")
    result = Build(recipe, Options(out=tmp_path / "out")).run()
    [row] = [row for row in ledger(result).values() if row["status"] == "quarantined"]
    assert row["reason"] == "wrong_columns"
    assert "电话<手机号>" in row["detail"] and PHONE not in str(ledger(result))
