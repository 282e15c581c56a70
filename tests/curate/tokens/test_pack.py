"""Packing whole builds: the same bytes however it is done, and every document accounted for."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import CurateError
from curate.fingerprint import file_sha256
from curate.rows import HISTORY
from curate.tokens import datafile, pack
from curate.tokens.format.reader import Shards
from curate.tokens.format.verify import verified
from curate.tokens.loader import Loader
from curate.tokens.mixture import Member, Mixture, copies, epochs_of, held_out, id_hashes
from curate.tokens.prompts import FORMATS
from curate.tokens.selection import EMPTY, MIXTURE, TOO_LONG
from curate.tokens.tokenizer import load_tokenizer
from curate.tokens.trace import traced
from tests.conftest import ROOT
from tests.curate.instructions.builds import built, different, recipe, write
from tests.curate.tokens.packing_files import byte_level, finished, packed, texts, write_build


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> Path:
    return byte_level(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("builds") / "zh"
    return write_build(folder, {"wiki": texts(150), "web": texts(90, 3)}, shards=3)


def checksums(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): file_sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def text_of(shards: Shards, tokenizer) -> dict[str, list[tuple[int, list[int]]]]:
    """The pieces of every document, by id: (offset, ids)."""
    pieces: dict[str, list[tuple[int, list[int]]]] = {}
    for row in range(len(shards)):
        tokens = shards.tokens(row)
        for s in shards.segments(row):
            ids = tokens[s.begin : s.end].tolist()
            pieces.setdefault(shards.document(s.document).id, []).append((s.offset, ids))
    return pieces


@pytest.mark.parametrize("packing", ["best-fit", "concatenate"])
def test_every_document_is_there_token_for_token(build, tokenizer, tmp_path, packing):
    result = packed(tmp_path / "s", tokenizer, [build], seq_length=64, packing=packing)
    known = load_tokenizer(tokenizer)
    wanted = pq.read_table(build / "data")
    pieces = text_of(Shards(tmp_path / "s"), known)
    assert set(pieces) == set(wanted["id"].to_pylist())
    for name, text in zip(wanted["id"].to_pylist(), wanted["text"].to_pylist(), strict=True):
        ids = []
        for offset, piece in sorted(pieces[name]):
            assert offset == len(ids)
            ids += piece
        assert ids[0] == known.bos_id and ids[-1] == known.eos_id
        assert known.decode(ids) == text
        if packing == "best-fit" and len(ids) <= 64:
            assert len(pieces[name]) == 1
    counts = result.index.counts
    assert (
        counts["tokens_in"]
        == counts["tokens_packed"]
        == sum(len(ids) for each in pieces.values() for _, ids in each)
    )
    assert verified(tmp_path / "s").problems == ()


def test_the_same_bytes_with_any_number_of_workers_and_after_a_crash(
    build, tokenizer, tmp_path, monkeypatch
):
    monkeypatch.setattr(pack, "PART_TOKENS", 64 * 40)
    options = {"seq_length": 64, "validation": 0.1}
    packed(tmp_path / "1" / "s", tokenizer, [build], **options)
    wanted = checksums(tmp_path / "1" / "s")
    assert sum(name.startswith("train/") for name in wanted) > 3

    packed(tmp_path / "2" / "s", tokenizer, [build], workers=3, **options)
    assert checksums(tmp_path / "2" / "s") == wanted

    # The first try dies before anything has its name; the second goes on from there.
    with monkeypatch.context() as patch:
        patch.setattr(pack, "write_dropped", lambda *_: (_ for _ in ()).throw(OSError("power")))
        with pytest.raises(OSError, match="power"):
            packed(tmp_path / "3" / "s", tokenizer, [build], **options)
    assert not (tmp_path / "3" / "s").exists()
    packed(tmp_path / "3" / "s", tokenizer, [build], **options)
    assert checksums(tmp_path / "3" / "s") == wanted
    assert {path.name for path in (tmp_path / "3").iterdir()} == {"s", ".tokens"}


def test_another_packing_of_the_same_documents_tokenises_nothing(build, tokenizer, tmp_path):
    first = packed(tmp_path / "a", tokenizer, [build], seq_length=64)
    assert first.tokenised == 3
    again = packed(tmp_path / "b", tokenizer, [{"build": str(build), "epochs": 2.5}], seq_length=80)
    assert again.tokenised == 0
    assert packed(tmp_path / "c", tokenizer, [build], seq_length=64, bos=False).tokenised == 3


def test_every_key_of_a_mixture_and_every_prompt_and_reason_is_documented():
    page = (ROOT / "docs/shards.md").read_text(encoding="utf-8")
    words = [*Mixture.model_fields, *Member.model_fields, *FORMATS]
    words += [TOO_LONG, EMPTY, MIXTURE, "empty_output", "template_refuses"]
    assert [word for word in words if f"`{word}`" not in page] == []


def test_what_is_there_already_is_left_alone(build, tokenizer, tmp_path):
    packed(tmp_path / "s", tokenizer, [build], seq_length=64)
    before = (tmp_path / "s" / "index.json").stat().st_mtime_ns
    packed(tmp_path / "s", tokenizer, [build], seq_length=64)
    assert (tmp_path / "s" / "index.json").stat().st_mtime_ns == before
    packed(tmp_path / "s", tokenizer, [build], seq_length=72)
    assert Shards(tmp_path / "s").index.seq_length == 72


def test_validation_documents_are_in_no_training_row(build, tokenizer, tmp_path):
    result = packed(
        tmp_path / "s",
        tokenizer,
        [{"build": str(build), "epochs": 3}],
        seq_length=64,
        validation=0.2,
    )
    known = load_tokenizer(tokenizer)
    train = text_of(Shards(tmp_path / "s"), known)
    held: dict[str, list] = {}
    for source in ("web", "wiki"):
        own = text_of(Shards(tmp_path / "s", f"validation/{source}"), known)
        assert own and all(name.startswith(f"{source}/") for name in own)
        held |= own
    assert not set(held) & set(train)
    assert len(held) + len(train) == 240
    # Three epochs for training, one for validation.
    assert all(sum(offset == 0 for offset, _ in pieces) == 3 for pieces in train.values())
    assert all(sum(offset == 0 for offset, _ in pieces) == 1 for pieces in held.values())
    facts = result.index.sources["wiki"]
    assert facts.train_tokens == sum(
        len(ids) for n, ps in train.items() for _, ids in ps if n.startswith("wiki/")
    )


def test_weights_are_shares_of_the_tokens(tokenizer, tmp_path):
    a = write_build(tmp_path / "builds/a", {"a": texts(300)})
    b = write_build(tmp_path / "builds/b", {"b": texts(300, 1)})
    members = [{"build": str(a), "weight": 3}, {"build": str(b), "weight": 1}]
    index = packed(tmp_path / "s", tokenizer, members, seq_length=128).index
    share = index.sources["a"].train_tokens / index.counts["tokens_packed"]
    assert share == pytest.approx(0.75, abs=0.005)
    # What the weights leave out is on record, document by document.
    dropped = pq.read_table(tmp_path / "s" / "dropped.parquet").to_pylist()
    assert {row["reason"] for row in dropped} == {"mixture"}
    assert {row["source"] for row in dropped} == {"b"}
    assert sum(row["tokens"] for row in dropped) == index.counts["tokens_dropped"]
    assert len(dropped) == index.counts["documents_dropped"] == index.dropped["mixture"]


def test_epochs_by_hand():
    even = [Member(build="a", weight=1), Member(build="b", weight=1, epochs=2)]
    # b can give at most 2 x 10, a at most 100: 20 of each.
    assert epochs_of(even, [100, 10]) == [pytest.approx(0.2), pytest.approx(2.0)]
    assert epochs_of([Member(build="a", epochs=1.5)], [100]) == [1.5]
    times = copies(np.full(1000, 10, np.uint32), id_hashes([str(i) for i in range(1000)]), 1.25, 0)
    assert set(times.tolist()) == {1, 2} and (times == 2).sum() == 250


def test_a_greater_share_of_validation_only_adds_documents():
    hashes = id_hashes([f"s/f#{i}" for i in range(5000)])
    few, many = held_out(hashes, 0.01), held_out(hashes, 0.1)
    assert not (few & ~many).any()
    assert 30 < few.sum() < 75 and 430 < many.sum() < 570
    assert not held_out(hashes, 0.0).any()


def test_only_the_sources_asked_for(build, tokenizer, tmp_path):
    member = {"build": str(build), "sources": ["web"]}
    index = packed(tmp_path / "s", tokenizer, [member], seq_length=64).index
    assert list(index.sources) == ["web"] and index.counts["documents_in"] == 90
    with pytest.raises(CurateError, match="no source 'nothing'"):
        packed(tmp_path / "t", tokenizer, [{**member, "sources": ["nothing"]}], seq_length=64)


def test_a_token_is_traced_to_its_upstream_file(build, tokenizer, tmp_path):
    packed(tmp_path / "s", tokenizer, [build], seq_length=64)
    shards = Shards(tmp_path / "s")
    table = pq.read_table(build / "data").to_pylist()
    known = load_tokenizer(tokenizer)
    for row in (0, len(shards) - 1):
        for token in (0, 7):
            found = traced(shards, row, token)
            document = next(r for r in table if r["id"] == found["document"])
            ids = known.encode_batch([document["text"]]).ids.tolist()
            ids = [known.bos_id, *ids, known.eos_id]
            assert ids[found["token_in_document"]] == found["token_id"]
            assert found["source"] == document["source"]
            assert (found["file"], found["row"]) == ("part.txt", int(document["id"][-9:]))
            assert found["url"] == f"https://example.org/{found['source']}/part.txt"
            assert found["licence"] == f"licence of {found['source']}"
            data = pq.read_table(build / found["data_file"]).to_pylist()
            assert data[found["data_row"]]["id"] == found["document"]


def rows_of_instructions() -> list[dict]:
    rows = [
        {
            "instruction": f"第{i}题",
            "input": "",
            "output": "答" * (1 + i % 40),
            "source": f"s{i % 2}",
        }
        for i in range(120)
    ]
    rows[7]["output"] = ""
    rows[9]["output"] = "很长" * 400
    rows[11]["history"] = [["早", "您早。"], ["在吗", "在。"]]
    return rows


@pytest.mark.parametrize("prompt", ["alpaca", "plain", "chatml", "llama-2-zh"])
def test_instructions_are_never_cut_and_what_is_left_out_is_on_record(tokenizer, tmp_path, prompt):
    path = tmp_path / "sft.jsonl"
    lines = [json.dumps(row, ensure_ascii=False) for row in rows_of_instructions()]
    lines[20:20] = ["not JSON", "[1]", ""]
    path.write_text("\n".join(lines), encoding="utf-8")
    result = packed(tmp_path / "s", tokenizer, [path], seq_length=256, prompt=prompt)
    index = result.index
    assert index.dropped == {
        "empty_output": 1, "too_long": 1, "bad_json": 1, "not_an_object": 1, "empty_line": 1
    }  # fmt: skip
    assert index.counts["documents_in"] == 123
    dropped = {r["reason"]: r for r in pq.read_table(tmp_path / "s/dropped.parquet").to_pylist()}
    assert dropped["too_long"]["id"] == "sft/sft.jsonl#000000010"
    assert dropped["too_long"]["tokens"] > 256 and dropped["too_long"]["limit"] == "seq_length 256"
    assert dropped["bad_json"]["id"] == "sft/sft.jsonl#000000021"
    shards = Shards(tmp_path / "s")
    known = load_tokenizer(tokenizer)
    seen = 0
    for row in range(len(shards)):
        mask = shards.mask(row)
        for s in shards.segments(row):
            document = shards.document(s.document)
            assert s.offset == 0 and s.end - s.begin == document.tokens
            source = json.loads(path.read_text(encoding="utf-8").split("\n")[document.data_row])
            ids = shards.tokens(row)[s.begin : s.end][mask[s.begin : s.end]]
            wanted = "".join(answer for _, answer in source.get("history", []))
            assert known.decode(ids, inner=True) == wanted + source["output"]
            assert not mask[s.begin]
            seen += 1
        assert not mask[s.end :].any()
    assert seen == index.counts["documents_packed"] == 118
    assert verified(tmp_path / "s").problems == ()


def test_a_build_of_instructions_is_packed_as_its_lines_would_be(tokenizer, tmp_path):
    rows = [
        {
            "instruction": f"第{i}题",
            "input": "",
            "output": f"答案{i}",
            "history": [["早", "您早。"]] * (i % 3),
            "system": "简短。" if i % 2 else "",
        }
        for i in range(30)
    ]
    path = tmp_path / "sft.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    columns = {
        name: pa.array([row[name] for row in rows], pa.large_string())
        for name in rows[0]
        if name != "history"
    }
    history = [[{"user": u, "assistant": a} for u, a in row["history"]] for row in rows]
    table = pa.table(
        {
            "id": [f"sft/sft.jsonl#{i + 1:09d}" for i in range(30)],
            "source": pa.array(["sft"] * 30).dictionary_encode(),
            **columns,
            "history": pa.array(history, HISTORY),
        }
    )
    build = finished(tmp_path / "sft", table, 1, ["sft"])
    for prompt in ("llama-2-zh", "chatml"):
        for name, given in (("lines", path), ("build", build)):
            packed(tmp_path / name, tokenizer, [given], seq_length=128, prompt=prompt)
        lines, built = (text_of(Shards(tmp_path / name), None) for name in ("lines", "build"))
        assert lines == built and len(lines) == 30


def test_a_long_jsonl_file_is_cut_into_stretches_at_line_ends(tokenizer, tmp_path, monkeypatch):
    path = tmp_path / "sft.jsonl"
    rows = [{**row, "output": row["output"] or "好"} for row in rows_of_instructions()]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    packed(tmp_path / "a" / "s", tokenizer, [path], seq_length=256)
    monkeypatch.setattr(datafile, "LINES_BYTES", 500)
    result = packed(tmp_path / "b" / "s", tokenizer, [path], seq_length=256)
    assert result.tokenised > 10
    whole, cut = (text_of(Shards(tmp_path / f / "s"), None) for f in "ab")
    assert whole == cut


def test_the_loader_gives_what_the_reader_gives(build, tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr(pack, "PART_TOKENS", 61 * 16)
    path = tmp_path / "sft.jsonl"
    rows = [{**r, "output": r["output"] or "好"} for r in rows_of_instructions()]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    for folder, given in (("text", build), ("sft", path)):
        packed(tmp_path / folder, tokenizer, [given], seq_length=61, prompt="plain")
        shards = Shards(tmp_path / folder)
        assert len(shards.parts) > 2
        wanted = np.random.default_rng(0).permutation(len(shards))[:25]
        batch = Loader(shards).batch(wanted)
        boundaries, longest = [0], 0
        for b, row in enumerate(wanted.tolist()):
            assert np.array_equal(batch.tokens[b], shards.tokens(row))
            assert np.array_equal(batch.mask[b], shards.mask(row))
            ends = [s.end for s in shards.segments(row)]
            ends += [] if ends[-1] == 61 else [61]
            begin = 0
            for end in ends:
                assert np.array_equal(batch.positions[b, begin:end], np.arange(end - begin))
                boundaries.append(61 * b + end)
                longest = max(longest, end - begin)
                begin = end
        assert batch.boundaries.tolist() == boundaries and batch.longest == longest
    with pytest.raises(CurateError, match="no row"):
        Loader(shards).batch(np.array([len(shards)]))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """An instruction build with epochs, a cap and rows for validation."""
    root = tmp_path_factory.mktemp("drawn")
    write(root / "a/rows.jsonl", different(60))
    write(root / "b/rows.jsonl", different(40, 100))
    sources = [
        f"{{name: instructions, label: a, path: {root}/a, epochs: 1.5}}",
        f"{{name: instructions, label: b, path: {root}/b, cap: {{rows: 25}}}}",
    ]
    asked = recipe(root, "mixture: {valid: 0.15}", *sources)
    return built(root / "builds", asked).folder


def written_in(shards: Shards) -> Counter[str]:
    """How often each document is in the rows."""
    return Counter(
        shards.document(segment.document).id
        for row in range(len(shards))
        for segment in shards.segments(row)
        if segment.offset == 0
    )


def test_an_instruction_build_is_packed_as_its_training_files_are(drawn, tokenizer, tmp_path):
    rows = pq.read_table(drawn / "data").to_pylist()
    wanted = Counter({r["id"]: r["repeats"] for r in rows if r["split"] == "train"})
    assert len(wanted) < len(rows) < 100 and {1, 2} == set(wanted.values())
    assert wanted.total() == len((drawn / "train.jsonl").read_text("utf-8").splitlines())
    options = {"seq_length": 512, "prompt": "plain"}
    index = packed(tmp_path / "s", tokenizer, [drawn], **options).index
    assert written_in(Shards(tmp_path / "s")) == wanted
    held = Counter()
    for source in ("a", "b"):
        held += written_in(Shards(tmp_path / "s", f"validation/{source}"))
    assert held == Counter(r["id"] for r in rows if r["split"] == "valid")
    assert verified(tmp_path / "s").problems == ()
    # The training file itself, a line a row, comes to as many tokens.
    packed(tmp_path / "lines", tokenizer, [drawn / "train.jsonl"], **options)
    lines = Shards(tmp_path / "lines").index
    train = sum(facts.train_tokens for facts in index.sources.values())
    assert train == sum(facts.train_tokens for facts in lines.sources.values())


def test_epochs_multiply_what_a_build_repeats(drawn, tokenizer, tmp_path):
    rows = pq.read_table(drawn / "data").to_pylist()
    repeats = {r["id"]: r["repeats"] for r in rows if r["split"] == "train"}
    options = {"seq_length": 512, "prompt": "plain"}
    packed(tmp_path / "2", tokenizer, [{"build": str(drawn), "epochs": 2}], **options)
    twice = written_in(Shards(tmp_path / "2"))
    assert twice == Counter({name: 2 * times for name, times in repeats.items()})
    result = packed(tmp_path / "h", tokenizer, [{"build": str(drawn), "epochs": 0.5}], **options)
    half = written_in(Shards(tmp_path / "h"))
    assert all(half[name] == repeats[name] for name in half)
    assert half.total() == pytest.approx(sum(repeats.values()) / 2, abs=8)
    assert result.index.dropped == {MIXTURE: len(repeats) - len(half)}


def test_the_split_of_a_build_goes_before_a_share(drawn, tokenizer, tmp_path):
    plain = tmp_path / "plain.jsonl"
    write(plain, different(200, 300))
    options = {"seq_length": 512, "prompt": "plain", "validation": 0.3}
    packed(tmp_path / "s", tokenizer, [drawn, plain], **options)
    rows = pq.read_table(drawn / "data").to_pylist()
    valid = {r["id"] for r in rows if r["split"] == "valid"}
    train = written_in(Shards(tmp_path / "s"))
    assert {r["id"] for r in rows} - set(train) == valid
    # The other member has no split of its own.
    assert 30 < len(written_in(Shards(tmp_path / "s", "validation/plain"))) < 90
