"""Personal data: what is found, what is left alone, what a mask leaves behind."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.rewrite.privacy import MASKS, Privacy, column
from curate.rewrite.privacy_numbers import (
    card_valid,
    identity_check,
    identity_valid,
    luhn_valid,
    old_identity_valid,
    public_address,
)
from curate.rewrite.privacy_patterns import Kind, found
from curate.rewrite.width import Width
from curate.scan import scan
from curate.textbatch import TextBatch
from tests.curate.rewrite.planted import CARRIERS, KINDS, planted

# Every number here is made up; 11010519491231002X is the example of the standard itself.
GOLDEN = [
    ("联系电话：13912345678，谢谢", "联系电话：<手机号>，谢谢"),
    ("139-1234-5678或+86 139 1234 5678", "<手机号>或<手机号>"),
    ("手机139 1234 5678", "手机<手机号>"),
    ("香港+852 9123 4567，台湾0912-345-678", "香港<手机号>，台湾<手机号>"),
    ("电话(010)62345678转801", "电话<电话号码>"),
    ("传真：0571-87654321-12", "传真：<电话号码>"),
    ("電話：2345 6789", "電話：<电话号码>"),
    ("台北(02)2345-6789", "台北<电话号码>"),
    ("客服热线400-123-4567", "客服热线<服务热线>"),
    ("写信到zhang.san@example.com.cn。", "写信到<邮箱>。"),
    ("zhang_san (at) example.com.cn", "<EMAIL>"),
    ("身份证号11010519491231002X", "身份证号<身份证号>"),
    ("身份证号码为110105491231002", "身份证号码为<身份证号>"),
    ("请汇到6222 0212 3456 7890 128", "请汇到<银行卡号>"),
    ("护照号：E12345678", "护照号：<证件号>"),
    ("车牌京A·12345和粤BD12345的车", "车牌<车牌号>和<车牌号>的车"),
    ("来自61.135.169.121的请求", "来自<IP地址>的请求"),
    ("网卡00:1A:2B:3C:4D:5E", "网卡<MAC地址>"),
    ("加微信：abc_123456", "加微信：<微信号>"),
    ("VX：zhang12345，加V：qwer7788", "VX：<微信号>，加V：<微信号>"),
    ("QQ：12345678，QQ群 234567890", "QQ：<QQ号>，QQ群 <QQ号>"),
    ("call 13912345678 now", "call <PHONE NUMBER> now"),
]

# As people write them; each is one hit.
WRITTEN = """
有事请拨 138 1234 5678
手机1381-234-5678
微信同号13812345678
电话/微信：13812345678
Tel: +86 (10) 6234 5678
０１０－６２３４５６７８
0086-21-62345678
86-755-26123456
電話：(852) 2345-6789
tel 852 23456789
+886-2-23456789
02-23456789
手機0912345678
abc1234 @ qq.com
abc1234@qq。com
身份证：110105 19491231 002X
身份證字號A123456789
港澳通行证C12345678
台胞证12345678
建行卡6217000010012345678
京a12345
粤Z1234港
苏E·12345D
2400:3200:baba::1
威信abcd1234
微 信：abcd1234
wx同号：abcd_1234
➕V：abcd1234
vx13812345678
QQ/微信：12345678
q q：12345678
QQ（12345678）
群号：234567890
全国统一热线400 800 1234
400-8001234
电话：0571-8765 4321
(0571)8765-4321
电话：8765432
0731-87654321E-mail：无
""".strip().split("\n")

LEFT_ALONE = [
    "圆周率是3.14159265358979，光速299792458米每秒",
    "1995-2004年的资料，2008-2012年增长12.5%",
    "总额13912345678元，约合13912345678美元",
    "文章编号:1000-3428(2007)05-0123-03，DOI 10.3969/j.issn.1000-3428.2007.05.012",
    "ISBN 978-7-302-12345-6，ISSN 0254-4164，专利号ZL201310123456.7",
    "温度150 1000 2000 3000度，134 1234 5678 910个",
    "http://item.example.com/item.htm?id=13912345678&spm=13912345678",
    "版本11.2.202.228，内网192.168.1.1，本机127.0.0.1，第1.2.3.4节",
    "QQ同时在线人数超过20000人，QQ2013版，微信2017年",
    "微信公众号里的微信小程序，微信WeChat，isWeixin: boolean",
    "图标icon@2x.png，git@example.com:a/b.git，@网友 转发",
    "msg['To'] = 'zhang@example.com'，user@mail.example.org，a@b.test，root@localhost.localhost",
    "编号110105194912310021",  # a wrong check character
    "0.13912345678 139123456789 A13912345678B 1999832468.jpg",
    "比分21-19 21-18，时间12:30:45:10",
    "新A股指数，苏B1厂房，京A座",
    "4111 1111 1111 1112",  # Luhn fails
    "开会。",
    "",
]


def counted(text: str, **options: str) -> tuple[str, dict[str, int]]:
    batch = TextBatch.from_strings([text])
    after, _, counts = Privacy(**options).counted_batch(batch, scan(batch))
    return after[0], {k: int(v[0]) for k, v in counts.items() if v[0]}


@pytest.mark.parametrize(("text", "expected"), GOLDEN)
def test_goldens(text: str, expected: str) -> None:
    assert Privacy().rewrite(text) == expected
    assert counted(text)[0] == expected


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_only_looks_alike_stays(text: str) -> None:
    assert found(text) == []
    assert counted(text) == (text, {})


@pytest.mark.parametrize("text", WRITTEN)
def test_ways_of_writing(text: str) -> None:
    after, counts = counted(Width().rewrite(text))
    assert sum(counts.values()) == 1
    assert "<" in after and not any(c.isdigit() for c in after)


def test_lists_of_numbers() -> None:
    for joint in (",", "，", "、", "/", " ", "或", ";"):
        assert sum(counted(f"13812345678{joint}13912345678")[1].values()) == 2


def test_policies_by_kind() -> None:
    text = "电话13912345678，邮箱a1@example.com.cn，QQ：12345678"
    masked = "电话<手机号>，邮箱a1@example.com.cn，QQ：<QQ号>"
    step = Privacy(email="keep", qq="drop")
    batch = TextBatch.from_strings([text, "没有"])
    after, changed, counts = step.counted_batch(batch, scan(batch))
    assert after.strings() == [masked, "没有"]
    assert changed.tolist() == [0]
    assert {k: v.tolist() for k, v in counts.items() if v.any()} == {
        "privacy_email": [1, 0],
        "privacy_phone": [1, 0],
        "privacy_qq": [1, 0],
    }
    assert step.dropping() == {"privacy_qq": "privacy.qq"}
    assert set(counts) == set(Privacy.columns) == {column(kind) for kind in Kind}


def test_check_characters() -> None:
    assert identity_check("11010519491231002") == "X"
    assert identity_valid("11010519491231002X") and identity_valid("11010519491231002x")
    assert not identity_valid("110105194912310021")
    assert not identity_valid("11010519491331002X")  # no thirteenth month
    assert not identity_valid("99010519491231002X")
    assert old_identity_valid("110105491231002") and not old_identity_valid("110105491331002")
    assert luhn_valid("79927398713") and not luhn_valid("79927398710")
    assert card_valid("4111111111111111") and not card_valid("411111111111111")
    assert not card_valid("0000000000000000")
    assert public_address("8.8.8.8") and public_address("2400:3200::1")
    assert not any(map(public_address, ("10.0.0.1", "300.1.1.1", "fe80::1", "224.0.0.1", "1.2.3")))


@given(st.integers(0, 10**17 - 1))
def test_one_changed_digit_breaks_the_check(number: int) -> None:
    body = f"{number:017d}"
    check = identity_check(body)
    for i in range(17):
        other = body[:i] + str((int(body[i]) + 1) % 10) + body[i + 1 :]
        assert identity_check(other) != check


@given(st.sampled_from(KINDS), st.integers(0, 2**32 - 1), st.sampled_from(CARRIERS))
def test_planted_numbers_are_masked(kind: Kind, seed: int, carrier: tuple[str, str]) -> None:
    secret, phrase = planted(kind, np.random.default_rng(seed))
    text = carrier[0] + phrase + carrier[1]
    after, counts = counted(text)
    assert secret not in after
    assert sum(counts.values()) == 1
    assert after.startswith(carrier[0][:-1]) and after.endswith(carrier[1])
    assert counted(after) == (after, {})


parts = st.sampled_from(
    ["13912345678", "0571-8765432", "电话", "QQ", "：", " ", "-", "@", "a", "1", "微信", "V", "中"]
    + ["62220212345678901", "京A", "12345", "61.135.1.2", ":", "(", "+86", "at", "ab", "\n"]
    + [mask for pair in MASKS.values() for mask in pair]
)


@given(st.lists(st.lists(parts, max_size=12).map("".join), max_size=4))
def test_compiled_equals_reference_and_settles(texts: list[str]) -> None:
    step = Privacy()
    batch = TextBatch.from_strings(texts)
    after, changed, _ = step.counted_batch(batch, scan(batch))
    expected = [step.rewrite(text) for text in texts]
    assert after.strings() == expected
    assert changed.tolist() == [i for i, text in enumerate(texts) if text != expected[i]]
    assert [found(text) for text in expected] == [[] for _ in texts]


@given(st.integers(0, 2**32 - 1))
def test_windows_of_long_texts_lose_nothing(seed: int) -> None:
    r = np.random.default_rng(seed)
    pieces = []
    for _ in range(12):
        pieces.append("山水田园，" * int(r.integers(0, 30)) + "abc " * int(r.integers(0, 30)))
        pieces.append(planted(KINDS[int(r.integers(len(KINDS)))], r)[1] + "。")
    text = "".join(pieces)
    assert counted(text)[0] == Privacy().rewrite(text)
