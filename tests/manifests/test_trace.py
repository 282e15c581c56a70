"""One row's life: from its source's file to where it ended."""

from __future__ import annotations

import gzip
import json
import shutil

import pyarrow.parquet as pq
import pytest
import zstandard

from curate.build import Build, Options
from curate.cli_trace import limit_words
from curate.history import history
from curate.recipe import parsed
from manifests.opened import ManifestError, open_build
from manifests.trace import build_with, limits, padded, trace
from tests.curate.corpus import sentence
from tests.manifests.builds import as_version_1, copied, small_build


def life(build, row_id):
    found = trace(build, row_id)
    return found | history(build, found)


def test_a_kept_row_that_was_rewritten(build):
    row = life(build, "web/part-0.jsonl#8")
    assert row["id"] == "web/part-0.jsonl#000000008"
    assert row["fate"]["status"] == "kept"
    [file] = row["upstream"]["inputs"]
    assert row["upstream"]["row"] == 8 and file["file"] == "part-0.jsonl"
    before = "這裏的圖書館　　" + sentence(7) + "\u200b"
    assert row["original"]["fields"] == {"text": before}
    assert row["original"]["meta"] == '{"n":7}'
    assert row["rewrites"] == [change["step"] for change in row["changes"]]
    assert row["rewrites"] == ["invisible", "spaces", "script"]
    # Each change begins where the one before ended, and the last is what was kept.
    assert row["changes"][0]["before"] == before
    for one, other in zip(row["changes"], row["changes"][1:], strict=False):
        assert one["after"] == other["before"]
    assert row["changes"][-1]["after"] == row["text"]
    assert row["text"].startswith("这里的图书馆") and row["notes"] == []


def test_where_a_kept_row_ended(build):
    row = trace(build, "web/part-1.jsonl.gz#2")
    ended = row["ended"]
    data = pq.read_table(build.folder / ended["file"]).to_pylist()
    assert data[ended["position"]]["id"] == row["id"]
    assert [line["file"] for line in ended["lines"]] == [
        "jsonl/00000.jsonl.zst",
        "text/00000.txt.zst",
    ]
    for line in ended["lines"]:
        raw = (build.folder / line["file"]).read_bytes()
        lines = zstandard.ZstdDecompressor().stream_reader(raw).read().decode().splitlines()
        found = lines[line["line"] - 1]
        assert row["text"] in (found, json.loads(found)["text"] if found[0] == "{" else "")


def test_a_row_lost_to_another(build):
    row = life(build, "web/part-0.jsonl#6")
    assert row["fate"]["stage"] == "near"
    winner = row["duplicate_of"]
    assert winner["id"] == "web/part-0.jsonl#000000005"
    assert winner["text"] == sentence(4)
    assert row["text"] == sentence(4).replace("，", "", 1) + "完"
    assert 0.8 <= winner["similarity"] < 1
    assert row["ended"] is None and row["duplicates"]["count"] == 0
    won = trace(build, winner["id"])["duplicates"]
    assert won["count"] == 1
    assert won["rows"] == [{"id": row["id"], "stage": "near", "similarity": winner["similarity"]}]


def test_a_row_that_missed_a_limit(build):
    row = life(build, "web/part-0.jsonl#10")
    assert row["fate"] == {
        "status": "dropped",
        "stage": "decide",
        "reason": "language",
        "measure": "lang=en",
        "limit": "one of zh zh-Hant yue lzh und",
        "detail": None,
    }
    measures = {measure["column"]: measure for measure in row["measures"]}
    assert measures["lang"]["one_of"] == ["zh", "zh-Hant", "yue", "lzh", "und"]
    assert measures["characters"] == {"column": "characters", "value": 73, "min": 1.0}
    assert row["text"].startswith("The ferry")


def test_a_row_that_could_not_be_read(build):
    row = life(build, "web/part-0.jsonl#12")
    assert row["fate"]["status"] == "quarantined" and row["fate"]["reason"] == "bad_json"
    assert row["text"] is None and row["original"] is None and row["measures"] == []


