"""Dialogues, however a set writes them down, as system, history, instruction and output.

Three ways are known: a list of messages with roles, a list of pairs, and turns hidden in a text
behind markers such as `Human:`. A text is a dialogue only if it begins with a marker, and it is
taken apart only if every marker found is a turn of a complete alternation; a text that merely
speaks of `User:` is left whole. Nothing here knows of files, rows or Arrow, so that adapters and
later steps can both use it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

SYSTEM, USER, ASSISTANT = "system", "user", "assistant"


class Turn(NamedTuple):
    """What one side said."""

    role: str
    """system, user or assistant."""
    text: str


class Dialogue(NamedTuple):
    """A dialogue in the fields of the instruction schema."""

    instruction: str
    """The last thing the user said."""
    output: str
    """The last answer; may be empty, all other turns are not."""
    history: list[tuple[str, str]]
    """Earlier (user, assistant) turns, oldest first."""
    system: str


class Problem(NamedTuple):
    """Why something is no dialogue that could be taken apart."""

    reason: str
    """One of the keys of REASONS."""
    detail: str


REASONS = {
    "no_turns": "an empty list of turns",
    "not_turns": "something else than a list of messages or pairs where the turns should be",
    "unknown_role": "a role that is neither system, user nor assistant, such as a tool's",
    "not_text": "a message whose content is no text",
    "starts_with_assistant": "the first turn is the assistant's",
    "two_user_turns": "two turns of the user in a row",
    "two_assistant_turns": "two turns of the assistant in a row",
    "empty_turn": "a turn, other than the last answer, without text",
    "unfinished": "the last turn is the user's, and no answer follows",
    "misplaced_system": "a system message elsewhere than first or before the last user's turn",
    "unclosed_turn": "a turn without the end mark of its format, or text behind that mark",
    "text_before_turns": "an instruction without markers before an input with them",
    "text_after_turns": "an input without markers after an instruction with them",
    "one_sided": "markers of one side only",
}
"""Every reason, with what it means."""

_EDGES = " \t\r\n"
"""White space that belongs to the layout of a transcript. An ideographic space does not: it
indents a paragraph of the text itself."""


def folded(turns: Sequence[Turn]) -> Dialogue | Problem:
    """The dialogue of alternating turns: the user first, the assistant last.

    One system message may come first or right before the last turn of the user.
    """
    system = ""
    spoken: list[str] = []
    place = -1
    for role, text in turns:
        if role == SYSTEM:
            if place >= 0:
                return Problem("misplaced_system", "more than one system message")
            system, place = text, len(spoken)
            continue
        if role != (ASSISTANT if len(spoken) % 2 else USER):
            if not spoken:
                return Problem("starts_with_assistant", f"begins with {_shown(text)}")
            reason = "two_user_turns" if role == USER else "two_assistant_turns"
            return Problem(reason, f"turns {len(spoken)} and {len(spoken) + 1}: {_shown(text)}")
        spoken.append(text)
    if not spoken:
        return Problem("no_turns", "no turn of the user")
    if len(spoken) % 2:
        return Problem("unfinished", f"ends with the user: {_shown(spoken[-1])}")
    if place > 0 and place != len(spoken) - 2:
        return Problem("misplaced_system", f"before turn {place + 1} of {len(spoken)}")
    for number, text in enumerate(spoken[:-1], 1):
        if not text.strip():
            return Problem("empty_turn", f"turn {number} of {len(spoken)} is empty")
    history = list(zip(spoken[:-2:2], spoken[1:-2:2], strict=True))
    return Dialogue(spoken[-2], spoken[-1], history, system)


ROLES = {
    **dict.fromkeys(("system", "系统", "系統"), SYSTEM),
    **dict.fromkeys(("user", "human", "prompter", "用户", "用戶", "人类", "question"), USER),
    **dict.fromkeys(
        ("assistant", "gpt", "chatgpt", "gpt-4", "bing", "bard", "bot", "model", "moss", "ai",
         "助手", "助理", "机器人", "answer"),
        ASSISTANT,
    ),
}  # fmt: skip
"""Names of the roles in lists of messages, in lower case."""

_ROLE_KEYS = ("role", "from", "speaker")
_CONTENT_KEYS = ("content", "value", "text")
_USER_KEYS = ("user", "human", "question", "prompt", "query", "instruction", "q", "用户", "问")
_ASSISTANT_KEYS = ("assistant", "gpt", "answer", "response", "bot", "output", "a", "助手", "答")


def messages_turns(
    messages: Any,
    role: str | None = None,
    content: str | None = None,
    roles: Mapping[str, str] = ROLES,
) -> list[Turn] | Problem:
    """The turns of a list of messages (`role` and `content`, or `from` and `value`), of objects
    with both sides of a turn (`human` and `assistant`), or of pairs.

    role, content: the keys, found among the known ones when not given.
    """
    if type(messages) is not list:
        return Problem("not_turns", f"{_kind(messages)} where a list of turns was expected")
    if not messages:
        return Problem("no_turns", "an empty list of turns")
    first = messages[0]
    if type(first) is not dict:
        return pairs_turns(messages)
    role = role or next((key for key in _ROLE_KEYS if key in first), None)
    content = content or next((key for key in _CONTENT_KEYS if key in first), None)
    if role is None or content is None:
        return pairs_turns(messages)
    turns = []
    for number, message in enumerate(messages, 1):
        if type(message) is not dict or role not in message:
            return Problem("not_turns", f"message {number} has no {role!r}")
        name = message[role]
        known = roles.get(name) if type(name) is str else None
        if known is None:
            known = roles.get(str(name).strip().lower())
        if known is None:
            return Problem("unknown_role", f"message {number} is of role {name!r}")
        text = message.get(content)
        if type(text) is not str:
            joined = _joined_parts(text)
            if joined is None:
                return Problem("not_text", f"{content!r} of message {number} is {_kind(text)}")
            text = joined
        turns.append(Turn(known, text))
    return turns


def _joined_parts(content: Any) -> str | None:
    """Content in parts (`[{"type": "text", "text": …}]`) as one text; None if a part is no text."""
    if type(content) is not list or not content:
        return None
    texts: list[str] = []
    for part in content:
        text = part.get("text") if type(part) is dict else None
        if type(text) is not str:
            return None
        texts.append(text)
    return "".join(texts)


def pairs_turns(pairs: Any) -> list[Turn] | Problem:
    """The turns of `[[question, answer], …]` or of objects with a key for either side."""
    if type(pairs) is not list:
        return Problem("not_turns", f"{_kind(pairs)} where a list of turns was expected")
    turns: list[Turn] = []
    for number, pair in enumerate(pairs, 1):
        if type(pair) is dict:
            user = next((pair[key] for key in _USER_KEYS if key in pair), None)
            answer = next((pair[key] for key in _ASSISTANT_KEYS if key in pair), None)
        elif type(pair) is list and len(pair) == 2:
            user, answer = pair
        else:
            return Problem("not_turns", f"turn {number} is {_kind(pair)}, not a pair")
        if type(user) is not str or type(answer) is not str:
            side = "user's" if type(user) is not str else "assistant's"
            return Problem("not_text", f"the {side} side of turn {number} is no text")
        turns += (Turn(USER, user), Turn(ASSISTANT, answer))
    return turns


@dataclass(frozen=True)
class Style:
    """One way of writing turns into a text."""

    name: str
    openings: tuple[str, ...]
    """How a text in this style may begin: the cheap look that all other texts get."""
    markers: tuple[re.Pattern[str], ...]
    """What begins a turn, its speaker's word in the last group that matched. The first pattern
    that makes a dialogue counts, so the stricter come first."""
    roles: Mapping[str, str]
    """From the speaker's word to the role."""
    answers: tuple[str, ...]
    """How an answer may begin that carries its marker."""
    close: tuple[str, ...] = ()
    """What ends a turn, in formats that say so."""

    def role(self, mark: re.Match[str]) -> str:
        """The role of the turn that a marker begins."""
        return self.roles[mark[mark.lastindex or 0]]


