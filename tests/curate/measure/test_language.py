"""Language labels: goldens by hand, what must hold for any text, and the libraries beside ours."""

from __future__ import annotations

import builtins
import unicodedata
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import curate.measure
from curate.measure import detectors, lettermodel, scriptlook
from curate.measure.base import Measure
from curate.measure.language import Language
from curate.scan import scan
from curate.step import discovered
from curate.textbatch import TextBatch


def measured(texts: list[str], **options: Any) -> tuple[list[str], np.ndarray]:
    batch = TextBatch.from_strings(texts)
    columns = Language(**options).measure_batch(batch, scan(batch))
    return pa.array(columns["lang"]).to_pylist(), np.asarray(columns["lang_confidence"])


def label(text: str, **options: Any) -> str:
    return measured([text], **options)[0][0]


GOLDEN = {
    "zh": [
        "开会。",
        "好的",
        "今天下午三点在二楼开会，请准时参加。",
        "这家店的牛肉面汤很浓，就是上菜慢了点。",
        "２０２４年第３季度",
        "数据清洗：去重、分词、统计",
        "他在邮件里写道：OK, see you then.",
        "用 Python 写一个脚本",
        "iPhone手机",
        # A Japanese particle as decoration, and a quoted word, do not make a text Japanese.
        "鲜の味寿司店开业了",
        "“カワイイ”这个词是什么意思，怎么用才合适？",
    ],
    "zh-Hant": [
        "開會。請各位準時出席",
        "這家店的牛肉麵湯頭很濃，就是上菜慢了點。",
        "請問圖書館幾點關門？",
    ],
    "yue": [
        "我唔知佢喺邊度。",
        "你食咗飯未呀？",
        "呢啲嘢好貴㗎。",
        "我哋听日去睇戏，你嚟唔嚟？",
    ],
    "lzh": [
        "子曰：“吾未见好学如汝者也。”",
        "其人遂归，终身不复言兵，岂不惜哉！",
        "臣聞明主之治國也，必先察其民之所欲，而後行之。",
    ],
    "ja": [
        "これは短い文です。",
        "東京駅前",
        "会議室",
        "全国検索対応",
        "この機械学習モデルはPythonで書かれています。",
        "データ",
        "本日は晴天なり",
    ],
    "ko": ["안녕하세요.", "오늘 오후 세 시에 회의(會議)가 있습니다.", "네"],
    "en": [
        "The meeting starts at three in the afternoon.",
        "1929 or 1989?",
        "PARIS –",
        "Thank you very much.",
        "THE END OF THE AFFAIR",
        "ＨＥＬＬＯ ＷＯＲＬＤ",
        "The word 你好 means hello in Chinese.",
    ],
    "fr": ["La réunion commence à trois heures de l'après-midi."],
    "de": ["Die Sitzung beginnt um drei Uhr nachmittags."],
    "es": ["La reunión empieza a las tres de la tarde."],
    "vi": ["Cuộc họp bắt đầu lúc ba giờ chiều."],
    "ru": ["Собрание начнётся в три часа дня."],
    "uk": ["Збори почнуться о третій годині дня, приходьте всі."],
    "ar": ["يبدأ الاجتماع في الساعة الثالثة بعد الظهر."],
    "th": ["การประชุมเริ่มตอนบ่ายสามโมง"],
    "el": ["Η συνάντηση αρχίζει στις τρεις."],
    "und": ["", "   ", "123", "……！？", "12:30 - 14:00", "😀😀", "x", "3 × 5 = 15", "\ufffd\n\t"],
}


@pytest.mark.parametrize(
    ("expected", "text"), [(k, t) for k, group in GOLDEN.items() for t in group]
)
def test_golden(expected: str, text: str) -> None:
    assert label(text) == expected


def test_columns_have_a_value_for_every_text() -> None:
    texts = ["开会。", "", "hello there, my friend", "123"]
    batch = TextBatch.from_strings(texts)
    columns = Language().measure_batch(batch, scan(batch))
    assert set(columns) == set(Language.columns)
    assert columns["lang"].type == pa.string()
    assert columns["lang"].null_count == 0
    assert columns["lang_confidence"].dtype == np.float32
    assert len(columns["lang"]) == len(columns["lang_confidence"]) == len(texts)


def test_an_empty_batch_gives_empty_columns() -> None:
    labels, confidence = measured([])
    assert labels == []
    assert len(confidence) == 0


