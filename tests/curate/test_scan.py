"""The scan against a plain Python reading of its definitions; the tables and their cache."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import characters as module
from curate import scan as scan_module
from curate.characters import Characters, characters
from curate.scan import CharClass, Flag, han_conversions, prepared, scan
from curate.tables import stored
from curate.textbatch import TextBatch


def flags_of(text: str) -> Flag:
    return Flag(int(scan(TextBatch.from_strings([text])).flags[0]))


@pytest.mark.parametrize(
    ("chars", "kind"),
    [
        ("中国々〇㐀\U00020000\uf900\U000323af", CharClass.HAN),
        ("aZéẞＡｚĀ", CharClass.LATIN),
        ("09０٣", CharClass.DIGIT),
        ("かガーｶㇰ", CharClass.KANA),
        ("한ᄀㄱ", CharClass.HANGUL),
        ("яωא", CharClass.LETTER),
        ("，。《》“”…—·「（", CharClass.PUNCT_CJK),
        ("!?.,()[]", CharClass.PUNCT),
        ("+=<$😀\U0001fae9", CharClass.SYMBOL),
        (" \u3000\xa0\t\u2009", CharClass.SPACE),
        ("\n\r\x0b\x0c\x85\u2028\u2029", CharClass.NEWLINE),
        (
            "\0\x1b\u200b\u200d\ufeff\xad\u202e\ue000\U0010fffd\ufdd0\uffff\U0002fffe\u3164\U000e0100",
            CharClass.INVISIBLE,
        ),
        ("\u0301\u0e31", CharClass.MARK),
        ("\ufffd", CharClass.REPLACEMENT),
    ],
)
def test_classes(chars: str, kind: CharClass) -> None:
    counts = scan(TextBatch.from_strings(list(chars))).counts
    wrong = [f"U+{ord(c):04X}" for c, row in zip(chars, counts, strict=True) if row[kind] != 1]
    assert wrong == []
    assert (counts.sum(axis=1) == 1).all()


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("a\u200bb", Flag.INVISIBLE),
        ("❤\ufe0f", Flag.INVISIBLE),
        ("\U000e0100", Flag.INVISIBLE),
        ("１", Flag.WIDE_ALNUM),
        ("a\tb", Flag.BLANK),
        ("a\u3000b", Flag.BLANK),
        ("a\rb", Flag.CARRIAGE),
        ("e\u0301", Flag.COMPOSE),
        ("\uf900", Flag.COMPOSE),
        ("\u1100\u1161", Flag.COMPOSE),
        ("\u0cc6\u0cd5", Flag.COMPOSE),
        ("&", Flag.MARKUP),
        ("\\", Flag.BACKSLASH),
        ("這", Flag.TRADITIONAL),
        ("著", Flag.TRADITIONAL),
        ("这", Flag.SIMPLIFIED),
        ("æ", Flag.HIGH_LATIN),
        ("€", Flag.HIGH_LATIN),
        ("靁涓", Flag.RARE_HAN),
        ("\ufffd", Flag.REPLACEMENT),
        ("a  b", Flag.SPACE_RUN),
        (" a", Flag.SPACE_RUN),
        ("a ", Flag.SPACE_RUN),
        ("a \nb", Flag.SPACE_RUN),
        ("中 a", Flag.HAN_SPACE),
        ("a ，", Flag.HAN_SPACE),
        ("！！！", Flag.REPEAT),
        ("（ ，）", Flag.EMPTY_BRACKETS),
        ("[]", Flag.EMPTY_BRACKETS),
        ("a\n\n\nb", Flag.NEWLINE_RUN),
        ("a\n \n\nb", Flag.NEWLINE_RUN),
        ("\na", Flag.NEWLINE_RUN),
        ("a\n", Flag.NEWLINE_RUN),
        ("a\nb", Flag.NEWLINE),
        ("【", Flag.BRACKET),
        ("か", Flag.KANA),
        ("9", Flag.DIGIT),
        ("z", Flag.LATIN),
    ],
)
def test_flags_are_raised(text: str, flag: Flag) -> None:
    assert flags_of(text) & flag == flag


def test_plain_chinese_raises_nothing_that_a_rewrite_would_look_at() -> None:
    quiet = flags_of("他说：“今天（周一）很忙……”《红楼梦》—有·一句。\n第二段！！")
    assert quiet == Flag.NEWLINE | Flag.SIMPLIFIED | Flag.BRACKET & quiet


def test_empty_and_absent_texts() -> None:
    result = scan(TextBatch.from_strings(["", "中", ""]))
    assert result.counts.sum(axis=1).tolist() == [0, 1, 0]
    assert result.flags.tolist()[0] == 0
    assert scan(TextBatch.from_strings([])).flags.tolist() == []
    assert result.having(Flag.SIMPLIFIED | Flag.TRADITIONAL).tolist() == []


BLANK, BREAK = "[ \t\u3000]", "[\n\r]"
NASTY = "中文，。！!（）()[]+ \t\u3000\n\r aé1\u200b\ufffd"


@given(st.lists(st.text(NASTY, max_size=12), max_size=5))
def test_flags_of_neighbourhood_match_their_regular_expressions(values: list[str]) -> None:
    result = scan(TextBatch.from_strings(values))
    for text, value in zip(values, result.flags.tolist(), strict=True):
        flags = Flag(value)
        assert (Flag.SPACE_RUN in flags) == bool(
            re.search(f"{BLANK}{{2}}|(?:^|{BREAK}){BLANK}|{BLANK}(?:{BREAK}|$)", text)
        )
        beside = "[中文，。！（）]"
        if re.search(f"{beside}{BLANK}|{BLANK}{beside}", text):
            assert flags & (Flag.HAN_SPACE | Flag.SPACE_RUN)
        assert (Flag.REPEAT in flags) == bool(re.search(r"([，。！!（）()\[\]+])\1\1", text))
        if re.search(r"（[\s，。！!]*）|\([\s，。！!]*\)|\[[\s，。！!]*\]", text):
            assert Flag.EMPTY_BRACKETS in flags
        if re.search(f"^{BREAK}|{BREAK}$|{BREAK}{BLANK}*{BREAK}{BLANK}*{BREAK}", text):
            assert flags & (Flag.NEWLINE_RUN | Flag.SPACE_RUN)
        if unicodedata.normalize("NFC", text) != text:
            assert Flag.COMPOSE in flags


def test_compose_flag_is_unicode_s_quick_check() -> None:
    """No text of two characters without the flag is changed by NFC."""
    raised = (characters().entries >> np.uint32(5)) & np.uint32(Flag.COMPOSE) != 0
    for code in range(0x30000):
        if 0xD800 <= code < 0xE000:
            continue
        if not unicodedata.is_normalized("NFC", chr(code)) or unicodedata.combining(chr(code)):
            assert raised[code], hex(code)
    # Whatever is the second half of a composed character.
    for code in range(0x30000):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and "<" not in parts[0] and unicodedata.is_normalized("NFC", chr(code)):
            assert raised[int(parts[1], 16)], hex(code)
    assert not raised[0xFE0F]


def test_han_conversions() -> None:
    traditional, simplified = han_conversions()
    assert {"這", "國", "龍"} <= traditional and {"这", "国", "龙"} <= simplified
    assert not traditional & simplified
    assert not {"中", "藴"} & (traditional | simplified)


def test_tables_cannot_be_written() -> None:
    for table in vars(characters()).values():
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 1


# The cache.


def same(a: Characters, b: Characters) -> bool:
    return all(np.array_equal(x, vars(b)[key]) for key, x in vars(a).items())


@cache
def built() -> dict[str, np.ndarray]:
    return module._built()


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache folder, and `characters` ready to load anew."""
    tables = built()
    monkeypatch.setattr(module, "_built", lambda: dict(tables))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    load = module.characters.__wrapped__
    monkeypatch.setattr(module, "characters", load)
    return tmp_path / "caches" / "curate"