def test_every_row_of_the_build_can_be_traced(build):
    for row in pq.read_table(build.folder / "ledger").to_pylist():
        found = life(build, row["id"])
        assert found["notes"] == [], found["notes"]
        assert found["fate"]["status"] == row["status"]
        if row["status"] != "quarantined":
            assert len(found["text"]) == row["characters"]


def without_work(tmp_path, files=2):
    built = small_build(tmp_path, files=files)
    shutil.rmtree(built.folder / ".work")
    return open_build(built.folder)


def test_without_intermediates_the_source_is_read_again(tmp_path):
    build = without_work(tmp_path)
    row = life(build, "web/part-1.jsonl.gz#8")
    assert row["original"]["read_from"] == str(tmp_path / "in/part-1.jsonl.gz")
    assert row["changes"][-1]["after"] == row["text"]
    dropped = life(build, "web/part-1.jsonl.gz#6")
    assert dropped["text"] == sentence(10_004).replace("，", "", 1) + "完"
    assert not (build.folder / ".work").exists()


def test_a_source_that_changed_is_not_believed(tmp_path):
    build = without_work(tmp_path)
    path = tmp_path / "in/part-1.jsonl.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"\n", mtime=0))
    row = life(build, "web/part-1.jsonl.gz#8")
    assert row["original"] is None and row["changes"] == []
    assert "its checksum differs" in row["notes"][0]
    assert row["text"].startswith("这里的图书馆")


def test_a_source_that_is_gone(tmp_path):
    build = without_work(tmp_path)
    shutil.rmtree(tmp_path / "in")
    row = life(build, "web/part-0.jsonl#6")
    assert row["text"] is None and "cannot be read any more" in row["notes"][0]
    assert row["duplicate_of"]["text"] == sentence(4)


def test_a_run_record_that_is_gone_or_changed(tmp_path):
    build = without_work(tmp_path)
    path = build.folder / "run.json"
    path.write_text(path.read_text().replace(str(tmp_path), "/somewhere"))
    assert "not reliably" in life(build, "web/part-0.jsonl#8")["notes"][0]
    path.unlink()
    assert "is missing" in life(build, "web/part-0.jsonl#8")["notes"][0]


def test_steps_and_adapters_of_someones_own_are_not_run(build, tmp_path, monkeypatch):
    folder = copied(build, tmp_path / "copy", work=True)
    opened = open_build(folder)
    for step in opened.manifest["sources"]["web"]["rewrites"]:
        if step["step"] == "spaces":
            step["class"] = "os:system"
    row = life(opened, "web/part-0.jsonl#8")
    assert [change["step"] for change in row["changes"]] == ["invisible"]
    assert row["notes"] == ["os:system is a step of someone's own, which is not run here"]
    shutil.rmtree(folder / ".work")
    opened.manifest["recipe"]["sources"][0]["name"] = "os:system"
    assert "is not run here" in life(opened, "web/part-0.jsonl#8")["notes"][0]


def test_another_version_of_a_step_is_said(build):
    opened = open_build(build.folder)
    for step in opened.manifest["sources"]["web"]["rewrites"]:
        step["version"] = 99
    notes = life(opened, "web/part-0.jsonl#8")["notes"]
    assert len(notes) == 3 and "the build used version 99 of invisible" in notes[0]


def test_a_moved_build(build, tmp_path):
    moved = open_build(copied(build, tmp_path / "elsewhere", work=True))
    row = life(moved, "web/part-0.jsonl#8")
    assert row["original"]["read_from"].startswith(str(tmp_path / "elsewhere"))


def test_an_older_build(build, tmp_path):
    older = open_build(as_version_1(copied(build, tmp_path / "copy")))
    row = life(older, "web/part-0.jsonl#8")
    assert row["upstream"]["inputs"][0]["file"] == "part-0.jsonl"
    assert row["text"] == life(build, "web/part-0.jsonl#8")["text"]
    assert "where the source lay" in row["notes"][0]


