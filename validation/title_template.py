"""The title_template setting: a title in Plex made of several things that a scene has. Pure.

Words in braces stand for what the scene has; what lies between two of them separates them.
A part that the scene lacks goes, and takes with it the brackets or quotes right around it
and the text that separates it from what stands before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS = ("title", "studio", "date", "performers", "code")
_OPENING = "([<\"'\N{LEFT DOUBLE QUOTATION MARK}"
_CLOSING = ")]>\"'\N{RIGHT DOUBLE QUOTATION MARK}"
_WORD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Part:
    """One word of the template: what separates it from the one before, and what is around it."""

    separator: str
    opening: str
    word: str
    closing: str


@dataclass(frozen=True, slots=True)
class TitleTemplate:
    """The parts in their order, and the text behind the last; without parts a title stays."""

    parts: tuple[Part, ...] = ()
    end: str = ""

    def fill(self, scene: Mapping[str, str]) -> str:
        """Give the title for what a scene has by word, "" where it has none of it."""
        if not self.parts:
            return scene["title"]
        title = ""
        for number, part in enumerate(self.parts):
            text = scene[part.word]
            if text:
                # What the template begins with separates nothing; it belongs to its first word.
                separator = part.separator if title or not number else ""
                title += separator + part.opening + text + part.closing
        return title + self.end if title and scene[self.parts[-1].word] else title


def read_title_template(text: str) -> tuple[TitleTemplate, tuple[str, ...]]:
    """Read the setting; give with it each fault, saying how to mend it. Empty is no template."""
    if not text.strip():
        return TitleTemplate(), ()
    faults = [
        f"{{{found[1]}}} is none of its words; it knows {_known()}"
        for found in _WORD.finditer(text)
        if found[1] not in WORDS
    ]
    between = _WORD.split(text)
    literals, words = between[::2], between[1::2]
    if any("{" in literal or "}" in literal for literal in literals):
        faults.append("has a brace without its partner")
    elif not words:
        faults.append(f"has no word in braces; it knows {_known()}")
    if faults:
        return TitleTemplate(), tuple(faults)
    parts = []
    closing, rest = "", literals[0]
    for word, behind in zip(words, literals[1:], strict=True):
        opening = _at_end(rest)
        closing = _at_start(behind) if opening else ""
        parts.append(Part(rest[: len(rest) - len(opening)], opening, word, closing))
        rest = behind[len(closing) :]
    return TitleTemplate(tuple(parts), rest), ()


def _known() -> str:
    return ", ".join(f"{{{word}}}" for word in WORDS)


def _at_end(text: str) -> str:
    """Give the opening signs that a text ends with."""
    return text[len(text.rstrip(_OPENING)) :]


def _at_start(text: str) -> str:
    """Give the closing signs that a text begins with."""
    return text[: len(text) - len(text.lstrip(_CLOSING))]
