r"""Lists of names in one setting: "Movies, Home videos".

A separator that belongs to a name is written with a backslash before it:
``Home\, sweet home``. A backslash means this only in front of a separator;
anywhere else it is an ordinary character, so ``AC\DC`` is left alone. A name
that itself ends in a backslash doubles it in front of a separator, as in
``odd\\, next``. (Path rules have a grammar of their own, ``rule_text``: there a
backslash before a semicolon is a common way to end a Windows folder.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable

COMMA = ","


def split_list(text: str, separator: str = COMMA) -> tuple[str, ...]:
    """The names in ``text``, in order, without outer blanks and without empty ones.

    Args:
        text: What the user typed.
        separator: One character other than the backslash.
    """
    names: list[str] = []
    pieces: list[str] = []
    position = 0
    # The look-behind makes each run of backslashes be taken once, as a whole.
    for found in re.finditer(rf"(?<!\\)(\\*){re.escape(separator)}", text):
        pieces.append(text[position : found.start()])
        position = found.end()
        backslashes = len(found[1])
        pieces.append("\\" * (backslashes // 2))
        if backslashes % 2:
            pieces.append(separator)
        else:
            names.append("".join(pieces))
            pieces = []
    names.append("".join([*pieces, text[position:]]))
    return tuple(name.strip() for name in names if name.strip())


def join_list(names: Iterable[str], separator: str = COMMA) -> str:
    """The text that ``split_list`` reads back as ``names`` (stripped, without empty ones)."""
    kept = [name.strip() for name in names if name.strip()]
    escaped = [
        re.sub(rf"(\\*){re.escape(separator)}", rf"\1\1\\{separator}", name) for name in kept
    ]
    # What follows each name but the last is a separator.
    ended = [re.sub(r"(?<!\\)(\\+)\Z", r"\1\1", name) for name in escaped[:-1]]
    return f"{separator} ".join([*ended, *escaped[-1:]])