def test_recipes_find_it_and_both_sides_of_a_pair_are_measured() -> None:
    assert discovered(curate.measure, Measure)["language"] is Language
    assert Language.sides


def test_confidence_says_how_mixed_a_text_is() -> None:
    _, (pure, mixed, nothing) = measured(["数据清洗和统计", "数据清洗 data cleaning", "2024"])
    assert pure == 1.0
    assert 0.4 < mixed < 0.9
    assert nothing == 0.0


def test_one_han_character_weighs_as_three_letters() -> None:
    assert label("abcdef 数据") == "zh"
    assert label("with words 数据") == "en"


def test_long_chinese_text_stays_chinese_whatever_it_quotes() -> None:
    body = "这篇文章介绍了几种方言和它们的用字，读者可以对照着看。" * 20
    for quote in (
        "佢哋唔嚟",
        "学而时习之，不亦说乎",
        "東京駅",
        "ありがとう",
        "안녕하세요",
        "hello world",
    ):
        assert label(body + quote) == "zh", quote


def test_megabyte_of_text_is_judged_by_its_own_letters() -> None:
    assert label("中" * 1_000_000) == "zh"
    assert label("it was a long and winding road to the sea " * 20_000) == "en"
    # A wall of one letter has no word to know; it must end, and with a label of ours.
    assert label("a" * 1_000_000) in lettermodel.LABELS