def test_second_load_does_not_build(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = module.characters()
    assert len(list(fresh.iterdir())) == 1
    monkeypatch.setattr(module, "_built", lambda: pytest.fail("built again"))
    assert same(module.characters(), expected)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "pickle", "folder"])
def test_damaged_cache_is_recomputed(fresh: Path, damage: str) -> None:
    expected = module.characters()
    (file,) = fresh.iterdir()
    data = bytearray(file.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 0xFF
    elif damage == "pickle":
        np.savez(file, entries_low=np.array([{"a": 1}], object))
        data = bytearray(file.read_bytes())
    file.unlink()
    if damage == "folder":
        file.mkdir()
    else:
        data = {"cut": data[: len(data) // 3], "empty": data[:0]}.get(damage, data)
        file.write_bytes(data)
    assert same(module.characters(), expected)
    if damage != "folder":
        assert file.stat().st_size > 1_000_000  # written anew
    assert [p.name for p in fresh.iterdir()] == [file.name]


def test_a_cache_that_cannot_be_written_is_no_error(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert same(module.characters(), characters())


def test_cache_is_keyed_by_code_and_versions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = tmp_path / "code.py"
    builds: list[int] = []

    def value(code: str, **versions: str) -> int:
        source.write_text(code)

        def build() -> dict[str, np.ndarray]:
            builds.append(1)
            return {"n": np.array([len(builds)])}

        return int(stored("things", build, [source], versions)["n"][0])

    assert [value("1", a="1"), value("1", a="1"), value("2", a="1"), value("1", a="2")] == [
        1,
        1,
        2,
        3,
    ]
    assert value("1", a="1") == 1


def test_processes_agree_whatever_the_cache_holds(tmp_path: Path) -> None:
    """Cold, warm and without a cache folder, in processes of their own."""
    code = (
        "import hashlib; from curate.characters import characters as c;"
        "print(hashlib.sha256(c().entries.tobytes()).hexdigest())"
    )
    seen = set()
    for home in (tmp_path, tmp_path, Path(os.devnull)):
        environment = {**os.environ, "XDG_CACHE_HOME": str(home)}
        run = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        seen.add(run.stdout)
    assert len(seen) == 1


def test_prepared_leaves_everything_in_place(fresh: Path) -> None:
    prepared()
    assert callable(scan_module.scan)
    module.characters()
    assert len(list(fresh.iterdir())) == 1
