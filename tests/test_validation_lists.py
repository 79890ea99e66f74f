from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from validation.settings_reader import split_list

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMES = st.lists(st.text(st.sampled_from("ab ,;\\é\"'"), max_size=8), max_size=5)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        (" , ,, ", ()),
        ("Movies", ("Movies",)),
        (" Movies ,Home videos, ", ("Movies", "Home videos")),
        (r"Home\, sweet home, b", ("Home, sweet home", "b")),
        (r"AC\DC, C:\dir\x", (r"AC\DC", r"C:\dir\x")),
        (r"a\\, b", ("a\\", "b")),
        (r"a\\\, b", (r"a\, b",)),
        ("a\\", ("a\\",)),
        ('say "a, b"', ('say "a', 'b"')),
    ],
)
def test_split(text: str, names: tuple[str, ...]) -> None:
    """A backslash keeps a separator in the name and is ordinary anywhere else."""
    assert split_list(text) == names


def join_list(names: Iterable[str]) -> str:
    """The text that ``split_list`` reads back as ``names`` (stripped, without empty ones)."""
    kept = [name.strip() for name in names if name.strip()]
    escaped = [re.sub(r"(\\*),", r"\1\1\\,", name) for name in kept]
    # What follows each name but the last is a separator.
    ended = [re.sub(r"(?<!\\)(\\+)\Z", r"\1\1", name) for name in escaped[:-1]]
    return ", ".join([*ended, *escaped[-1:]])


@given(NAMES)
@example(["a\\", "b"])
@example(["a\\,", ",", "\\"])
def test_round_trip(names: list[str]) -> None:
    """Joined names are split into the same names, whatever they contain."""
    wanted = tuple(name.strip() for name in names if name.strip())
    assert split_list(join_list(names)) == wanted


@given(st.lists(st.text(st.sampled_from("ab:\\ "), max_size=8), max_size=4))
def test_names_without_separators_are_joined_verbatim(names: list[str]) -> None:
    """A name is only ever changed by joining where a separator would touch its backslash."""
    wanted = [name.strip() for name in names if name.strip()]
    if not any(name.endswith("\\") for name in wanted):
        assert join_list(names) == ", ".join(wanted)


def test_long_runs_of_backslashes_are_read_in_one_pass() -> None:
    """A list of 200,000 backslashes is one name; reading it twice per character would hang."""
    assert split_list("\\" * 200_000) == ("\\" * 200_000,)
    assert split_list("\\" * 200_000 + ",") == ("\\" * 100_000,)
