"""The corpora's own adapters: wmt18, cluecorpus2020 and csl, in every published form."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources.adapter import SourceError
from sources.wmt18 import side_of

Rows = list[dict[str, Any]]
Read = Callable[..., Rows]
Units = Callable[..., dict[str, Rows]]

ZH = "今天开会。\n他们同意了。\n再见。\n"
EN = "We meet today.\nThey agreed.\nGoodbye.\n"
PAIRS = [
    ("今天开会。", "We meet today."), ("他们同意了。", "They agreed."), ("再见。", "Goodbye."),
]  # fmt: skip


def pairs(rows: Rows) -> list[Any]:
    return [row["quarantine"] or (row["zh"], row["en"]) for row in rows]


def texts(rows: Rows) -> list[str]:
    return [row["quarantine"] or row["text"] for row in rows]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("training/news-commentary-v13.zh-en.zh", ("training/news-commentary-v13.zh-en", "zh")),
        ("UNv1.0.en-zh.en", ("UNv1.0.en-zh", "en")),
        ("a/UNv1.0.en-zh.zh.gz", ("a/UNv1.0.en-zh", "zh")),
        ("newstest2018-zhen-src.zh.sgm", ("newstest2018-zhen.sgm", "zh")),
        ("newstest2018-zhen-ref.en.sgm", ("newstest2018-zhen.sgm", "en")),
        ("IWSLT17.TED.dev2010.zh-en.zh.xml", ("IWSLT17.TED.dev2010.zh-en.xml", "zh")),
        ("casia2015/casia2015_ch.txt", ("casia2015/casia2015", "zh")),
        ("datum2017/Book1_cn.txt", ("datum2017/Book1", "zh")),
        ("neu2017/NEU_en.txt", ("neu2017/NEU", "en")),
        ("news-commentary-v13.de-en.de", ("news-commentary-v13.de-en", "de")),
        ("train.jsonl", None),
        ("pairs.tsv", None),
        ("parallel_corpus_en_zh.txt", ("parallel_corpus_en", "zh")),
    ],
)
def test_sides_by_name(name: str, expected: tuple[str, str] | None) -> None:
    assert side_of(name) == expected


def test_aligned_files(units_of: Units) -> None:
    files = {"t/nc.zh-en.zh": ZH, "t/nc.zh-en.en": gzip.compress(EN.encode()), "README": "x"}
    got = units_of("wmt18", files)
    assert {name: pairs(rows) for name, rows in got.items()} == {"t/nc.zh-en": PAIRS}


def test_aligned_files_in_a_tgz_beside_other_languages(units_of: Units) -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as archive:
        for name, text in {
            "training/nc.zh-en.zh": ZH, "training/nc.zh-en.en": EN,
            "training/nc.de-en.de": "Hallo\n", "training/nc.de-en.en": "Hello\n",
        }.items():  # fmt: skip
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    got = units_of("wmt18", {"training-nc.tgz": sink.getvalue()})
    assert {name: pairs(rows) for name, rows in got.items()} == {
        "training-nc.tgz/training/nc.zh-en": PAIRS
    }


def test_sides_of_unequal_length_and_bad_lines(units_of: Units) -> None:
    zh = "一\n\n三\n".encode() + b"\xff\n" + "五\n六\n七\n".encode()
    en = "one\ntwo\n\r\nfour\nfive\n"
    (rows,) = units_of("wmt18", {"x.zh": zh, "x.en": en}).values()
    assert pairs(rows) == [
        ("一", "one"), "empty", "empty", "bad_utf8", ("五", "five"), "misaligned", "misaligned",
    ]  # fmt: skip
    assert rows[1]["detail"] == "zh is empty"
    assert rows[3]["detail"].startswith("zh: ")
    assert "en side ended at line 5" in rows[6]["detail"]
    (rows,) = units_of("wmt18", {"x.zh": "", "x.en": "one\n"}).values()
    assert pairs(rows) == ["misaligned"]


def test_long_files_stay_aligned(units_of: Units) -> None:
    zh = "".join(f"第{i}行\n" for i in range(300_000))
    en = "".join(f"line {i} {'x' * (i % 90)}\n" for i in range(300_000))
    (rows,) = units_of("wmt18", {"x.zh": zh, "x.en": en}).values()
    assert len(rows) == 300_000
    assert all(r["zh"][1:-1] == r["en"].split()[1] for r in rows)


def test_line_separators_inside_a_line_do_not_shift(units_of: Units) -> None:
    (rows,) = units_of("wmt18", {"x.zh": "一\u2028甲\n二\n", "x.en": "one\x0c\ntwo\n"}).values()
    assert pairs(rows) == [("一\u2028甲", "one\x0c"), ("二", "two")]


SRC = """<srcset setid="t" srclang="any" trglang="en">
<doc sysid="ref" docid="d1" genre="news" origlang="zh">
<p><seg id="1">甲 &amp; 乙</seg>
<seg id="2">丙&#33;</seg></p>
</doc>
<DOC docid='d2'><seg id="1">丁</seg><seg id="2">只有中文</seg></DOC>
</srcset>"""
REF = """<refset setid="t" srclang="any" trglang="en">
<doc sysid="ref" docid="d2"><hl><seg id="1">D &lt;3</seg></hl>
<seg id="9">only English</seg></doc>
<doc sysid="ref" docid="d1">
<seg id="2">C</seg>
<seg id="1">A and B</seg>
</doc></refset>"""


def test_sgml_by_document_and_segment(units_of: Units) -> None:
    files = {"dev/nt-zhen-src.zh.sgm": SRC, "dev/nt-zhen-ref.en.sgm": REF}
    got = units_of("wmt18", files)
    (rows,) = got.values()
    assert list(got) == ["dev/nt-zhen.sgm"]
    assert pairs(rows) == [
        ("甲 & 乙", "A and B"), ("丙!", "C"), ("丁", "D <3"), "misaligned", "misaligned",
    ]  # fmt: skip
    assert rows[2]["meta"] == {"doc": "d2", "seg": "1"}
    assert "'d2' segment '9' has no zh side" in rows[4]["detail"]
    files["dev/nt-zhen-ref.en.sgm"] = REF.encode()[:-60]
    (rows,) = units_of("wmt18", files).values()
    assert pairs(rows)[0] == "misaligned" and pairs(rows)[-1] == "truncated"


def test_sgm_that_is_plain_text(units_of: Units) -> None:
    got = units_of("wmt18", {"t-src.zh.sgm": ZH.replace("\n", "\r\n"), "t-ref.en.sgm": EN})
    assert pairs(got["t.sgm"]) == PAIRS
    with pytest.raises(SourceError, match="must have one format"):
        units_of("wmt18", {"t-src.zh.sgm": SRC})


def test_one_side_alone(units_of: Units) -> None:
    got = units_of("wmt18", {"t-src.zh.sgm": ZH, "u-src.zh.sgm": SRC, "v.en": EN})
    assert [pairs(rows) for rows in got.values()] == [
        ["one_sided"] * 3, ["one_sided"] * 4, ["one_sided"] * 3,
    ]  # fmt: skip


@pytest.mark.parametrize("swap", [False, True])
def test_tables_of_two_columns(rows_of: Read, swap: bool) -> None:
    rows = [pair[::-1] if swap else pair for pair in PAIRS]
    tsv = "".join("\t".join(row) + "\n" for row in rows) + 'a "b\n'
    assert pairs(rows_of("wmt18", tsv, "t.txt")) == [*PAIRS, "wrong_columns"]
    comma = "0,1\n" + "".join(f'"{a}",{b}\n' for a, b in rows)
    assert pairs(rows_of("wmt18", comma, "t.csv")) == PAIRS
    named = ("en\tzh\n" if swap else "zh\ten\n") + "".join("\t".join(row) + "\n" for row in rows)
    assert pairs(rows_of("wmt18", named, "t.tsv")) == PAIRS


def test_tables_that_do_not_say_which_side_is_which(rows_of: Read) -> None:
    with pytest.raises(SourceError, match="no telling"):
        rows_of("wmt18", "a\tb\nc\td\n")
    with pytest.raises(SourceError, match="3 columns"):
        rows_of("wmt18", "好\ta\t0.5\n坏\tb\t0.4\n")
    with pytest.raises(SourceError, match=r"\.zh, \.en"):
        rows_of("wmt18", "一行文字\n又一行\n")


@pytest.mark.parametrize(
    "make",
    [
        lambda zh, en: {"translation": {"zh": zh, "en": en}},
        lambda zh, en: {"en": en, "zh": zh},
        lambda zh, en: {"english": en, "chinese": zh},
    ],
)
def test_records(rows_of: Read, make: Callable[[str, str], Any]) -> None:
    records = [make(*pair) for pair in PAIRS]
    lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
    assert pairs(rows_of("wmt18", lines, "t.json")) == PAIRS
    assert pairs(rows_of("wmt18", json.dumps(records, indent=2), "t.json")) == PAIRS
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), sink)
    rows = rows_of("wmt18", sink.getvalue(), "t.parquet")
    assert pairs(rows) == PAIRS and rows[0]["meta"] is None
    cut = rows_of("wmt18", lines.encode()[:-20], "t.json")
    assert pairs(cut) == [*PAIRS[:2], "truncated"]


def test_records_keep_the_rest(rows_of: Read) -> None:
    rows = rows_of("wmt18", '{"en": "a", "zh": "一", "index": 7}\n{"en": null, "zh": "二"}\n')
    assert pairs(rows) == [("一", "a"), "not_text"] and rows[0]["meta"] == {"index": 7}
    with pytest.raises(SourceError, match="neither translation"):
        rows_of("wmt18", '{"text": "一"}\n')


def test_clue_documents_a_line(rows_of: Read) -> None:
    assert texts(rows_of("cluecorpus2020", "一篇。\n\n二篇。\n" * 2)) == (
        ["一篇。", "empty", "二篇。"] * 2
    )


def test_clue_sentences_a_line(rows_of: Read) -> None:
    data = "一句。\n又一句。\n\n另一篇。\n有三句。\n到此。\n\n\n最后。\n"
    docs = ["一句。\n又一句。", "另一篇。\n有三句。\n到此。", "最后。"]
    assert texts(rows_of("cluecorpus2020", data)) == docs
    assert texts(rows_of("cluecorpus2020", data, documents="blank_line")) == docs
    assert len(rows_of("cluecorpus2020", data, documents="line")) == 9


def test_clue_json_forms(units_of: Units) -> None:
    files = {
        "wiki_zh/AA/wiki_00": '{"id": "13", "url": "u", "title": "数学", '
        '"text": "数学\\n\\n学科"}\n'
        '{"id": "14", "url": "u", "title": "天文", "text": "星星"}\n',
        "web/train.json": '{"qid": 1, "title": "问", "desc": "", "topic": "t", "star": 3, '
        '"content": "答"}\n{"qid": 2, "title": "问", "desc": "问", "content": "答"}\n',
        "news.json": '{"news_id": "1", "keywords": "k", "desc": "d", "title": "题", "source": "s",'
        ' "time": "03-1", "content": "文"}\n{"title": "题", "content": null}\n{"title": "题"}\n',
        "comments.jsonl": '{"comment": "好", "star": 5}\n',
    }
    got = units_of("cluecorpus2020", files)
    assert {name: texts(rows) for name, rows in got.items()} == {
        "comments.jsonl": ["好"],
        "news.json": ["题\n文", "not_text", "missing_field"],
        "web/train.json": ["问\n答", "问\n答"],
        "wiki_zh/AA/wiki_00": ["数学\n\n学科", "天文\n星星"],
    }
    assert got["wiki_zh/AA/wiki_00"][0]["meta"] == {"id": "13", "url": "u", "title": "数学"}
    assert got["web/train.json"][0]["meta"] == {"qid": 1, "topic": "t", "star": 3}
    assert got["comments.jsonl"][0]["meta"] == {"star": 5}
    news = got["news.json"]
    assert news[0]["meta"] == {
        "news_id": "1", "keywords": "k", "desc": "d", "source": "s", "time": "03-1",
    }  # fmt: skip
    assert news[1]["detail"] == "'content' is null, not text"


def test_clue_stray_blank_lines_do_not_glue_comments(rows_of: Read) -> None:
    comments = [f"第{i}条评论，很好。" for i in range(200)]
    data = "\n".join([*comments[:60], "", *comments[60:130], "", *comments[130:]])
    rows = rows_of("cluecorpus2020", data)
    assert [text for text in texts(rows) if text != "empty"] == comments
    assert texts(rows).count("empty") == 2


PAPERS = [
    ("题目一", '摘要"一', "词甲_词乙", "水产", "农学"),
    ("题目二", "摘要二", "词丙", "数学", "理学"),
]
NAMES = ("title", "abstract", "keywords", "discipline", "category")


def papers(rows: Rows) -> list[Any]:
    return [row["quarantine"] or tuple(row[name] for name in NAMES) for row in rows]


def test_csl_table(rows_of: Read) -> None:
    table = "".join("\t".join(paper) + "\n" for paper in PAPERS)
    assert papers(rows_of("csl", table)) == PAPERS
    assert papers(rows_of("csl", "\t".join(NAMES) + "\n" + table)) == PAPERS
    rows = rows_of("csl", table + "a\tb\n\t\tk\td\tc\n\n")
    assert papers(rows) == [*PAPERS, "wrong_columns", "empty", "empty"]


def test_csl_records(rows_of: Read) -> None:
    records: list[dict[str, Any]] = [dict(zip(NAMES, paper, strict=True)) for paper in PAPERS]
    records[0] |= {"keywords": ["词甲", "词乙"], "doc_id": "x1"}
    lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
    rows = rows_of("csl", lines)
    assert papers(rows) == PAPERS and rows[0]["meta"] == {"doc_id": "x1"}
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([r | {"keywords": ["a", "b"]} for r in records]), sink)
    rows = rows_of("csl", sink.getvalue())
    assert papers(rows) == [(*p[:2], "a_b", *p[3:]) for p in PAPERS]
    bare = rows_of("csl", '{"title": "题", "abstract": "文"}\n{"title": "题"}\n')
    assert papers(bare) == [("题", "文", "", "", ""), "missing_field"]


def test_csl_benchmark_tasks_are_refused_by_line(rows_of: Read) -> None:
    rows = rows_of("csl", "to title\t文\t题\nto category\t文\t医学\n")
    assert papers(rows) == ["benchmark_task"] * 2
    assert "csl_camera_readly.tsv" in rows[0]["detail"]
