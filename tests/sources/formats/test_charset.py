"""Encodings told apart by content."""

from __future__ import annotations

import pytest

from sources.charset import charset

SIMPLIFIED = (
    "今天的会议讨论了三个问题。首先，城市交通需要更多的公共汽车；其次，学校应当开放图书馆。",
    "开会。",
    "这家店的面条很好吃，服务也不错，下次还会再来。",
    "价格：128元，型号A-7，有货",
    "北京市海淀区的一所中学昨天举行了运动会\n学生们都很高兴\n",
)
TRADITIONAL = (
    "今天的會議討論了三個問題。首先，城市交通需要更多的公共汽車；其次，學校應當開放圖書館。",
    "臺灣的夜市賣很多好吃的東西，我們都喜歡去。",
    "這個問題沒有那麼簡單。",
)


@pytest.mark.parametrize("text", SIMPLIFIED)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le", "utf-16-be"])
def test_simplified(text: str, encoding: str) -> None:
    assert charset(text.encode(encoding)) == encoding


@pytest.mark.parametrize("text", TRADITIONAL)
@pytest.mark.parametrize("encoding", ["utf-8", "big5", "utf-16-le", "utf-16-be", "gb18030"])
def test_traditional(text: str, encoding: str) -> None:
    found = charset(text.encode(encoding))
    assert found == encoding or (encoding == "big5" and found in ("big5hkscs", "cp950"))
    assert text.encode(encoding).decode(found) == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_byte_order_marks(encoding: str) -> None:
    assert charset("\ufeff开会".encode(encoding)) == encoding


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_english_in_utf_16(encoding: str) -> None:
    assert charset("The meeting is over.\nNext one tomorrow.\n".encode(encoding)) == encoding


def test_text_with_damage_stays_utf_8() -> None:
    good = "今天的会议讨论了三个问题。\n".encode() * 20
    assert charset(good + b"\xff\xfe\x80 \xb0\n" + good) == "utf-8"
    # The sample's end may cut a character.
    assert charset(good[:-3]) == "utf-8"


def test_what_fits_nothing_is_not_guessed() -> None:
    assert charset("Größe und Überfluß in München\n".encode("latin-1") * 5) == "utf-8"
    assert charset("これは日本語の文章です。とても短い。".encode("shift_jis")) == "utf-8"
    assert charset(b"") == "utf-8"
    assert charset(bytes(range(256)) * 4) == "utf-8"
