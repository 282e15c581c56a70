"""Text on a terminal: harmless and, in differences, nothing unseen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from curate.visible import clipped, harmless, revealed


def test_escapes_do_not_reach_the_terminal():
    assert harmless("a\x1b[31mb\x9bc\x07") == "a⟨U+001B⟩[31mb⟨U+009B⟩c⟨U+0007⟩"
    assert harmless("中\u202e文") == "中⟨U+202E⟩文"


def test_text_and_its_line_ends_stay():
    assert harmless("《红楼梦》\n\t第１２０回，好！") == "《红楼梦》\n\t第１２０回，好！"


def test_what_cannot_be_seen_is_named():
    assert revealed("中 \u3000\u200b\n\t文\ufeff") == "中␣⟨U+3000⟩⟨U+200B⟩⏎⇥文⟨U+FEFF⟩"
    assert revealed("《字》，a１") == "《字》，a１"


@given(st.text())
def test_nothing_acts_whatever_the_text(text):
    assert not any(ord(c) < 0x20 and c not in "\n\t" for c in harmless(text))
    assert all(c.isprintable() for c in revealed(text) if c not in "\u2028")


def test_what_is_clipped_is_counted():
    assert clipped("一二三四五", 3) == "一二三… (2 more characters)"
    assert clipped("一二三", 3) == "一二三"
