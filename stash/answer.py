"""Reading what Stash answered, value by value, without trusting it.

Each function takes a decoded JSON value and ``what`` it is meant to be, for the
sentence of the `StashAnswerError` that it raises when the value is something
else. Null is nothing: "", (), None or False.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .exceptions import StashAnswerError

_LARGEST_INT = 2**63 - 1
_MOST_DIGITS = 19
_T = TypeVar("_T")


def senseless(what: str, why: str) -> StashAnswerError:
    """Give the error for a value that is not what it should be (not raised here)."""
    return StashAnswerError(f"This does not look like what Stash sends: {what} {why}.")


def read_id(raw: object, what: str) -> int:
    """Give an id, a positive whole number; GraphQL ids are text, hook ids are numbers."""
    number = read_whole(raw, what)
    if not number or number < 0:
        raise senseless(what, "is not a positive number")
    return number


def read_text(raw: object, what: str) -> str:
    """Give a text verbatim, "" for null."""
    if raw is None:
        return ""
    if not isinstance(raw, str):
        raise senseless(what, "is not text")
    if raw.isascii():
        return raw
    try:
        raw.encode()
    except UnicodeEncodeError:
        # JSON can spell half a surrogate pair, which neither SQLite nor a URL can hold.
        return raw.encode(errors="replace").decode()
    return raw


def read_each(raw: object, what: str, read: Callable[[object, str], _T]) -> tuple[_T, ...]:
    """Apply ``read`` to each member of a list, () for null, order kept."""
    if raw is None:
        return ()
    if not isinstance(raw, list | tuple):
        raise senseless(what, "is not a list")
    return tuple(read(member, what) for member in raw)


def read_object(raw: object, what: str) -> Mapping[str, Any]:
    """Give an object, which one member of ``what`` is; null is none."""
    if not isinstance(raw, Mapping):
        raise senseless(what, "holds something that is not an object")
    return raw


def read_part(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Give the object that an answer, or a part of it, has at a key; null is none."""
    part = data.get(key)
    if not isinstance(part, Mapping):
        raise senseless(key, "is not an object")
    return part


def read_whole(raw: object, what: str) -> int | None:
    """Give a whole number that fits SQLite, also from its digits as text; None for null."""
    if raw is None:
        return None
    if isinstance(raw, str) and len(raw) <= _MOST_DIGITS and raw.isascii() and raw.isdecimal():
        raw = int(raw)
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    if not isinstance(raw, int) or isinstance(raw, bool) or abs(raw) > _LARGEST_INT:
        raise senseless(what, "is not a whole number")
    return raw


def read_flag(raw: object, what: str) -> bool:
    """Give a boolean; False for null. 0 and 1 are none."""
    if raw is None:
        return False
    if not isinstance(raw, bool):
        raise senseless(what, "is neither true nor false")
    return raw