_LABELS = {*scriptlook.FIRST_LABELS, *lettermodel.LABELS}
_TEXT = st.text(
    st.one_of(
        st.sampled_from("中国开会學嘅之曰のカ駅한글abc éßœ ıŁ бйїق پ ไท 12，。\n\u0301’-"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
)


@given(st.lists(_TEXT, max_size=8))
def test_any_text_gets_one_of_our_labels_and_what_stands_beside_it_does_not_matter(
    texts: list[str],
) -> None:
    labels, confidence = measured(texts)
    assert set(labels) <= _LABELS
    assert all(0 <= c <= 1 for c in confidence)
    again, again_confidence = measured(texts[::-1])
    assert again[::-1] == labels
    assert (again_confidence[::-1] == confidence).all()
    assert [label(text) for text in texts] == labels


@given(st.text(st.characters(categories=["N", "P", "S", "Z", "Cc", "Co"]), max_size=30))
def test_text_without_letters_is_und(text: str) -> None:
    labels, confidence = measured([text])
    # Numerals such as Ⅻ and 〇 are letters to some; whatever has no letter or ideograph is und.
    if not any(
        unicodedata.category(c)[0] == "L" or unicodedata.name(c, "")[:3] == "CJK" for c in text
    ):
        assert labels == ["und"]
        assert confidence[0] == 0


@given(_TEXT, st.text("0123456789，。！？ …\n（）", max_size=10))
def test_digits_and_punctuation_after_a_text_do_not_change_its_language(
    text: str, tail: str
) -> None:
    assert label(text) == label(text + "\n" + tail)


@given(_TEXT)
def test_letters_are_counted_as_unicode_names_them(text: str) -> None:
    """Against a slow count from the Unicode database."""
    counted = scriptlook.evidence(TextBatch.from_strings([text]))[0]
    names = [unicodedata.name(c, "") for c in text if unicodedata.category(c)[0] == "L"]
    names = [name.removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ") for name in names]
    han = sum(n.startswith(("CJK", "IDEOGRAPHIC ITERATION", "BOPOMOFO")) for n in names)
    assert counted[scriptlook.HAN] == han
    assert counted[scriptlook.KANA] == sum(n.startswith(("HIRAGANA", "KATAKANA")) for n in names)
    assert counted[scriptlook.HANGUL] == sum(n.startswith("HANGUL") for n in names)
    for i, script in enumerate(scriptlook.SHARED):
        assert counted[scriptlook.HANGUL + 1 + i] == sum(n.split(" ")[0] == script for n in names)


def test_evidence_sets_are_disjoint_where_they_oppose_each_other() -> None:
    assert not set(scriptlook._CLASSICAL + scriptlook._CLASSICAL_WEAK) & set(scriptlook._MODERN)
    assert not set(scriptlook._CANTONESE) & set(scriptlook._MANDARIN)


WORDS = [
    "the meeting starts at three in the afternoon",
    "la réunion commence à trois heures",
    "spotkanie zaczyna się o trzeciej po południu",
    "toplantı öğleden sonra üçte başlıyor",
    "mötet börjar klockan tre på eftermiddagen",
    "ja",
    "o",
]


def test_compiled_model_scores_as_py3langid_does() -> None:
    """The automaton and the sums in compiled code against the library's own, same languages."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(lettermodel.LANGUAGES["LATIN"])
    batch = TextBatch.from_strings(WORDS)
    n = len(WORDS)
    model = lettermodel._bayes()[scriptlook.LATIN]
    scores = np.full((n, len(lettermodel.LABELS)), -np.inf, np.float32)
    leads, lengths = np.zeros(n, np.float32), np.zeros(n, np.int64)
    buffer = np.zeros((n, 400), np.uint8)
    lettermodel._score(
        batch.points, batch.offsets, np.arange(n), np.uint32(1), lettermodel._letters(),
        1000, 1000, 0.0, model.moves, model.states, model.weights, model.prior, model.labels,
        scores, leads, buffer, lengths,
    )  # fmt: skip
    for row, length, letters, text in zip(scores, lengths, buffer, WORDS, strict=True):
        assert bytes(letters[:length]).decode() == text + " "
        expected = dict(identifier.rank(text + " "))
        if max(expected.values()) < -1e30:  # no n-gram known: the library gives up, we have a draw
            assert np.ptp(row[np.isfinite(row)]) < 0.1
            continue
        for name, score in expected.items():
            assert row[lettermodel.LABELS.index(name)] == pytest.approx(score, rel=1e-3, abs=0.02)


def test_reading_more_letters_in_steps_is_the_same_as_reading_them_at_once() -> None:
    text = "quod erat demonstrandum, de facto et in spe, per se non grata " * 8
    batch = TextBatch.from_strings([text])
    model = lettermodel._bayes()[scriptlook.LATIN]
    results = []
    for first in (7, 100_000):
        scores = np.full((1, len(lettermodel.LABELS)), -np.inf, np.float32)
        buffer, lengths = np.zeros((1, 5000), np.uint8), np.zeros(1, np.int64)
        lettermodel._score(
            batch.points, batch.offsets, np.arange(1), np.uint32(1), lettermodel._letters(),
            first, 100_000, np.inf, model.moves, model.states, model.weights, model.prior,
            model.labels, scores, np.zeros(1, np.float32), buffer, lengths,
        )  # fmt: skip
        results.append((scores.tolist(), bytes(buffer[0, : lengths[0]])))
    assert results[0] == results[1]


# lingua takes half a minute to load all its languages: tests/real has it.
@pytest.mark.parametrize("name", sorted({*detectors.DETECTORS} - {"lingua"}))
def test_reference_detectors_know_plain_text(name: str) -> None:
    pytest.importorskip(name.replace("-", "_"))
    texts = [
        "今天天气很好，我们决定去公园里散步，顺便买一些水果回来。",
        "The weather was fine today, so we decided to walk through the park and buy some fruit.",
        "今日は天気が良かったので、公園を散歩して果物を買って帰りました。",
        "",
    ]
    labels, confidence = measured(texts, detector=name)
    assert labels == ["zh", "en", "ja", "und"]
    assert confidence.dtype == np.float32
    assert ((confidence >= 0) & (confidence <= 1)).all()
    assert confidence[3] == 0


@pytest.mark.parametrize("name", ["langdetect", "langdetect-rs"])
def test_langdetect_is_seeded(name: str) -> None:
    pytest.importorskip(name.replace("-", "_"))
    texts = ["开会。", "Somi.", "ok ja", "总之", "la la la", "Einmal"] * 3
    first = measured(texts, detector=name)
    second = measured(texts[::-1], detector=name)
    assert first[0] == second[0][::-1]
    assert (first[1] == second[1][::-1]).all()
    assert first[0][:6] == first[0][6:12]


def test_langdetect_calls_plain_chinese_korean_and_ours_does_not() -> None:
    """Why langdetect is a reference only; if it learns better, change docs/language.md."""
    pytest.importorskip("langdetect")
    texts = ["会议结束", "开会。", "银行利率", "经济增长放缓", "政府工作报告", "市场监督管理局"]
    assert "ko" in measured(texts, detector="langdetect")[0]
    assert measured(texts)[0] == ["zh"] * 6


def test_an_unknown_detector_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValidationError, match=r"script\+model"):
        Language(detector="guess")  # type: ignore[arg-type]


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("lingua"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="pip install lingua-language-detector"):
        measured(["开会。"], detector="lingua")
