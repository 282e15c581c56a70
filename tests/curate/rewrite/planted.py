"""Made-up personal data of every kind, with valid check digits, in the words that go with it."""

from __future__ import annotations

import datetime

import numpy as np

from curate.rewrite.privacy_numbers import identity_check, luhn_valid
from curate.rewrite.privacy_patterns import Kind

KINDS = tuple(Kind)
CARRIERS = [
    ("研究人员于2008年在北京开展了调查，", "，结果见第12页。"),
    ("店家态度很好，", "。下次还来，满分100分！"),
    ("本报讯 昨日上午9时30分，", "\n以上就是全部内容"),
    ("", "。"),
]


def _digits(r: np.random.Generator, n: int, first: str = "0123456789") -> str:
    return str(r.choice(list(first))) + "".join(map(str, r.integers(0, 10, n - 1)))


def _one(r: np.random.Generator, *choices: str) -> str:
    return str(r.choice(list(choices)))


def _name(r: np.random.Generator) -> str:
    letters = "".join(map(str, r.choice(list("bcdfghjklmnpqr"), int(r.integers(3, 7)))))
    return f"{letters}_{_digits(r, 4)}"


def _identity(r: np.random.Generator) -> str:
    day = datetime.date(1940, 1, 1) + datetime.timedelta(int(r.integers(0, 28_000)))
    region = _one(r, "110105", "310104", "440305", "510107", "230102", "650102")
    body = f"{region}{day:%Y%m%d}{_digits(r, 3)}"
    return body + identity_check(body)


def _card(r: np.random.Generator) -> str:
    while True:
        body = _one(r, "622202", "621700", "622848", "623058") + _digits(r, 12)
        for check in "0123456789":
            if luhn_valid(body + check) and len(set(body)) > 3:
                return body + check


def _phone(r: np.random.Generator) -> str:
    start = _one(r, "139", "138", "150", "177", "186", "199", "166", "192")
    number = start + _digits(r, 8)
    joint = _one(r, "", "", "-")
    prefix = _one(r, "", "", "+86 ", "86-", "(+86)")
    return f"{prefix}{number[:3]}{joint}{number[3:7]}{joint}{number[7:]}"


def _landline(r: np.random.Generator) -> str:
    area = _one(r, "010", "021", "0571", "0755", "0931", "0471")
    local = _digits(r, 8 if area in ("010", "021", "0571", "0755") else 7, "2345678")
    return _one(r, f"{area}-{local}", f"({area}){local}", f"（{area}）{local}", f"{area}—{local}")


def planted(kind: Kind, r: np.random.Generator) -> tuple[str, str]:
    """(what must not remain, the phrase that holds it)."""
    if kind == Kind.EMAIL:
        secret = f"{_name(r)}@{_one(r, 'example.com.cn', 'mail.example.org.cn', 'qq.com')}"
        return secret, _one(r, "邮箱：", "请发到", "E-mail: ") + secret
    if kind == Kind.IDENTITY:
        secret = _identity(r)
        return secret, _one(r, "身份证号", "证号：", "他是") + secret
    if kind == Kind.CARD:
        secret = _card(r)
        return secret, _one(r, "卡号", "工行 ", "账号：") + secret
    if kind == Kind.PHONE:
        secret = _phone(r)
        return secret, _one(r, "电话：", "找我", "tel:", "手机 ", "咨询（") + secret
    if kind == Kind.LANDLINE:
        secret = _landline(r)
        return secret, _one(r, "电话：", "办公室", "Tel: ", "传真 ") + secret
    if kind == Kind.HOTLINE:
        number = _digits(r, 3, "16789") + "-" + _digits(r, 3) + _digits(r, 1, "123456789")
        secret = _one(r, "400-", "800-") + number
        return secret, _one(r, "客服热线：", "咨询电话") + secret
    if kind == Kind.PASSPORT:
        secret = _one(r, "E", "G", "EA") + _digits(r, 8)
        secret = secret if len(secret) == 9 else secret[:9]
        return secret, _one(r, "护照号", "护照：", "passport No. ", "護照號碼：") + secret
    if kind == Kind.PLATE:
        letters = _one(r, "A", "B", "D", "E")
        body = _one(r, _digits(r, 5), "D" + _digits(r, 5), _digits(r, 5) + "D", "K" + _digits(r, 4))
        secret = _one(r, "京", "沪", "粤", "川", "蘇") + letters + _one(r, "", "·", " ") + body
        return secret, _one(r, "车牌", "车牌号：", "一辆") + secret
    if kind == Kind.IP:
        secret = ".".join([str(r.integers(101, 120)), *map(str, r.integers(1, 254, 3))])
        return secret, _one(r, "IP：", "服务器地址 ", "来自") + secret
    if kind == Kind.MAC:
        joint = _one(r, ":", "-")
        secret = joint.join(["a4", *(f"{n:02x}" for n in r.integers(0, 256, 5))])
        return secret, _one(r, "MAC地址", "网卡 ", "mac=") + secret
    if kind == Kind.WECHAT:
        secret = _name(r)
        return secret, _one(
            r, "微信：", "加微信", "微信号 ", "VX:", "加V：", "薇信", "wechat: "
        ) + secret
    secret = _digits(r, int(r.integers(6, 11)), "123456789")
    return secret, _one(r, "QQ：", "QQ", "加QQ", "QQ群：", "qq号 ", "扣扣") + secret
