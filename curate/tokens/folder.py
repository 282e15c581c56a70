"""The files beside a tokenizer: which tokens have a role, and the chat template."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curate.storage import read_json
from curate.tokens.tokenizer import TokenizerError

ROLES = ("bos", "eos", "pad", "unk")


@dataclass(frozen=True)
class Companions:
    """What a folder says of its tokenizer."""

    roles: dict[str, str] = field(default_factory=dict)
    """Text of the bos, eos, pad and unk tokens, those that are named."""
    chat_template: str | None = None


def _object(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        value = read_json(path)
    except ValueError as error:
        raise TokenizerError(f"{path}: not valid JSON ({error})") from None
    if not isinstance(value, dict):
        raise TokenizerError(f"{path}: must hold one JSON object")
    return value


def companions(folder: Path) -> Companions:
    """Reads `tokenizer_config.json`, `special_tokens_map.json` and `chat_template.jinja`.

    Raises TokenizerError where one of them cannot be read.
    """
    config = _object(folder / "tokenizer_config.json")
    roles: dict[str, str] = {}
    for source in (_object(folder / "special_tokens_map.json"), config):
        for role in ROLES:
            token = source.get(f"{role}_token")
            token = token.get("content") if isinstance(token, dict) else token
            if isinstance(token, str):
                roles[role] = token
    template = config.get("chat_template")
    if isinstance(template, list):
        named = {entry.get("name"): entry.get("template") for entry in template}
        template = named.get("default")
    file = folder / "chat_template.jinja"
    if file.exists():
        template = file.read_text(encoding="utf-8")
    return Companions(roles, template if isinstance(template, str) else None)
