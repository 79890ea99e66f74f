"""What the hook and the page load in place of json and typing does what those do."""

from __future__ import annotations

import copy
import json
import pickle
import runpy
import sys
import typing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merge.base import Base
from merge.picture import KEPT, REFUSED, SENT, Picture
from store import ledger, quick_json
from store.ledger import LedgerEntry
from store.named_tuple import NamedTuple
from store.store import for_one_run
from sync import left_out

ROOT = Path(__file__).resolve().parent.parent
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def outcome(act: Any, *values: Any, **named: Any) -> Any:
    """Give what a call gives, or the class and the words of what it raises."""
    try:
        return act(*values, **named)
    except (ValueError, TypeError, RecursionError) as error:
        return type(error), str(error)


# --- JSON ------------------------------------------------------------------------------------


@given(JSON, st.booleans(), st.booleans(), st.booleans())
def test_json_is_written_as_json_writes_it(
    value: Any, compact: bool, sort_keys: bool, ensure_ascii: bool
) -> None:
    """Letter by letter, whatever is asked for."""
    written = quick_json.dumps(
        value, compact=compact, sort_keys=sort_keys, ensure_ascii=ensure_ascii
    )
    separators = (",", ":") if compact else (", ", ": ")
    assert written == json.dumps(
        value, separators=separators, sort_keys=sort_keys, ensure_ascii=ensure_ascii
    )
    assert quick_json.loads(written) == value


@given(st.text(st.sampled_from('{}[],:"\\ \n0123456789.-eEtruefalsnNI\ufeffé'), max_size=12))
def test_json_is_read_as_json_reads_it(text: str) -> None:
    """What is no JSON is refused in the same words; bytes are read as well."""
    assert repr(outcome(quick_json.loads, text)) == repr(outcome(json.loads, text))
    raw = text.encode()
    assert repr(outcome(quick_json.loads, raw)) == repr(outcome(json.loads, raw))


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"NaN", b"[" * 100_000, b'"\xff"'], ids=str
)
def test_what_only_json_reads_is_left_to_it(raw: bytes) -> None:
    """Other encodings, constants that are no JSON, and nesting beyond reason."""
    assert repr(outcome(quick_json.loads, raw)) == repr(outcome(json.loads, raw))


@pytest.mark.parametrize("value", [{1, 2}, {(1, 2): 3}, b"x", float("nan"), {1: 2}], ids=str)
def test_what_is_hard_to_write_is_left_to_json(value: Any) -> None:
    """What has no form in JSON is refused in the same words."""
    assert outcome(quick_json.dumps, value) == outcome(json.dumps, value)
    around: list[Any] = []
    around.append(around)
    assert outcome(quick_json.dumps, around) == outcome(json.dumps, around)


def test_a_python_without_these_parts_has_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another Python than CPython reads and writes the same."""
    monkeypatch.setattr(quick_json, "parts", None)
    assert quick_json.loads(b' {"a": [1, null]} ') == {"a": [1, None]}
    assert quick_json.dumps({"b": "é", "a": 1}, compact=True, sort_keys=True) == (
        '{"a":1,"b":"\\u00e9"}'
    )


# --- tuples with names -----------------------------------------------------------------------


class Ours(NamedTuple):
    """A row of ours."""

    first: int
    second: str = "b"
    third: float = 0.5

    @property
    def both(self) -> str:
        """A word of its own."""
        return f"{self.first}{self.second}"


class Theirs(typing.NamedTuple):
    """The same by typing."""

    first: int
    second: str = "b"
    third: float = 0.5

    @property
    def both(self) -> str:
        """A word of its own."""
        return f"{self.first}{self.second}"


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((1,), {}),
    ((1, "x", 2.0), {}),
    ((), {"first": 4, "third": 1.0}),
    ((1,), {"second": "y"}),
    ((), {}),
    ((1, 2, 3, 4), {}),
    ((1,), {"first": 2}),
    ((1,), {"fourth": 2}),
]


@pytest.mark.parametrize("place", range(len(CALLS)))
def test_rows_are_made_as_typing_makes_them(place: int) -> None:
    """In order, by name, with what is left out, and refused where typing refuses."""
    values, named = CALLS[place]
    if isinstance(outcome(Theirs, *values, **named), Theirs):
        ours, theirs = Ours(*values, **named), Theirs(*values, **named)
        assert (tuple(ours), ours._asdict(), ours.both) == (
            *[tuple(theirs)],
            theirs._asdict(),
            theirs.both,
        )
        assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    else:
        with pytest.raises(TypeError):
            Ours(*values, **named)


def test_rows_are_changed_copied_and_taken_apart_alike() -> None:
    """As the store and the worker use them; a row has no room for anything else."""
    row = Ours(1)._replace(second="z")
    assert (row, row.second, hash(row)) == ((1, "z", 0.5), "z", hash((1, "z", 0.5)))
    assert Ours._make([1, "b", 2]) == (1, "b", 2)
    with pytest.raises(TypeError):
        Ours._make([1])
    with pytest.raises(TypeError):
        Ours(1)._replace(fourth=1)  # type: ignore[call-arg]
    assert copy.copy(row) == copy.deepcopy(row) == pickle.loads(pickle.dumps(row)) == row
    assert type(copy.copy(row)) is Ours
    match row:
        case Ours(first=first, second=second):
            assert (first, second) == (1, "z")
    with pytest.raises(AttributeError):
        row.first = 2  # type: ignore[misc]
    assert not hasattr(LedgerEntry("m", 1, 2, 3, "", ""), "__dict__")


def test_rows_need_nothing_of_cpythons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another Python reads the fields by property."""
    monkeypatch.setitem(sys.modules, "_collections", None)
    base = runpy.run_path(str(ROOT / "store" / "named_tuple.py"))["NamedTuple"]
    row = type(base)("Row", (base,), {"__annotations__": {"one": int, "two": int}})(1, two=2)
    assert (row.one, row.two) == (1, 2)


# --- what merge keeps ------------------------------------------------------------------------


def test_what_stays_of_a_scene_is_read_as_merge_wrote_it() -> None:
    """Kept fields, undone ones, pictures of either fate, and an item that was never written to."""
    pictures = {"poster": Picture(REFUSED).text, "background": Picture(KEPT).text}
    bases = [
        Base(reported=frozenset({"title"}), undone=frozenset({"art", "sort_title"})),
        Base(images=pictures, reported=frozenset({"title"})),
        Base(images={"poster": Picture(SENT).text}),
    ]
    tables = for_one_run()
    for key, base in enumerate([*(one.to_json() for one in bases), ""]):
        ledger.acknowledge(tables.connection, LedgerEntry("m", key, 7, 1, base, ""), now=float(key))
    kept, refused = left_out.of_scene(tables.connection, "m", 7)
    assert (kept, refused) == (["background", "sort title", "title"], ["poster"])
    tables.close()
