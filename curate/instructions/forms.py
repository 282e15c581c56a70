"""Rows of instructions as lines of JSON, column by column.

Texts are quoted by a kernel, a column at a time; Arrow joins them with what stands between. A line
has the bytes that orjson would give it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from curate.instructions.history import sides
from curate.storage import column_array

_SHORT = {8: "b", 9: "t", 10: "n", 12: "f", 13: "r", 34: '"', 92: "\\"}
"""Bytes that JSON writes as a backslash and one character (RFC 8259, section 7)."""


def _escapes() -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    table[:32] = ord("u")
    for byte, letter in _SHORT.items():
        table[byte] = ord(letter)
    return table


_ESCAPES = _escapes()
"""What follows the backslash of a byte; 0 for one that stands for itself."""
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


@njit(cache=True, nogil=True)
def _room(data, begin, end):  # type: ignore[no-untyped-def]
    """Bytes that data[begin:end] at most grows by."""
    more = 0
    for i in range(begin, end):
        byte = data[i]
        more += 5 * (byte < 32) + (byte == 34) + (byte == 92)
    return more


@njit(cache=True, nogil=True)
def _quote(data, offsets, out, out_offsets):  # type: ignore[no-untyped-def]
    k = 0
    for row in range(len(offsets) - 1):
        out[k] = 34
        k += 1
        for i in range(offsets[row], offsets[row + 1]):
            byte = data[i]
            escape = _ESCAPES[byte]
            if escape == 0:
                out[k] = byte
                k += 1
                continue
            out[k] = 92
            out[k + 1] = escape
            k += 2
            if escape == 117:
                out[k] = 48
                out[k + 1] = 48
                out[k + 2] = _HEX[byte >> 4]
                out[k + 3] = _HEX[byte & 15]
                k += 4
        out[k] = 34
        k += 1
        out_offsets[row + 1] = k


def quoted(texts: pa.Array) -> pa.Array:
    """Texts as JSON strings, quotation marks included, large_string [n]; none may be null."""
    texts = texts.cast(pa.large_string())
    buffers = texts.buffers()
    offsets = np.zeros(1, np.int64)
    if len(texts):
        offsets = np.frombuffer(buffers[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(buffers[2] or b"", np.uint8)
    begin, end = int(offsets[0]), int(offsets[-1])
    out = np.empty(end - begin + _room(data, begin, end) + 2 * len(texts), np.uint8)
    out_offsets = np.zeros(len(texts) + 1, np.int64)
    _quote(data, offsets, out, out_offsets)
    return pa.LargeStringArray.from_buffers(
        len(texts), pa.py_buffer(out_offsets), pa.py_buffer(out)
    )


def _joined(*parts: pa.Array | str) -> pa.Array:
    """Parts of lines one behind the other; a word stands in every line."""
    values = [pa.scalar(p, pa.large_string()) if isinstance(p, str) else p for p in parts]
    return pc.binary_join_element_wise(*values, pa.scalar("", pa.large_string()))


def _turns(
    rows: pa.Table, before: str, between: str, after: str, separator: str = ""
) -> pa.Array | str:
    """The turns of every row, each as its texts between these words."""
    said = sides(column_array(rows, "history"))
    if not len(said.user):
        return ""
    each = _joined(before, quoted(said.user), between, quoted(said.assistant), after)
    lists = pa.ListArray.from_arrays(pa.array(said.offsets.astype(np.int32)), each)
    return pc.binary_join(lists, pa.scalar(separator, pa.large_string()))


def prompts(rows: pa.Table) -> pa.Array:
    """The last question of every row: instruction, then input, each on lines of its own."""
    instruction, given = (column_array(rows, name) for name in ("instruction", "input"))
    both = pc.and_(pc.not_equal(instruction, ""), pc.not_equal(given, ""))
    between = pc.if_else(both, pa.scalar("\n", pa.large_string()), pa.scalar("", pa.large_string()))
    return _joined(instruction, between, given)


def published(rows: pa.Table) -> pa.Array:
    """Lines in the published schema (curate.instructions.schema)."""
    instruction, given, output, system = (
        quoted(column_array(rows, name)) for name in ("instruction", "input", "output", "system")
    )
    history = _turns(rows, "[", ",", "]", separator=",")
    return _joined(
        *('{"instruction":', instruction, ',"input":', given, ',"output":', output),
        *(',"history":[', history, '],"system":', system, "}\n"),
    )


def messages(rows: pa.Table) -> pa.Array:
    """Lines of messages of role and content, the form of chat templates."""
    user, assistant = '{"role":"user","content":', '},{"role":"assistant","content":'
    system = column_array(rows, "system")
    told = _joined('{"role":"system","content":', quoted(system), "},")
    told = pc.if_else(pc.equal(system, ""), pa.scalar("", pa.large_string()), told)
    history = _turns(rows, user, assistant, "},")
    asked, output = quoted(prompts(rows)), quoted(column_array(rows, "output"))
    return _joined('{"messages":[', told, history, user, asked, assistant, output, "}]}\n")


def sharegpt(rows: pa.Table) -> pa.Array:
    """Lines of ShareGPT's conversations, the system text beside them."""
    human, gpt = '{"from":"human","value":', '},{"from":"gpt","value":'
    history = _turns(rows, human, gpt, "},")
    asked, output = quoted(prompts(rows)), quoted(column_array(rows, "output"))
    system = quoted(column_array(rows, "system"))
    return _joined(
        *('{"conversations":[', history, human, asked, gpt, output),
        *('}],"system":', system, "}\n"),
    )


FORMS: dict[str, Callable[[pa.Table], pa.Array]] = {
    "jsonl": published,
    "messages": messages,
    "sharegpt": sharegpt,
}
"""Forms of training files, by the option of the recipe that asks for them: rows of SHUFFLED's
schema (curate.instructions.data) to lines that end with a line feed."""
