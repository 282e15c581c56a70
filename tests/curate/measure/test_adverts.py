"""Addresses, numbers to call and prices by hand; numbers that are none of these."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.measure.adverts import Adverts
from curate.scan import scan
from curate.textbatch import TextBatch


def characters(text: str) -> tuple[int, int, int]:
    """Characters in links, contacts and prices."""
    batch = TextBatch.from_strings([text])
    columns = Adverts().measure_batch(batch, scan(batch))
    assert list(columns) == list(Adverts.columns)
    filled = max(len("".join(text.split())), 1)
    links, contacts, prices = (round(column[0].item() * filled) for column in columns.values())
    return links, contacts, prices


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (0, 0, 0)),
        ("详见 https://a.cn/b?c=1。", (18, 0, 0)),
        ("网址：www.abc.com，欢迎", (11, 0, 0)),
        ("HTTP://A.CN", (11, 0, 0)),
        ("why not? http 协议, www", (0, 0, 0)),
        ("手机13812345678", (0, 11, 0)),
        ("138 1234 5678", (0, 11, 0)),
        ("0531-12345678", (0, 13, 0)),
        ("400-123-4567", (0, 12, 0)),
        ("联系电话：1234567", (0, 7, 0)),
        ("微信号：123456", (0, 6, 0)),
        ("QQ:123456", (0, 6, 0)),
        ("電話 12345", (0, 5, 0)),
        ("编号13812345678901", (0, 0, 0)),
        ("人口12345678", (0, 0, 0)),
        ("圆周率3.14159265358", (0, 0, 0)),
        ("1998-2003年", (0, 0, 0)),
        ("电话会议", (0, 0, 0)),
        ("￥99", (0, 0, 3)),
        ("仅需1,299.50元", (0, 0, 9)),
        ("¥ 5", (0, 0, 0)),
        ("３元一斤", (0, 0, 2)),
        ("公元前221年", (0, 0, 0)),
        ("3.5%", (0, 0, 0)),
    ],
)
def test_by_hand(text: str, expected: tuple[int, int, int]) -> None:
    assert characters(text) == expected


@given(st.text("元￥$19 -.,：:电话qQhtwp/s\n０\u3000", max_size=60))
def test_range(text: str) -> None:
    batch = TextBatch.from_strings([text, "1", text])
    columns = Adverts().measure_batch(batch, scan(batch))
    for column in columns.values():
        assert 0 <= column[0] <= 1
        assert column[0] == column[2]
    assert sum(column[0] for column in columns.values()) <= 1 + 1e-6