def _labelled(words: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The openings and answers of a style whose markers are words with a colon."""
    both = {f"{word}{colon}": role for word, role in words.items() for colon in ":："}
    return tuple(both), tuple(word for word, role in both.items() if role == ASSISTANT)


def _at_lines(user: str, assistant: str, system: str) -> Style:
    """A style of `User: …` and `Assistant: …` at the beginning of lines."""
    roles = {user: USER, assistant: ASSISTANT, system: SYSTEM}
    marker = re.compile(rf"^({'|'.join(roles)})[:：][ \t]*", re.MULTILINE)
    openings, answers = _labelled(roles)
    return Style(f"{user}_{assistant}".lower(), openings, (marker,), roles, answers)


HUMAN_ASSISTANT = _at_lines("Human", "Assistant", "System")
USER_ASSISTANT = _at_lines("User", "Assistant", "System")
USER_BOT = _at_lines("User", "Bot", "System")
YONGHU_ZHUSHOU = _at_lines("用户", "助手", "系统")
INLINE = Style(
    "inline",
    USER_ASSISTANT.openings,
    (
        *USER_ASSISTANT.markers,
        # Behind a quotation mark or bracket it is spoken of, not used.
        re.compile(r"(?<![A-Za-z0-9_\"'“‘「『（(\[`*<])(User|Assistant|System)[:：][ \t]*"),
    ),
    USER_ASSISTANT.roles,
    USER_ASSISTANT.answers,
)
"""GuanacoDataset: a turn may begin in the middle of a line."""
MOSS = Style(
    "moss",
    ("<|Human|>:", "[Human]:"),
    (re.compile(r"(?:<\||\[)(Human|MOSS)(?:\|>|\]): ?"),),
    {"Human": USER, "MOSS": ASSISTANT},
    ("<|MOSS|>:", "[MOSS]:"),
    close=("<eoh>", "<eom>", "<eoa>"),
)
S_TAGS = Style(
    "s_tags",
    ("<s>Human:", "<s>System:"),
    (re.compile(r"<s>(Human|Assistant|System): ?"),),
    HUMAN_ASSISTANT.roles,
    ("<s>Assistant:",),
    close=("</s>",),
)
_ROUND = r"\[Round \d+\]\s*(问)[:：][ \t]*"
ROUNDS = Style(
    "rounds",
    ("[Round ",),
    (
        re.compile(rf"{_ROUND}|^(答)[:：][ \t]*", re.MULTILINE),
        re.compile(rf"{_ROUND}|(答)[:：][ \t]*"),
    ),
    {"问": USER, "答": ASSISTANT},
    ("答:", "答："),
)
CHATML = Style(
    "chatml",
    ("<|im_start|>",),
    (re.compile(r"<\|im_start\|>(system|user|assistant)\n"),),
    {role: role for role in (SYSTEM, USER, ASSISTANT)},
    ("<|im_start|>assistant\n",),
    close=("<|im_end|>",),
)

STYLES = {
    style.name: style
    for style in (
        MOSS, S_TAGS, ROUNDS, CHATML,
        HUMAN_ASSISTANT, USER_ASSISTANT, USER_BOT, YONGHU_ZHUSHOU, INLINE,
    )
}  # fmt: skip
"""Every style by name."""
GENERAL = tuple(style for style in STYLES.values() if style is not INLINE)
"""The styles that can be told from prose in texts of unknown origin."""


def unfolded(
    instruction: str, input: str, output: str, styles: Sequence[Style], certain: bool = False
) -> tuple[Style, Dialogue | Problem] | None:
    """The dialogue hidden in a row's texts, or why they were not taken apart, with the style they
    begin in; None for a row that is no dialogue.

    certain: the set is known to use the styles; otherwise both sides must be there to be believed.
    """
    led = bool(instruction.strip(_EDGES))
    found = _styles_of(instruction if led else input, styles)
    if not found:
        found = _styles_of(input, styles) if certain and led else []
        if not found:
            return None
        why = Problem("text_before_turns", f"instruction begins {_shown(instruction)}")
        return found[0], why
    texts = [text for text in (instruction, input) if text.strip(_EDGES)]
    problems: list[tuple[bool, int, Style, Problem]] = []
    for style in found:
        made = _in_style(texts, output, style, certain)
        if isinstance(made, Dialogue):
            return style, made
        # Of several styles that begin alike, the one whose answers are there tells what is wrong.
        likely = any(opening in text for text in texts for opening in style.answers)
        problems.append((not likely, len(problems), style, made))
    _, _, style, problem = min(problems)
    return style, problem


def _styles_of(text: str, styles: Sequence[Style]) -> list[Style]:
    """The styles with whose marker the text begins."""
    start = text.lstrip(_EDGES)[:16]
    return [style for style in styles if start.startswith(style.openings)]


def _in_style(texts: Sequence[str], output: str, style: Style, certain: bool) -> Dialogue | Problem:
    for text in texts:
        if not text.lstrip(_EDGES).startswith(style.openings):
            return Problem("text_after_turns", f"input begins with {_shown(text)}")
    for marker in style.markers[:-1]:
        # A stricter marker that sees one side only has overlooked the other.
        found = _dialogue(texts, output, style, marker, certain=False)
        if isinstance(found, Dialogue):
            return found
    return _dialogue(texts, output, style, style.markers[-1], certain)


def _dialogue(
    texts: Sequence[str], output: str, style: Style, marker: re.Pattern[str], certain: bool
) -> Dialogue | Problem:
    turns: list[Turn] = []
    for text in texts:
        found = _turns(text, style, marker)
        if isinstance(found, Problem):
            return found
        turns += found
    if not certain and not {USER, ASSISTANT} <= {turn.role for turn in turns}:
        return Problem("one_sided", "markers of one side only")
    if turns[-1].role == ASSISTANT and not turns[-1].text:
        turns.pop()  # the cue for the answer
    if output.lstrip(_EDGES).startswith(style.answers):
        found = _turns(output, style, marker)
        if isinstance(found, Problem):
            return found
        turns += found
    elif output.strip() or not turns or turns[-1].role != ASSISTANT:
        turns.append(Turn(ASSISTANT, output))
    return folded(turns)


def _turns(text: str, style: Style, marker: re.Pattern[str]) -> list[Turn] | Problem:
    """The turns of a text that begins with a marker, without the layout around them."""
    marks = list(marker.finditer(text))
    if not style.close and "```" in text:
        # Labels inside fenced code are code.
        fences = [mark.start() for mark in re.finditer(r"^[ \t]*```", text, re.MULTILINE)]
        spans = list(zip(fences[::2], fences[1::2], strict=False))
        marks = [m for m in marks if not any(a <= m.start() < b for a, b in spans)]
    if not marks or text[: marks[0].start()].strip(_EDGES):
        return Problem("text_before_turns", f"begins with {_shown(text)}")
    turns = []
    for number, mark in enumerate(marks, 1):
        end = marks[number].start() if number < len(marks) else len(text)
        said = text[mark.end() : end].strip(_EDGES)
        if style.close and (said or number < len(marks)):
            closed = next((said[: -len(c)] for c in style.close if said.endswith(c)), None)
            if closed is None or any(token in closed for token in style.close):
                return Problem("unclosed_turn", f"turn {number} ends with {_shown(said[-40:])}")
            said = closed.strip(_EDGES)
        turns.append(Turn(style.role(mark), said))
    return turns


def _shown(text: str) -> str:
    return repr(text[:40] + ("…" if len(text) > 40 else ""))


_KINDS: dict[type, str] = {
    str: "a string",
    list: "a list",
    dict: "an object",
    bool: "a truth value",
}


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    return _KINDS.get(type(value), "a number")