def test_archives_and_pairs(tmp_path):
    import zipfile

    source = tmp_path / "in"
    source.mkdir()
    with zipfile.ZipFile(source / "pairs.zip", "w") as archive:
        archive.writestr("deep/talks.zh", "這是第一句。\n這是　　第二句。\n")
        archive.writestr("deep/talks.en", "This is the first.\nThis is  the second.\n")
    recipe = parsed(f"name: pairs\nsources:\n  - {{name: wmt18, path: {source}}}\n")
    build = open_build(
        Build(recipe, Options(tmp_path / "out", recipe_folder=tmp_path)).run().folder
    )
    for folder in (build.folder / ".work", None):
        row = life(build, "wmt18/pairs.zip/deep/talks#2")
        assert row["original"]["fields"] == {
            "zh": "這是　　第二句。",
            "en": "This is  the second.",
        }
        assert {(c["step"], c["field"]) for c in row["changes"]} == {
            *(("spaces", "zh"), ("spaces", "en"), ("script", "zh")),
        }
        assert row["text"] == "这是 第二句。\nThis is the second."
        names = [found["file"] for found in row["upstream"]["inputs"]]
        assert names[0] == "pairs.zip"
        assert set(names[1:]) == {"pairs.zip/deep/talks.zh", "pairs.zip/deep/talks.en"}
        if folder is not None:
            shutil.rmtree(folder)


def test_rows_that_are_not_there(build):
    with pytest.raises(ManifestError, match=r"ids look like web/part-0.jsonl#000000001"):
        trace(build, "web/part-0.jsonl#99")


def test_ids_may_be_written_short():
    assert padded("web/a#b.txt#12") == "web/a#b.txt#000000012"
    assert padded("web/a.txt#000000012") == "web/a.txt#000000012"
    assert padded("web") == "web"


def test_the_build_with_a_row_is_found(build, tmp_path):
    copied(build, tmp_path / "one")
    assert build_with("web/part-0.jsonl#8", tmp_path).folder == tmp_path / "one"
    with pytest.raises(ManifestError, match="give the build's folder"):
        build_with("web/nothing#8", tmp_path)
    copied(build, tmp_path / "two")
    with pytest.raises(ManifestError, match=r"one, .*two all have a row"):
        build_with("web/part-0.jsonl#8", tmp_path)


def test_limits_of_a_recipe():
    recipe = parsed(
        "name: x\nsources: [{name: text, path: x}]\n"
        "quality: {han_ratio: {min: 0, from_characters: 5}, characters: {max: 9}}\n"
        "language: {zh: [zh], en: [en]}\n"
    )
    assert limits(recipe.model_dump(mode="json")) == {
        "characters": {"max": 9.0},
        "han_ratio": {"min": 0.0, "from_characters": 5},
        "copied_share": {"max": 0.8},
        "length_z": {"min": -8.0, "max": 8.0},
        "lang": {"one_of": ["zh", "zh-Hant", "yue", "lzh", "und"]},
        "zh_lang": {"one_of": ["zh"]},
        "en_lang": {"one_of": ["en"]},
    }
    assert limits({"language": None, "quality": {}}) == {}


def test_limits_in_words():
    assert limit_words({"column": "characters"}) == ""
    assert limit_words({"min": 0.0, "max": 2.5, "from_characters": 1000}) == (
        "min 0, max 2.5 from 1,000 characters"
    )
    assert limit_words({"one_of": ["zh", "und"]}) == "one of zh und"


def test_personal_data_is_masked_at_every_stage(tmp_path):
    (tmp_path / "in").mkdir()
    texts = [
        "有事请拨打13812345678联系王师傅。",
        "手机１３８１２３４５６７８，　欢迎来电。",
        "微信：zhang_san88，谢谢。",
    ]
    lines = [json.dumps({"text": t, "note": "13912345678"}, ensure_ascii=False) for t in texts]
    (tmp_path / "in/a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    recipe = parsed(f"name: p\nsources: [{{name: jsonl, path: {tmp_path}/in}}]")
    folder = Build(recipe, Options(tmp_path / "out", workers=1)).run().folder
    for row in (1, 2, 3):
        shown = json.dumps(life(open_build(folder), f"jsonl/a.jsonl#{row}"), ensure_ascii=False)
        assert "12345678" not in shown and "１２３４" not in shown and "zhang_san" not in shown
        assert ("<微信号>" if row == 3 else "<手机号>") in shown
