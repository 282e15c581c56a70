"""The generic adapters: text, jsonl, csv, tsv, parquet and hub."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.adapter import InputFile, SourceError
from sources.registry import adapter

Rows = list[dict[str, Any]]
Read = Callable[..., Rows]
anything = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
PACK: list[Callable[[bytes], bytes]] = [
    bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress,
]  # fmt: skip


def found(rows: Rows, *fields: str) -> list[Any]:
    """Texts of the rows, with the reason in place of the quarantined ones."""
    fields = fields or ("text",)
    return [
        row["quarantine"] or (row[fields[0]] if len(fields) == 1 else tuple(row[f] for f in fields))
        for row in rows
    ]


def parquet(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


# Texts that hold something, in characters every format can carry.
texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"), min_size=1
).map(lambda text: "字" + text)
MB = st.just(1)


@anything
@given(rows=st.lists(texts, min_size=1), pack=st.sampled_from(PACK), closed=st.booleans())
def test_round_trips(
    rows_of: Read, rows: list[str], pack: Callable[[bytes], bytes], closed: bool
) -> None:
    end = "\n" if closed else ""
    plain = "\n".join(rows) + end
    assert found(rows_of("text", pack(plain.encode()), documents="line")) == rows
    lines = "\n".join(json.dumps({"text": t}, ensure_ascii=False) for t in rows) + end
    assert found(rows_of("jsonl", pack(lines.encode()))) == rows
    array = json.dumps([{"id": i, "text": t} for i, t in enumerate(rows)], indent=1)
    assert found(rows_of("jsonl", pack(array.encode()))) == rows
    table = io.StringIO()
    csv.writer(table).writerows([["id", "text"], *([str(i), t] for i, t in enumerate(rows))])
    assert found(rows_of("csv", pack(table.getvalue().encode()), text="text")) == rows
    tsv = "id\ttext\n" + "".join(f"{i}\t{t}\n" for i, t in enumerate(rows))
    assert found(rows_of("tsv", pack(tsv.encode()), text="text")) == rows
    assert found(rows_of("parquet", parquet(text=rows))) == rows
    for data in (lines, array, parquet(text=rows)):
        raw = data if isinstance(data, bytes) else data.encode()
        assert found(rows_of("hub", raw)) == rows


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "gb18030", "big5"])
def test_encodings(rows_of: Read, encoding: str) -> None:
    lines = ["我們今天開會，討論三個問題。", "大家都很高興，說了很多話。"] * 4
    if encoding == "utf-16-be":
        lines = [*lines, "Hello"]
    data = "\r\n".join(lines).encode(encoding)
    assert found(rows_of("text", data)) == lines
    body = "\n".join(json.dumps({"text": t}, ensure_ascii=False) for t in lines).encode(encoding)
    assert found(rows_of("jsonl", body)) == lines
    table = "\n".join(["n,text", *(f"1,{t}" for t in lines)]).encode(encoding)
    assert found(rows_of("csv", table)) == lines


def test_encoding_option(rows_of: Read) -> None:
    data = "啊\n".encode("gb18030") + b"\xff\n" + "好\n".encode("gb18030")
    rows = rows_of("text", data, encoding="gbk")
    assert found(rows) == ["啊", "bad_encoding", "好"]
    assert "gbk" in rows[1]["detail"]


def test_text_lines(rows_of: Read) -> None:
    rows = rows_of("text", "一\n\n　\n二\r\n" + "三")
    assert found(rows) == ["一", "empty", "empty", "二", "三"]
    assert rows_of("text", "") == []
    assert found(rows_of("text", b"a\n\xe4\xb8\n\xe4\xb8\xad\n")) == ["a", "bad_utf8", "中"]


def test_text_documents_and_files(rows_of: Read) -> None:
    data = "一\n二\n\n\n三\n"
    assert found(rows_of("text", data, documents="blank_line")) == ["一\n二", "三"]
    assert found(rows_of("text", data, documents="file")) == ["一\n二\n\n\n三"]
    assert found(rows_of("text", " \n", documents="file")) == ["empty"]
    assert found(rows_of("text", b"a\xff", documents="file")) == ["bad_utf8"]


@pytest.mark.parametrize("name", ["text", "jsonl", "csv", "hub"])
def test_cut_gzip(rows_of: Read, name: str) -> None:
    header = "n,text\n" if name == "csv" else ""
    line = {"csv": "{0},第{0}行字\n", "text": "第{0}行字\n"}.get(name, '{{"text": "第{0}行字"}}\n')
    data = header + "".join(line.format(i) for i in range(50_000))
    packed = gzip.compress(data.encode())
    rows = rows_of(name, packed[: len(packed) // 2])
    assert len(rows) > 1000
    assert found(rows)[:-1] == [f"第{i}行字" for i in range(len(rows) - 1)]
    assert rows[-1]["quarantine"] == "truncated"
    assert str(len(packed) // 2) in rows[-1]["detail"]


def test_gzip_bomb_in_a_stream(rows_of: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    import sources.stream as stream

    bounds = stream.Bounds(ratio=50, ratio_from=1 << 20)
    monkeypatch.setattr(stream.Blocks.__init__, "__defaults__", ("utf-8", bounds, stream.BLOCK))
    rows = rows_of("text", gzip.compress(b"a\n" + bytes(20 << 20)), encoding="utf-8")
    assert rows[-1]["quarantine"] in ("bomb", "not_text_file")


def test_50_mb_line(rows_of: Read) -> None:
    long = "长" * (50 * (1 << 20) // 3)
    data = f"a\n{long}\nb"
    rows = rows_of("text", data)
    assert [len(row["text"]) for row in rows] == [1, len(long), 1]
    rows = rows_of("text", data, max_row_mb=8)
    assert found(rows) == ["a", "too_long", "b"] and "8 MB" in rows[1]["detail"]
    rows = rows_of("jsonl", f'{{"text":"a"}}\n{{"text":"{long}"}}\n{{"text":"b"}}', max_row_mb=8)
    assert found(rows) == ["a", "too_long", "b"]
    rows = rows_of("jsonl", f'[{{"text":"a"}},{{"text":"{long}"}},{{"text":"b"}}]', max_row_mb=8)
    assert found(rows) == ["a", "too_long", "b"]


BAD_FILES = {
    "lfs_pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n",
    "html_page": b"<html><body>Not found</body></html>",
    "not_text_file": b"%PDF-1.7 ...",
}


@pytest.mark.parametrize("name", ["text", "jsonl", "csv", "parquet", "hub", "wmt18", "csl"])
@pytest.mark.parametrize("reason", BAD_FILES)
def test_files_that_are_no_data_are_one_row(rows_of: Read, name: str, reason: str) -> None:
    assert [row["quarantine"] for row in rows_of(name, BAD_FILES[reason])] == [reason]


@pytest.mark.parametrize("name", ["text", "jsonl", "csv", "parquet", "hub", "wmt18", "csl"])
def test_empty_file_and_folder(rows_of: Read, tmp_path: Path, name: str) -> None:
    assert rows_of(name, b"") == []
    folder = tmp_path / "folder.txt"
    folder.mkdir()
    reader = adapter(name)
    (unit,) = reader.units([InputFile(folder, "folder.txt")])
    (batch,) = reader.read(unit)
    assert batch.column("quarantine").to_pylist() == ["not_a_file"]


def test_jsonl_fields(rows_of: Read) -> None:
    data = "\n".join([
        '{"text": "一", "n": 1, "tags": ["甲"]}',
        '{"text": null}', '{"text": 3}', '{"text": ["一"]}', '{"text": {"a": 1}}', '{"text": true}',
        '{"txt": "一"}', '{"text": ""}', '["一"]', "nonsense", "", '{"text": "二"}',
    ])  # fmt: skip
    rows = rows_of("jsonl", data)
    assert found(rows) == [
        "一", "not_text", "not_text", "not_text", "not_text", "not_text", "missing_field", "empty",
        "not_object", "bad_json", "empty", "二",
    ]  # fmt: skip
    assert rows[0]["meta"] == {"n": 1, "tags": ["甲"]}
    assert rows[11]["meta"] is None
    assert "'text' is null" in rows[1]["detail"] and "a list" in rows[3]["detail"]
    assert "txt" in rows[6]["detail"]


def test_jsonl_several_fields_and_nested_ones(rows_of: Read) -> None:
    data = '{"a": "一", "b": {"c": "二", "d": 1}}\n{"a": "", "b": {"c": "三"}}\n{"b": {}}\n'
    rows = rows_of("jsonl", data, text=["a", "b.c"], join="|")
    assert found(rows) == ["一|二", "三", "missing_field"]
    assert rows[0]["meta"] == {"b": {"d": 1}}
    rows = rows_of("jsonl", data, text="b.c", meta=["b.d"])
    assert found(rows) == ["二", "三", "missing_field"]
    assert [row["meta"] for row in rows] == [{"b.d": 1}, None, None]


def test_jsonl_pairs(rows_of: Read) -> None:
    data = '{"z": "好", "e": "good", "s": 0.5}\n{"z": "", "e": "x"}\n{"z": "一"}\n'
    rows = rows_of("jsonl", data, zh="z", en="e")
    assert found(rows, "zh", "en") == [("好", "good"), "empty", "missing_field"]
    assert "zh is empty" in rows[1]["detail"]
    assert rows[0]["meta"] == {"s": 0.5}


def test_repeated_keys(rows_of: Read) -> None:
    data = '{"text": "一", "text": "二"}\n{"text": "三", "n": 1, "n": 2}\n{"text":"四","text":"四"}'
    rows = rows_of("jsonl", data)
    assert found(rows) == ["repeated_key", "三", "四"]
    assert rows[1]["meta"] == {"n": 2, "repeated_keys": ["n"]}


def test_csv_columns(rows_of: Read) -> None:
    data = 'label,review\n1,"好吃，\n""便宜"""\n0,\n1,a,b\n\n1,"lost\n0,差\n'
    rows = rows_of("csv", data, text="review")
    assert found(rows) == ['好吃，\n"便宜"', "empty", "wrong_columns", "empty", "bad_quotes", "差"]
    assert rows[0]["meta"] == {"label": "1"}
    assert found(rows_of("csv", data, text="1", header=True)) == found(rows)
    # The column is found by name when none is given.
    assert found(rows_of("csv", data)) == found(rows)


