"""Personal data: numbers and addresses of people and their machines, masked, dropped or kept.

A mask names what stood there, `电话：<手机号>`, so that the sentence still reads and a second look
finds nothing. Digits of the same shape would be somebody else's number, and could not be told from
one that was missed. How each kind is recognised: `curate.rewrite.privacy_patterns`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.characters import CharClass, Flag
from curate.rewrite.base import Rewrite
from curate.rewrite.privacy_gate import windows
from curate.rewrite.privacy_patterns import Hit, Kind, found
from curate.scan import Scan, scan
from curate.textbatch import TextBatch

Policy = Literal["mask", "drop", "keep"]

MASKS: dict[Kind, tuple[str, str]] = {
    Kind.EMAIL: ("<邮箱>", "<EMAIL>"),
    Kind.IDENTITY: ("<身份证号>", "<ID NUMBER>"),
    Kind.CARD: ("<银行卡号>", "<CARD NUMBER>"),
    Kind.PHONE: ("<手机号>", "<PHONE NUMBER>"),
    Kind.LANDLINE: ("<电话号码>", "<PHONE NUMBER>"),
    Kind.HOTLINE: ("<服务热线>", "<PHONE NUMBER>"),
    Kind.PASSPORT: ("<证件号>", "<PASSPORT NUMBER>"),
    Kind.PLATE: ("<车牌号>", "<PLATE NUMBER>"),
    Kind.IP: ("<IP地址>", "<IP ADDRESS>"),
    Kind.MAC: ("<MAC地址>", "<MAC ADDRESS>"),
    Kind.WECHAT: ("<微信号>", "<WECHAT ID>"),
    Kind.QQ: ("<QQ号>", "<QQ NUMBER>"),
}
"""What stands in for each kind, in texts with Han characters and in those without."""

_KINDS = tuple(Kind)


def column(kind: Kind) -> str:
    """The ledger column that counts a kind."""
    return f"privacy_{kind}"


class Privacy(Rewrite):
    """Finds personal data and counts it by kind in the ledger.

    `mask` puts a placeholder in its place, `drop` does so too and has the row dropped by
    `curate.decide` with the reason `privacy.KIND`, `keep` only counts. Of whatever is not kept
    nothing gets past this step: not into data, ledger, metadata or what was seen of a bad row.
    """

    name: ClassVar[str] = "privacy"
    version: ClassVar[int] = 2
    order: ClassVar[int] = 70
    flags: ClassVar[int] = Flag.DIGIT | Flag.LATIN
    columns: ClassVar[dict[str, pa.DataType]] = {column(kind): pa.int32() for kind in _KINDS}
    everywhere: ClassVar[bool] = True

    email: Policy = "mask"
    """E-mail addresses, also with (at) or a full-width ＠."""
    identity: Policy = "mask"
    """Resident identity numbers: 18 characters with check character, 15 digits in context."""
    card: Policy = "mask"
    """Bank cards: issuer, length and Luhn check; other than UnionPay grouped or in context."""
    phone: Policy = "mask"
    """Mobile numbers of the mainland, Taiwan and Hong Kong."""
    landline: Policy = "mask"
    """Fixed lines with area code, or after a word such as 电话."""
    hotline: Policy = "mask"
    """400 and 800 numbers, which belong to companies."""
    passport: Policy = "mask"
    """Passports and travel permits, after their name."""
    plate: Policy = "mask"
    """Number plates of the mainland, new-energy ones too."""
    ip: Policy = "mask"
    """Public IPv4 and IPv6 addresses; private and reserved ones are nobody's."""
    mac: Policy = "mask"
    """Hardware addresses."""
    wechat: Policy = "mask"
    """WeChat names, after 微信, VX, 加V and the like."""
    qq: Policy = "mask"
    """QQ numbers, after QQ, 扣扣 and the like."""

    def policy(self, kind: Kind) -> Policy:
        """What is done with a kind."""
        return getattr(self, kind.value)

    def dropping(self) -> Mapping[str, str]:
        """The columns whose kinds are not tolerated, with the reason."""
        return {column(kind): f"privacy.{kind}" for kind in _KINDS if self.policy(kind) == "drop"}

    def rewrite(self, text: str) -> str:
        han = scan(TextBatch.from_strings([text])).counts[0, CharClass.HAN] > 0
        while hits := [hit for hit in found(text) if self.policy(hit.kind) != "keep"]:
            text = _masked(text, hits, han)
        return text

    def rewrite_batch(self, batch: TextBatch, scanned: Scan) -> tuple[TextBatch, NDArray[np.int64]]:
        return self.counted_batch(batch, scanned)[:2]

    def counted_batch(
        self, batch: TextBatch, scanned: Scan
    ) -> tuple[TextBatch, NDArray[np.int64], dict[str, NDArray[np.int32]]]:
        counts = np.zeros((len(batch), len(_KINDS)), np.int32)
        changed = np.zeros(len(batch), np.bool_)
        texts = scanned.having(self.flags)
        kept: dict[int, NDArray[np.int32]] = {}
        # A mask can part what stood too close together, so changed texts are looked at again.
        while len(texts):
            changes: dict[int, str] = {}
            for text, hits in _found_at(batch, texts).items():
                seen = np.zeros(len(_KINDS), np.int32)
                masked: list[Hit] = []
                for hit in hits:
                    if self.policy(hit.kind) == "keep":
                        seen[_KINDS.index(hit.kind)] += 1
                    else:
                        counts[text, _KINDS.index(hit.kind)] += 1
                        masked.append(hit)
                kept[text] = seen
                if masked:
                    han = bool(scanned.counts[text, CharClass.HAN])
                    changes[text] = _masked(batch[text], masked, han)
            batch = batch.replaced(changes)
            texts = np.array(sorted(changes), np.int64)
            changed[texts] = True
            for text in changes:
                kept.pop(text)
        for text, seen in kept.items():
            counts[text] += seen
        values = {column(kind): counts[:, i] for i, kind in enumerate(_KINDS)}
        return batch, np.flatnonzero(changed), values


def _found_at(batch: TextBatch, texts: NDArray[np.int64]) -> dict[int, list[Hit]]:
    """The hits in the given texts that have any, by text."""
    result: dict[int, list[Hit]] = {}
    offsets = batch.offsets
    for text, start, end in windows(batch, texts).tolist():
        window = batch.points[start:end].tobytes().decode("utf-32-le")
        hits = found(window)
        if hits:
            shift = start - int(offsets[text])
            moved = [Hit(hit.start + shift, hit.end + shift, hit.kind) for hit in hits]
            result.setdefault(text, []).extend(moved)
    return result


def _masked(text: str, hits: list[Hit], han: bool) -> str:
    pieces = []
    at = 0
    for hit in hits:
        pieces += [text[at : hit.start], MASKS[hit.kind][not han]]
        at = hit.end
    return "".join([*pieces, text[at:]])
