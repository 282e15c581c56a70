"""Adapters by name: those of this package, and a user's own as `package.module:Class`."""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

import sources
from sources.adapter import Adapter


@functools.cache
def adapters() -> dict[str, type[Adapter]]:
    """Every adapter defined in a module of this package, by name in alphabetical order."""
    found: dict[str, type[Adapter]] = {}
    for info in pkgutil.iter_modules(sources.__path__):
        if info.ispkg:
            continue
        module = importlib.import_module(f"sources.{info.name}")
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, Adapter)
                and value.__module__ == module.__name__
                and "name" in value.__dict__
            ):
                found[value.name] = value
    return dict(sorted(found.items()))


def adapter_class(name: str) -> type[Adapter]:
    """The adapter called `name`, or the class at `package.module:Class`.

    Raises ValueError, in words for the recipe's author, if there is none.
    """
    if ":" in name:
        return _imported(name)
    known = adapters()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"no adapter {name!r}; {hint}There are {', '.join(known)}")


def adapter(name: str, options: Mapping[str, Any] | None = None) -> Adapter:
    """The adapter with its options checked. Raises ValueError naming the option that is wrong."""
    kind = adapter_class(name)
    try:
        return kind(**(options or {}))
    except ValidationError as error:
        raise ValueError(f"adapter {name!r}: {_words(error, kind)}") from None


def _words(error: ValidationError, kind: type[Adapter]) -> str:
    said = []
    for problem in error.errors(include_url=False):
        where = ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden":
            known = list(kind.model_fields)
            near = difflib.get_close_matches(where, known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            said.append(f"no option {where!r}{hint} It has {', '.join(known) or 'none'}")
        else:
            said.append(f"{where}: {problem['msg']}" if where else problem["msg"])
    return "; ".join(said)


def _imported(reference: str) -> type[Adapter]:
    module_name, _, class_name = reference.partition(":")
    try:
        kind = getattr(importlib.import_module(module_name), class_name)
    except ImportError as error:
        raise ValueError(f"cannot import {module_name!r} for {reference!r}: {error}") from None
    except AttributeError:
        raise ValueError(f"module {module_name!r} has no class {class_name!r}") from None
    if not (isinstance(kind, type) and issubclass(kind, Adapter)):
        raise ValueError(f"{reference!r} is not an Adapter")
    return kind
