"""The merge's rules as a table: what was before, what happened in Plex, what Stash has, what comes.

tests/test_merge_cases.py runs every row purely, tests/test_merge_on_wire.py over real
HTTP through the real worker, and prints the table (``pytest -s``).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextCase:
    """One text.

    ``first`` stands in Plex before we ever come; ``before`` is what Stash had
    when we last synced, None if we never did; ``by`` (person or agent) then sets
    ``theirs`` in Plex, None for nothing; ``ours`` is Stash now. ``result`` is
    Plex afterwards, ``note`` a part of what people are told, ``writes`` whether
    an edit is sent.
    """

    rule: str
    field: str = "summary"
    first: str = ""
    before: str | None = None
    by: str = ""
    theirs: str | None = None
    ours: str = ""
    result: str = ""
    note: str = ""
    writes: bool = True


@dataclass(frozen=True)
class ListCase:
    """The tags of one scene; fields as in ``TextCase``."""

    rule: str
    first: tuple[str, ...] = ()
    before: tuple[str, ...] | None = None
    by: str = ""
    theirs: tuple[str, ...] | None = None
    ours: tuple[str, ...] = ()
    result: tuple[str, ...] = ()
    note: str = ""
    writes: bool = True


STEM = "the stem of the file"

TEXTS = (
    TextCase("equal already: nothing to write", first="A", ours="A", result="A", writes=False),
    TextCase("never written by us, unlocked", by="agent", theirs="X", ours="A", result="A"),
    TextCase("Stash has nothing", by="agent", theirs="X", result="X", writes=False),
    TextCase(
        "locked before we came",
        by="person",
        theirs="P",
        ours="A",
        result="P",
        note="kept",
        writes=False,
    ),
    TextCase("Plex as we left it", before="A", ours="B", result="B"),
    TextCase("unchanged on both sides", before="A", ours="A", result="A", writes=False),
    TextCase("emptied: cleared", before="A", ours="", result=""),
    TextCase("emptied title: the file's stem", "title", before="A", ours="", result=STEM),
    TextCase(
        "empty title: Plex keeps a good one",
        "title",
        by="person",
        theirs="Good",
        result="Good",
        writes=False,
    ),
    TextCase(
        "emptied title that Plex had before us",
        "title",
        first="Good",
        before="Good",
        result="Good",
        writes=False,
    ),
    TextCase(
        "an agent changed what was agreed",
        first="A",
        before="A",
        by="agent",
        theirs="X",
        ours="A",
        result="A",
    ),
    TextCase(
        "an agent met our lock",
        before="A",
        by="agent",
        theirs="X",
        ours="A",
        result="A",
        writes=False,
    ),
    TextCase(
        "a person edited it, Stash did not",
        before="A",
        by="person",
        theirs="P",
        ours="A",
        result="P",
        note="kept",
        writes=False,
    ),
    TextCase(
        "both changed",
        before="A",
        by="person",
        theirs="P",
        ours="B",
        result="B",
        note="replaced",
    ),
    TextCase(
        "a person edited it, Stash emptied it: theirs is not erased",
        before="A",
        by="person",
        theirs="P",
        ours="",
        result="P",
        writes=False,
    ),
    TextCase(
        "there before us, then Stash's, then not",
        first="A",
        before="A",
        ours="",
        result="A",
        writes=False,
    ),
    TextCase("a month: its first day", "date", ours="2024-05", result="2024-05-01"),
    TextCase(
        "a day within the year that Stash has",
        "date",
        first="2024-07-17",
        ours="2024",
        result="2024-07-17",
        writes=False,
    ),
    TextCase(
        "a date edited by hand, Stash has a year",
        "date",
        before="2024",
        by="person",
        theirs="2023-01-01",
        ours="2024",
        result="2023-01-01",
        note="kept",
        writes=False,
    ),
    TextCase(
        "the year became a day", "date", before="2024", ours="2024-01-02", result="2024-01-02"
    ),
)

LISTS = (
    ListCase("never written by us", first=("X",), ours=("A",), result=("A", "X")),
    ListCase("one more in Stash", before=("A",), ours=("A", "B"), result=("A", "B")),
    ListCase("one less in Stash", before=("A", "B"), ours=("A",), result=("A",)),
    ListCase("the last one gone", before=("A",), result=()),
    ListCase(
        "a person added one: it stays",
        before=("A",),
        by="person",
        theirs=("A", "P"),
        ours=("B",),
        result=("B", "P"),
    ),
    ListCase(
        "a person took one out: it stays away",
        before=("A", "B"),
        by="person",
        theirs=("A",),
        ours=("A", "B", "C"),
        result=("A", "C"),
    ),
    ListCase(
        "an agent took one out: it comes back",
        first=("A", "B"),
        before=("A", "B"),
        by="agent",
        theirs=("X",),
        ours=("A", "B"),
        result=("A", "B", "X"),
    ),
    ListCase(
        "locked before we came",
        by="person",
        theirs=("P",),
        ours=("A",),
        result=("P",),
        note="kept",
        writes=False,
    ),
    ListCase(
        "there before us, then Stash's, then not",
        first=("A", "X"),
        before=("A",),
        ours=(),
        result=("A", "X"),
        writes=False,
    ),
    ListCase("only case differs", first=("A",), ours=("a",), result=("A",), writes=False),
    ListCase(
        "commas, quotes and percent signs",
        first=("X, Y",),
        before=("C, D", '"Q"', "50%2C"),
        ours=("E & F=G, H",),
        result=("E & F=G, H", "X, Y"),
    ),
)
