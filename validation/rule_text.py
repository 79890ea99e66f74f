r"""The grammar of the path_map setting: text to pairs of folders, and back.

    /stash/dir => /plex/dir; D:\videos\ => /videos; "/odd; name" => /odd

Rules are separated by ``;``, the two sides of a rule by ``=>``. A side may be
wrapped in double quotes (Windows' "Copy as path" does it): inside them nothing
separates, and a quote is written twice. In a side that starts with ``/`` a
backslash before ``;`` or ``=>`` makes it part of the name, too; in any other side
it does not, because ``D:\videos\;`` is how people end a Windows folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from validation.text import OUTER_BLANKS, strip_pasted

RULE_END = ";"
ARROW = "=>"

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_SEPARATOR = re.compile(r"(?<!\\)(\\*)(;|=>)")
_NEXT = re.compile(r";|=>|\Z")
_EXAMPLE = "/stash/dir => /plex/dir"


@dataclass(frozen=True)
class RuleText:
    """One rule as typed.

    Attributes:
        number: Its place among the rules that are not empty, from 1.
        stash: The folder as Stash sees it, unquoted; "" with a fault.
        plex: The folder as Plex sees it, unquoted; "" with a fault.
        fault: How to mend the rule, or "" when it has two sides.
    """

    number: int
    stash: str
    plex: str
    fault: str = ""


def split_rules(text: str) -> tuple[RuleText, ...]:
    """All rules of ``text``, in order, without empty ones; those with a fault say so."""
    rules: list[RuleText] = []
    position = 0
    while position <= len(text):
        sides: list[str] = []
        fault = ""
        separator = ARROW
        while separator == ARROW:
            side, separator, position, side_fault = _read_side(text, position)
            sides.append(side)
            fault = fault or side_fault
        if len(sides) == 1 and not sides[0] and not fault:
            continue
        rules.append(_rule(len(rules) + 1, sides, fault))
    return tuple(rules)


def quoted(side: str) -> str:
    """``side`` as it must be written in the setting: in quotes where it needs them."""
    plain = not side.startswith('"') and RULE_END not in side and ARROW not in side
    # Behind a side may follow a separator, which a final backslash would escape.
    if plain and strip_pasted(side) == side and not (side[:1] == "/" and side[-1:] == "\\"):
        return side
    return '"' + side.replace('"', '""') + '"'


def _rule(number: int, sides: list[str], fault: str) -> RuleText:
    if not fault and len(sides) == 1:
        fault = f"has no {ARROW}; write it as {_EXAMPLE}"
    elif not fault and len(sides) > 2:
        fault = f"has more than one {ARROW}; put a {RULE_END} between two rules"
    elif not fault and not all(sides):
        missing = "before" if not sides[0] else "behind"
        fault = f"has nothing {missing} the {ARROW}; write it as {_EXAMPLE}"
    if fault:
        return RuleText(number, "", "", fault)
    return RuleText(number, sides[0], sides[1])


def _read_side(text: str, start: int) -> tuple[str, str, int, str]:
    """Read one side from ``start``: the side, what ended it, where to go on, a fault."""
    while start < len(text) and text[start] in OUTER_BLANKS:
        start += 1
    if text.startswith('"', start):
        return _read_quoted(text, start)
    pieces: list[str] = []
    escapes = text.startswith("/", start)
    position = start
    for found in _SEPARATOR.finditer(text, start):
        backslashes = len(found[1])
        pieces.append(text[position : found.start()])
        position = found.end()
        pieces.append("\\" * (backslashes // 2 if escapes else backslashes))
        if not (escapes and backslashes % 2):
            return strip_pasted("".join(pieces)), found[2], position, ""
        pieces.append(found[2])
    return strip_pasted("".join([*pieces, text[position:]])), "", len(text) + 1, ""


def _read_quoted(text: str, start: int) -> tuple[str, str, int, str]:
    found = _QUOTED.match(text, start)
    if found is None:
        return "", "", len(text) + 1, 'has an opening " but no closing one'
    ending = _NEXT.search(text, found.end())
    if ending is None:  # pragma: no cover - the pattern matches the end of the text
        raise AssertionError
    position = ending.end() if ending[0] else len(text) + 1
    fault = ""
    if strip_pasted(text[found.end() : ending.start()]):
        fault = f'has text behind a closing "; write {ARROW} or {RULE_END} there'
    return found[1].replace('""', '"'), ending[0], position, fault
