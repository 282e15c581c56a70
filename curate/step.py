"""What rewrites and measures have in common: a name, a version, validated options, discovery.

A step is a frozen pydantic model whose fields are its options, so a recipe's `script: {to: keep}`
is checked where it is written and takes part in the fingerprint of the build.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil
from functools import cache
from types import ModuleType
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict


class Step(BaseModel):
    """Base of every rewrite and measure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    """The key under which recipes and ledgers know the step."""
    version: ClassVar[int] = 1
    """Raised whenever the same input may give another result, so that stored results are redone."""
    order: ClassVar[int] = 900
    """Steps of a kind run by (order, name); a user's own come last unless they say otherwise."""
    libraries: ClassVar[tuple[str, ...]] = ()
    """Distributions whose version may change a result (dictionaries, models)."""
    default: ClassVar[bool] = True
    """Whether a recipe that does not mention the step runs it."""

    def fingerprint(self) -> dict[str, Any]:
        """Everything that decides what the step does, as JSON-ready values."""
        kind = type(self)
        return {
            "step": kind.name,
            "class": f"{kind.__module__}:{kind.__qualname__}",
            "version": kind.version,
            "libraries": {name: library_version(name) for name in kind.libraries},
            "options": self.model_dump(mode="json"),
        }


S = TypeVar("S", bound=Step)


@cache
def library_version(name: str) -> str:
    """Version of an installed distribution, looked up once: that reads its whole description."""
    return importlib.metadata.version(name)


def discovered(package: ModuleType, base: type[S]) -> dict[str, type[S]]:
    """The named subclasses of `base` defined in the modules of `package`, by name in run order."""
    return {kind.name: kind for kind in _discovered(package, base)}


@cache
def _discovered(package: ModuleType, base: type[S]) -> tuple[type[S], ...]:
    found: list[type[S]] = []
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, base)
                and value.__module__ == module.__name__
                and "name" in value.__dict__
            ):
                found.append(value)
    return tuple(sorted(found, key=lambda k: (k.order, k.name)))


def imported(reference: str, bases: tuple[type[S], ...]) -> type[S]:
    """The step class named `package.module:Class` in a recipe, a subclass of one of `bases`.

    Raises ValueError, in words for the recipe's author, when it cannot be had.
    """
    module_name, _, class_name = reference.partition(":")
    try:
        kind = getattr(importlib.import_module(module_name), class_name)
    except ImportError as error:
        raise ValueError(f"cannot import {module_name!r} for step {reference!r}: {error}") from None
    except AttributeError:
        raise ValueError(f"module {module_name!r} has no class {class_name!r}") from None
    if not (isinstance(kind, type) and issubclass(kind, bases)):
        names = " or ".join(base.__name__ for base in bases)
        raise ValueError(f"{reference!r} is not a {names}")
    return kind
