"""The tag_rules setting: which of a scene's tags Plex gets as genres, and by which names. Pure.

Rules stand between semicolons, and each is of one kind:

- ``only: A, B``: a tag that no rule names is not written;
- ``drop: X``: never written;
- ``X, Y => Z``: written as Z; several tags become one.

A rule looks at a tag as Stash names it, so what one rule renames no other rule sees, and
the order of the rules does not matter. Two rules that disagree about a tag are a fault. Names are
compared by ``tag_key``. One that holds a comma, a semicolon, an arrow or begins like a rule
is put in double quotes, a quote inside doubled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from validation.text import tag_key

_ARROW = "=>"
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|(=>|[,;"])|((?:(?!=>)[^,;"])+)')
_KEYWORD = re.compile(r"\s*(only|drop)\s*:", re.IGNORECASE)
# Such a word may get a meaning; as a tag's name it would silently match nothing.
_RESERVED = re.compile(
    r"(?:children\s+of\s|(?:only|drop|genre|label|collection)s?\s*:)", re.IGNORECASE
)
_KINDS = "write it as only: A, B or drop: A or A, B => C"


@dataclass(frozen=True, slots=True)
class TagRules:
    """What becomes of tags; all keys are ``tag_key``'s. Without a rule all stay as they are.

    Attributes:
        only: Whether tags that no rule names are left out.
        named: The tags that ``only`` lists, and the names that others become.
        dropped: Tags that are never written.
        renamed: The name that a tag is written by instead of its own.
    """

    only: bool = False
    named: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict, hash=False)

    def apply(self, names: Iterable[str]) -> list[str]:
        """Give what is to be written for tags of Stash, in their order; one may come twice."""
        written: list[str] = []
        for name in names:
            key = tag_key(name)
            if key in self.renamed:
                written.append(self.renamed[key])
            elif key not in self.dropped and (not self.only or key in self.named):
                written.append(name)
        return written


def read_tag_rules(text: str) -> tuple[TagRules, tuple[str, ...]]:
    """Give the rules in ``text``, and for each fault what is wrong and how to mend it.

    A fault names its rule by number only: a name may be private, or a token in the wrong box.
    With any fault the rules are not to be used.
    """
    only = False
    listed: set[str] = set()
    targets: dict[str, int] = {}
    dropped: dict[str, int] = {}
    renamed: dict[str, tuple[str, int]] = {}
    faults: list[str] = []
    for number, tokens in enumerate(_split(text), 1):
        kind, left, right, fault = _read_rule(tokens)
        if fault:
            faults.append(f"rule {number} {fault}")
        elif kind == "only":
            only = True
            listed.update(map(tag_key, left))
        elif kind == "drop":
            for name in left:
                dropped.setdefault(tag_key(name), number)
        else:
            targets.setdefault(tag_key(right), number)
            for name in left:
                before = renamed.setdefault(tag_key(name), (right, number))
                if before[0] != right:
                    faults.append(
                        f"rule {number} gives a tag another name than rule {before[1]} does; "
                        "keep one of them"
                    )
    for key, number in dropped.items():
        other = renamed[key][1] if key in renamed else targets.get(key)
        if other is not None:
            faults.append(f"rule {number} drops a tag that rule {other} writes; keep one of them")
        elif key in listed:
            faults.append(f"rule {number} drops a tag that an only rule names; keep one of them")
    names = {key: name for key, (name, _) in renamed.items()}
    return TagRules(only, frozenset(listed | set(targets)), frozenset(dropped), names), tuple(
        faults
    )


def _split(text: str) -> list[list[tuple[str, bool]]]:
    """Give the tokens of each rule that is not blank: text, and whether it stood in quotes."""
    rules: list[list[tuple[str, bool]]] = [[]]
    for found in _TOKEN.finditer(text):
        if found[2] == ";":
            rules.append([])
        elif found[1] is not None:
            rules[-1].append((found[1].replace('""', '"'), True))
        else:
            rules[-1].append((found[0], False))
    return [rule for rule in rules if any(quoted or text.strip() for text, quoted in rule)]


def _read_rule(tokens: list[tuple[str, bool]]) -> tuple[str, list[str], str, str]:
    """Read one rule: its kind ("only", "drop" or "=>"), the names, the name behind, a fault."""
    keyword = None if tokens[0][1] else _KEYWORD.match(tokens[0][0])
    if keyword:
        tokens = [(tokens[0][0][keyword.end() :], False), *tokens[1:]]
    sides: list[list[str]] = [[]]
    pieces: list[tuple[str, bool]] = []
    for text, quoted in [*tokens, (",", False)]:
        if not quoted and text == '"':
            return "", [], "", 'has an opening " but no closing one'
        if quoted or text not in (",", _ARROW):
            if quoted or text.strip():
                pieces.append((text, quoted))
            continue
        if len(pieces) > 1:
            return "", [], "", "has text beside a name in quotes; put a comma or a semicolon there"
        for name, was_quoted in pieces:
            if not was_quoted and _RESERVED.match(name.strip()):
                return "", [], "", f"begins a name with a word that is no rule; {_KINDS}"
            if name.strip():
                sides[-1].append(name.strip())
        pieces = []
        if text == _ARROW:
            sides.append([])
    if keyword:
        if len(sides) > 1:
            return "", [], "", f"has a {_ARROW} behind {keyword[1].lower()}; {_KINDS}"
        fault = "" if sides[0] else f"names no tag behind {keyword[1].lower()}"
        return keyword[1].lower(), sides[0], "", fault
    if len(sides) != 2:
        fault = f"has no {_ARROW}" if len(sides) == 1 else f"has more than one {_ARROW}"
        return "", [], "", f"{fault}; {_KINDS}"
    if not sides[0] or len(sides[1]) != 1:
        return "", [], "", f"needs a tag before the {_ARROW} and one name behind it; {_KINDS}"
    return _ARROW, sides[0], sides[1][0], ""