def test_csv_without_header(rows_of: Read) -> None:
    data = "甲;一\n乙;二\n"
    rows = rows_of("csv", data, text="1")
    assert found(rows) == ["一", "二"] and rows[0]["meta"] is None
    rows = rows_of("csv", data, text="b", columns=["a", "b"])
    assert found(rows) == ["一", "二"] and rows[0]["meta"] == {"a": "甲"}
    rows = rows_of("csv", "Hi|你好\nBye|再见\n", zh="1", en="0")
    assert found(rows, "zh", "en") == [("你好", "Hi"), ("再见", "Bye")]
    with pytest.raises(SourceError, match=r"no column 'x'; its columns are 0, 1"):
        rows_of("csv", data, text="x")
    with pytest.raises(SourceError, match="which column is the text"):
        rows_of("csv", data)


def test_tsv_quotes_are_text_unless_asked(rows_of: Read) -> None:
    data = '"你好," 他说。\t1\n"再见"\t2\n'
    assert found(rows_of("tsv", data, text="0", header=False)) == ['"你好," 他说。', '"再见"']
    rows = rows_of("tsv", '"一\t二"\t1\n', text="0", header=False, quoting=True, columns=["0", "1"])
    assert found(rows) == ["一\t二"]


def test_parquet(rows_of: Read) -> None:
    nested = pa.array([{"zh": "好", "en": "good"}, {"zh": None, "en": "x"}, None])
    data = parquet(text=["一", None, " "], translation=nested, n=[1, 2, 3])
    rows = rows_of("parquet", data)
    assert found(rows) == ["一", "not_text", "empty"]
    assert rows[0]["meta"] == {"translation": {"zh": "好", "en": "good"}, "n": 1}
    rows = rows_of("parquet", data, zh="translation.zh", en="translation.en", meta=["n"])
    assert found(rows, "zh", "en") == [("好", "good"), "not_text", "not_text"]
    assert rows[0]["meta"] == {"n": 1}
    with pytest.raises(SourceError, match="column 'n' is int64, not text"):
        rows_of("parquet", data, text="n")
    with pytest.raises(SourceError, match="no column 'body'"):
        rows_of("parquet", data, text="body")
    assert found(rows_of("parquet", data[:-20])) == ["truncated"]
    dictionary = pa.array(["一", "二", "一"]).dictionary_encode()
    assert found(rows_of("parquet", parquet(text=dictionary))) == ["一", "二", "一"]


