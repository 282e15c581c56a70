"""Encoding repair: every route back, nothing guessed, clean text untouched."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.rewrite.encoding import Encoding
from curate.rewrite.plausibility import COMMON
from curate.scan import scan
from curate.textbatch import TextBatch

REWRITE = Encoding()
TEXTS = [
    "今年春天来得早，河边的柳树已经绿了。",
    "委员会将在三月举行下一次会议。",
    "这本书我看了两遍，还想再看一遍！",
    "开会。我们十点开始",
    "“你好，”他说，“请坐——茶还是咖啡……”",
    "《山海经》第3卷（2019年版）收录了12幅插图；售价￥45.50元。",
]
TRADITIONAL = [
    "他們在圖書館裡討論歷史問題，直到關門才離開。",
    "這條鐵路是十九世紀末修築的。",
]
LOSSLESS = [
    "春天来了花开",
    "大家都很高兴",
    "机器学习方法",
    "图书馆里很安静",
    "明天下午三點",
    "他們在討論歷史",
]
"""Some of these survive every route: an even number of bytes, no unlucky pairs."""
CLEAN = [
    *TEXTS,
    *TRADITIONAL,
    "Où êtes-vous né ? À Besançon, près de l’église où l’on célèbre Noël.",
    "Größe, Übermut, äußerst schöne Füße; „Straße“ – ÄÖÜ äöüß",
    "Tôi rất thích phở bò và cà phê sữa đá ở Hà Nội.",
    "não, coração, «AÇÃO» À TARDE, maçã, põe, ¿Qué? ¡Así es! Ñandú",
    "Það er ágætt að búa á Íslandi; Ærøskøbing, Åbenrå, på ö",
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõöøùúûüýþÿ",
    "[A-Za-zÀ-ÖØ-öø-ÿ]+ ¢£¤¥ ©®™ ±½¼¾ µm 20°C ×÷ §12 ¶ ¬",
    "/ˈtʃaɪniːz/ [tʂʊ́ŋ.wə̌n] ə ɪ ʊ θ ð",
    "朱镕基、张赟、陈旻、李喆、刘堃、龑、彧、玥、曌、锟、芃、翀",
    "東京都知事選挙の結果、広島県の駅前で演説が行われた。ｶﾀｶﾅ",
    "괜찮아요, 감사합니다. 한국어 텍스트입니다.",
    "Привет, как дела? Καλημέρα κόσμε",
    "氓之蚩蚩，抱布贸丝。匪来贸丝，来即我谋。",
    "龘靐齉爩，魑魅魍魉，饕餮貔貅，囹圄耄耋",
    "鐨勭鍦ㄥ", "锟斤拷", "烫烫烫烫烫烫", "屯屯屯屯", "文字\ufffd\ufffd丢失", "", "?", "\ufffd",
]  # fmt: skip


def windows(text: str) -> str:
    """UTF-8 bytes as Windows-1252, the undefined bytes as C1 controls."""
    return "".join(
        chr(byte) if byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else bytes([byte]).decode("cp1252")
        for byte in text.encode()
    )


def browser(text: str) -> str:
    """UTF-8 bytes as GBK, as browsers read it: 0x80 is the euro sign, what is no pair U+FFFD."""
    data, out, i = text.encode(), "", 0
    while i < len(data):
        if data[i] < 0x80 or data[i] == 0x80:
            out += chr(data[i]) if data[i] < 0x80 else "€"
            i += 1
            continue
        try:
            out += data[i : i + 2].decode("gb18030")
            i += 2
        except UnicodeDecodeError:
            out += "\ufffd"
            i += 1
    return out


def latin(encoding: str) -> Callable[[str], str]:
    """Bytes of an encoding as Latin-1."""
    return lambda text: text.encode(encoding).decode("latin-1")


ROUTES = {
    "UTF-8 as Windows-1252": (windows,),
    "UTF-8 as Latin-1": (latin("utf-8"),),
    "UTF-8 as Windows-1252, twice": (windows, windows),
    "UTF-8 as GBK": (browser,),
    "UTF-8 as GBK, twice": (browser, browser),
    "as GBK, then as Windows-1252": (browser, windows),
    "as Windows-1252, then as GBK": (windows, browser),
    "GBK as Latin-1": (latin("gbk"),),
    "Big5 as Latin-1": (latin("big5"),),
}


def damaged(text: str, route: str) -> str | None:
    """The text after the route; None where the route loses some of it."""
    for layer in ROUTES[route]:
        try:
            text = layer(text)
        except UnicodeEncodeError:
            return None
        if "\ufffd" in text:
            return None
    return text


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_back(route: str) -> None:
    found = {text: damaged(text, route) for text in (*TEXTS, *TRADITIONAL, *LOSSLESS)}
    tried = {text: bad for text, bad in found.items() if bad is not None}
    assert len(tried) >= 2
    for text, bad in tried.items():
        assert bad != text
        assert REWRITE.rewrite(bad) == text


@pytest.mark.parametrize("text", CLEAN)
def test_clean_text_is_untouched(text: str) -> None:
    assert REWRITE.rewrite(text) == text


@pytest.mark.parametrize(
    ("bad", "repaired"),
    [
        ("æœ¬é¡¹ç›®", "本项目"),
        ("ÖÐÎÄ", "中文"),
        ("\u6d93\ue15f\u6783", "中文"),
        ("涓€鍙风嚎", "一号线"),
        ("donâ€™t say â€œmaybeâ€\x9d", "don’t say “maybe”"),
        ("cafÃ© at 5Â°", "café at 5°"),
        ("ä½ å¥½ï¼Œä¸–ç•Œ", "你好，世界"),  # 0xA0 turned into a blank
        ("ðŸ˜€ ok", "😀 ok"),
    ],
)
def test_known_damage(bad: str, repaired: str) -> None:
    assert REWRITE.rewrite(bad) == repaired


@pytest.mark.parametrize("route", ["UTF-8 as Windows-1252", "UTF-8 as GBK", "GBK as Latin-1"])
def test_a_damaged_stretch_in_clean_text(route: str) -> None:
    (damage,) = ROUTES[route]
    inner = "大家都很高兴"
    clean = "天气预报说明天有雨。\n{}\n请带伞，Café Müller 见。"
    assert REWRITE.rewrite(clean.format(damage(inner))) == clean.format(inner)
    run_on = "天气预报说{}，记得带伞。"
    assert REWRITE.rewrite(run_on.format(damage(inner))) == run_on.format(inner)


def test_what_is_lost_stays_a_replacement_character() -> None:
    text = "河边的柳树已经绿了，大家都很高兴，大家"
    for bad in (
        text.encode().decode("gbk", "replace"),
        text.encode().decode("cp1252", "replace"),
        "大家都很高兴，大家".encode().decode("gb18030", "replace"),
        browser("大家都很高兴，大家").replace("\ufffd", "?"),
    ):
        lost = bad.count("\ufffd") + bad.count("?")
        repaired = REWRITE.rewrite(bad)
        known = [char for char in repaired if char not in "\ufffd?"]
        rest = iter(text)
        assert all(char in rest for char in known), repaired  # in order, and nothing invented
        assert lost >= 1
        assert len(known) >= 6
        assert REWRITE.rewrite(repaired) == repaired


def test_other_scripts_bytes_are_not_taken_for_chinese() -> None:
    for text, encoding in [
        ("Привет, как у вас дела сегодня?", "cp1251"),
        ("ПРИВЕТ ВСЕМ", "cp1251"),
        ("Καλημέρα σας, τι κάνετε;", "iso8859-7"),
        ("안녕하세요 반갑습니다. 오늘은 날씨가 좋습니다.", "euc-kr"),
        ("สวัสดีครับ ผมชื่อ", "cp874"),
        ("שלום לכולם", "cp1255"),
        ("مرحبا بالعالم", "cp1256"),
    ]:
        repaired = REWRITE.rewrite(latin(encoding)(text))
        assert not any("\u4e00" <= char <= "\u9fff" for char in repaired), (text, repaired)


@settings(max_examples=150)
@given(st.text(st.sampled_from(COMMON[:1500] + "，。！？、"), min_size=4, max_size=40))
def test_usual_characters_survive_and_return(text: str) -> None:
    assert REWRITE.rewrite(text) == text
    assert REWRITE.rewrite(windows(text)) == text
    if bad := damaged(text, "UTF-8 as GBK"):
        assert REWRITE.rewrite(bad) == text


@settings(max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_is_stable_after_one_pass(text: str) -> None:
    once = REWRITE.rewrite(text)
    assert REWRITE.rewrite(once) == once


@settings(max_examples=200)
@given(st.text("aeiouéèêàâîôûçäöüßñãõ ,.'", max_size=60))
def test_accented_letters_are_no_damage(text: str) -> None:
    assert REWRITE.rewrite(text) == text


def test_a_batch_is_its_texts() -> None:
    texts = [windows(TEXTS[0]), TEXTS[1], browser(TEXTS[2]), "", "Café"]
    batch = TextBatch.from_strings(texts)
    new, changed = REWRITE.rewrite_batch(batch, scan(batch))
    assert new.strings() == [REWRITE.rewrite(text) for text in texts]
    assert changed.dtype == np.int64
    assert changed.tolist() == [0, 2]


def test_agrees_with_ftfy_on_the_route_it_knows() -> None:
    ftfy = pytest.importorskip("ftfy")
    for text in [*TEXTS, *TRADITIONAL, "don’t", "naïve café", "10 – 20"]:
        bad = windows(text)
        assert REWRITE.rewrite(bad) == ftfy.fix_encoding(bad) == text


def test_what_is_beyond_repair_stays_as_it_is_beside_clean_text() -> None:
    clean = "县里决定拿出五十万元，用来修缮镇上的菜市场。负责人说，最难的是让大家坐下来商量。"
    for lost in ("锟斤拷", "锟斤拷锟斤拷", "\ufffd\ufffd"):
        assert Encoding().rewrite(lost + clean) == lost + clean


def test_the_best_known_remains_of_a_misread_word() -> None:
    assert Encoding().rewrite("这是涓枃版本") == "这是中文版本"
    assert Encoding().rewrite("涓涓细流") == "涓涓细流"
