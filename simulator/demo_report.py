"""What the demo tells a person: plain text of at most 100 columns, and what it all came to."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TextIO
from urllib.parse import parse_qsl, urlsplit

WIDTH: Final = 100
_TAGS: Final = {"actor": "performers", "director": "director", "genre": "tags"}
_FIELDS: Final = {
    "title": "title",
    "studio": "studio",
    "originallyAvailableAt": "date",
    "userRating": "rating",
    "summary": "summary",
}


class Report:
    """Prints the demo's chapters and keeps count of what was claimed and held."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.held = 0
        self.failed: list[str] = []
        self._chapters = 0

    def line(self, text: str = "", hang: int | None = None) -> None:
        """Print a paragraph, wrapped; its other lines begin below the first, or at ``hang``."""
        indent = len(text) - len(text.lstrip()) if hang is None else hang
        for line in textwrap.wrap(text, WIDTH, subsequent_indent=" " * indent) or [""]:
            print(line.rstrip(), file=self._out, flush=True)

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._chapters += 1
        heading = f"{self._chapters}. {title}"
        self.line()
        self.line(heading)
        self.line("-" * len(heading))

    def claim(self, sentence: str, holds: object, seen: object = None) -> None:
        """Say a sentence and whether it is true; ``seen`` is shown when it is not."""
        if holds:
            self.held += 1
        else:
            self.failed.append(sentence)
        self.line(f"  {'ok' if holds else 'NO'}  {sentence}", 6)
        if not holds and seen is not None:
            self.line(f"      seen: {seen}")

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print columns: the first as wide as its words, the others share the rest."""
        all_rows = [tuple(head), *(tuple(row) for row in rows)]
        first = max(len(row[0]) for row in all_rows) + 2
        others = (WIDTH - 4 - first) // (len(head) - 1)
        for row in all_rows:
            cells = [shorten(cell, others - 2).ljust(others) for cell in row[1:]]
            print(f"    {row[0].ljust(first)}{''.join(cells)}".rstrip(), file=self._out, flush=True)

    def requests(self, server: str, asked: Sequence[str]) -> None:
        """Print the requests that one server got."""
        self.line(f"    {server} got {count(len(asked), 'request')}:")
        for one in asked:
            self.line(f"      {one}", 14)

    def close(self, seconds: float) -> int:
        """Print what it all came to; give the exit status, 0 only if everything held."""
        self.line()
        total = self.held + len(self.failed)
        if self.failed:
            self.line(f"{len(self.failed)} of {total} did NOT happen:")
            for sentence in self.failed:
                self.line(f"  {sentence}")
        else:
            self.line(f"All {total} really happened, in {seconds:.1f} s.")
        return 1 if self.failed else 0


def before_and_after(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[tuple[str, str, str]]:
    """Rows (field, before, after) of two looks at an item, for the fields a person knows."""
    then, now = _known(before), _known(after)
    return [(label, then[label], now[label]) for label in then]


def plex_request(entry: Mapping[str, Any]) -> str:
    """One request of the Plex stand-in's journal in a line: an edit's values as their names."""
    parts = urlsplit(str(entry["target"]))
    words = dict(parse_qsl(parts.query, keep_blank_values=True))
    if entry["method"] == "PUT":
        kept = {name: value for name, value in words.items() if "." not in name}
        written = [name[:-6] for name in words if name.endswith(".value")]
        written += dict.fromkeys(name.partition("[")[0] for name in words if "].tag.tag" in name)
        what = f"{_query(kept)} sets {', '.join(written)}"
    else:
        what = _query(words)
    return f"{entry['status'] or 'under way'} {entry['method']} {parts.path}{what}"


def stash_request(entry: Mapping[str, Any]) -> str:
    """One request of the Stash stand-in's journal in a line."""
    what = f"{entry['method']} {entry['target']} {entry['operation']}".rstrip()
    return f"{entry['status'] or 'under way'} {what}"


def shorten(text: str, width: int) -> str:
    """The text in one line of at most ``width`` columns, with dots where it was cut."""
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 3].rstrip() + "..."


def count(number: int, noun: str) -> str:
    """Such as "1 request", "2 requests" or "no request"."""
    return f"{number or 'no'} {noun}{'' if number in {0, 1} else 's'}"


def milliseconds(seconds: float) -> str:
    """Such as "52 ms" or, from ten seconds on, "12.0 s"."""
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def _known(item: Mapping[str, Any]) -> dict[str, str]:
    known = {label: _value(item["fields"].get(name)) for name, label in _FIELDS.items()}
    known |= {label: _value(item["tags"].get(name)) for name, label in _TAGS.items()}
    locked = count(len(item["locked"]), "field")
    return {**known, "poster": _poster(item["posters"]), "locked": locked}


def _poster(offered: Sequence[Mapping[str, Any]]) -> str:
    """Whose picture is chosen: an uploaded one, or one that Plex made or found."""
    chosen = [str(one["key"]) for one in offered if one["selected"]]
    return "an uploaded one" if chosen and chosen[0].startswith("upload:") else "Plex's own"


def _query(words: Mapping[str, str]) -> str:
    return "?" + "&".join(f"{name}={value}" for name, value in words.items()) if words else ""


def _value(value: object) -> str:
    words = value if isinstance(value, list) else [] if value is None else [value]
    return ", ".join(str(one) for one in words) or "-"