def test_parquet_in_many_batches_and_damaged(rows_of: Read) -> None:
    sink = io.BytesIO()
    table = pa.table({"text": [f"第{i}行" + "字" * 300 for i in range(20_000)]})
    pq.write_table(table, sink, row_group_size=5000, use_dictionary=False, compression="none")
    data = bytearray(sink.getvalue())
    rows = rows_of("parquet", bytes(data))
    assert found(rows) == table["text"].to_pylist()
    data[len(data) // 2 : len(data) // 2 + 400_000] = b"\xff" * 400_000
    rows = rows_of("parquet", bytes(data))
    bad = [row for row in rows if row["quarantine"]]
    assert len(rows) - len(bad) >= 5000 and bad


def test_parquet_with_bytes_that_are_no_text(rows_of: Read) -> None:
    broken = pa.Array.from_buffers(
        pa.string(),
        2,
        [None, pa.py_buffer(b"\0\0\0\0\3\0\0\0\5\0\0\0"), pa.py_buffer(b"abc\xff\xfe")],
    )
    rows = rows_of("parquet", parquet(text=["一", "二"], note=broken))
    assert found(rows) == ["一", "bad_utf8"] and rows[0]["meta"] == {"note": "abc"}
    assert found(rows_of("parquet", parquet(text=broken))) == ["abc", "bad_utf8"]


def test_hub_finds_the_columns(rows_of: Read) -> None:
    pair = pa.array([{"en": "good", "zh": "好"}])
    rows = rows_of("hub", parquet(translation=pair), pairs=True)
    assert found(rows, "zh", "en") == [("好", "good")] and rows[0]["meta"] is None
    rows = rows_of("hub", '{"translation": {"en": "good", "zh": "好"}}\n', pairs=True)
    assert found(rows, "zh", "en") == [("好", "good")]
    assert found(rows_of("hub", '{"id": 1, "content": "一"}\n')) == ["一"]
    assert found(rows_of("hub", '{"id": 1, "story": "一"}\n')) == ["一"]
    assert found(rows_of("hub", "label,review\n1,好吃\n")) == ["好吃"]
    assert found(rows_of("hub", "一行\n又一行\n")) == ["一行", "又一行"]
    for data in ('{"translation": {"en": "good", "zh": "好"}}\n', parquet(translation=pair)):
        with pytest.raises(SourceError, match="pairs: true"):
            rows_of("hub", data)
    with pytest.raises(SourceError, match="Give `text:` one or more of a, b"):
        rows_of("hub", '{"a": "一", "b": "二"}\n')
    assert found(rows_of("hub", '{"a": "一", "b": "二"}\n', text=["a", "b"])) == ["一\n二"]


def test_hub_folder(units_of: Callable[..., dict[str, Rows]]) -> None:
    files = {
        "README.md": "about", ".gitattributes": "x", "dataset_infos.json": "{}",
        "data/train-00000-of-00002.parquet": parquet(text=["一"]),
        "data/train-00001-of-00002.parquet": parquet(text=["二"]),
        "data/test.jsonl": '{"text": "三"}\n',
    }  # fmt: skip
    got = {name: found(rows) for name, rows in units_of("hub", files).items()}
    assert got == {
        "data/test.jsonl": ["三"],
        "data/train-00000-of-00002.parquet": ["一"],
        "data/train-00001-of-00002.parquet": ["二"],
    }
    assert list(units_of("hub", files, files=["data/train-*"])) == list(got)[1:]
    with pytest.raises(SourceError, match="no file fits"):
        units_of("hub", files, files=["valid*"])


def test_the_wrong_adapter_names_the_right_one(rows_of: Read) -> None:
    for name, data, right in (
        ("text", '{"text": "一"}\n{"text": "二"}\n', "jsonl"),
        ("text", parquet(text=["一"]), "parquet"),
        ("jsonl", parquet(text=["一"]), "parquet"),
        ("csv", '[{"text": "一"}]', "jsonl"),
        ("parquet", "一\n", "hub"),
    ):
        with pytest.raises(SourceError, match=f"`{right}`"):
            rows_of(name, data)
