"""The only writer: which requests an edit becomes, and what happens when one is too large."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plex.edits import (
    HEAD,
    LONGEST_QUERY,
    MOST_ALIKE,
    SHORTEST_TEXT,
    Edit,
    ListEdit,
    likeness,
    requests_for,
    write,
    write_alike,
)
from plex.error_types import RequestTooLarge, ServerTimeout
from plex.item import Member

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plex.client import PlexClient

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1)


class Taker:
    """Stands where the client does: takes requests up to a size, and remembers them."""

    def __init__(self, longest: int = 10**9) -> None:
        self.longest = longest
        self.taken: list[dict[str, str]] = []
        self.refused = 0

    def query(
        self,
        path: str,
        params: Sequence[tuple[str, str]],
        *,
        method: str,
        meanwhile: Callable[[], object] = int,
    ) -> None:
        """Take one edit, or find it too large."""
        assert (path, method) == ("/library/sections/3/all", "PUT")
        if sum(len(quote(name)) + len(quote(text)) + 2 for name, text in params) > self.longest:
            self.refused += 1
            raise RequestTooLarge("too long")
        assert len(dict(params)) == len(params)
        self.taken.append(dict(params))

    @property
    def client(self) -> PlexClient:
        """The taker as the client it stands for."""
        return self  # type: ignore[return-value]


def edit(**more: Any) -> Edit:
    """An edit of item 42 in section 3."""
    return Edit(rating_key=42, section=3, type="movie", **more)


@pytest.mark.parametrize("rating_key", [0, -1, True, False])
def test_an_edit_without_an_item_cannot_be_made(rating_key: int) -> None:
    """A PUT without an id edits the whole library, so there is no such edit."""
    with pytest.raises(ValueError, match="rating key"):
        Edit(rating_key=rating_key, section=3, type="movie", values={"title": "x"})


def test_an_edit_of_what_has_no_file_cannot_be_made() -> None:
    """Shows and seasons are no items of ours, nor is an item outside of a section."""
    with pytest.raises(ValueError, match="show"):
        Edit(rating_key=42, section=3, type="show")
    with pytest.raises(ValueError, match="section"):
        Edit(rating_key=42, section=0, type="movie")


def test_one_request_carries_fields_tags_and_locks() -> None:
    """Every content has its lock beside it, removals are a list of their own."""
    change = edit(
        values={"title": "T", "date": "2024-01-01"},
        lists={"tags": ListEdit((Member("A"), Member("B, C")), ("D, E", "F&G"))},
        lock=("thumb",),
        unlock=("studio",),
    )
    assert requests_for(change) == [
        [
            ("type", "1"),
            ("id", "42"),
            ("title.value", "T"),
            ("title.locked", "1"),
            ("originallyAvailableAt.value", "2024-01-01"),
            ("originallyAvailableAt.locked", "1"),
            ("genre[0].tag.tag", "A"),
            ("genre[1].tag.tag", "B, C"),
            ("genre[].tag.tag-", "D%2C%20E,F%26G"),
            ("genre.locked", "1"),
            ("thumb.locked", "1"),
            ("studio.locked", "0"),
        ]
    ]


def test_only_an_actor_s_row_tells_role_and_picture() -> None:
    """What else has a picture keeps it in Plex without being told, and has no role."""
    member = Member("N", role="Herself", thumb="/p/n")
    lists = {"performers": ListEdit((member,)), "tags": ListEdit((member, Member("O")))}
    (params,) = requests_for(edit(lists=lists))
    assert params[2:] == [
        ("actor[0].tag.tag", "N"),
        ("actor[0].tagging.text", "Herself"),
        ("actor[0].tag.thumb", "/p/n"),
        ("actor.locked", "1"),
        ("genre[0].tag.tag", "N"),
        ("genre[1].tag.tag", "O"),
        ("genre.locked", "1"),
    ]
    (params,) = requests_for(edit(lists={"performers": ListEdit((Member("N"),))}))
    assert params[2:] == [("actor[0].tag.tag", "N"), ("actor.locked", "1")]


@pytest.mark.parametrize(
    "change",
    [
        {"values": {"title": ""}},
        {"lists": {"tags": ListEdit(())}},
        {"unlock": ("title",)},
        {"lock": ("title",)},
    ],
)
def test_an_edit_of_anything_is_something(change: dict[str, Any]) -> None:
    """A text that is cleared, a list that is emptied, or a lock alone is an edit."""
    assert edit(**change)
    assert len(requests_for(edit(**change))) == 1


@settings(max_examples=200, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=5))
def test_removed_names_survive_the_comma_list(names: list[str]) -> None:
    """Whatever a name holds, Plex's reading of the list gives the same names."""
    (params,) = requests_for(edit(lists={"tags": ListEdit((), tuple(names))}))
    assert [unquote(one) for one in dict(params)["genre[].tag.tag-"].split(",")] == names


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["title", "studio", "summary", "date"]), st.text(max_size=300)),
    st.integers(60, 900),
)
def test_a_split_edit_says_the_same(values: dict[str, str], longest: int) -> None:
    """However short the requests, together they carry each field once, with its lock."""
    try:
        sent = requests_for(edit(values=values), longest=longest)
        whole = requests_for(edit(values=values), longest=10**9)
    except UnicodeEncodeError:
        return  # a lone surrogate: safe_text lets none through
    assert [pair for params in sent for pair in params[2:]] == [
        pair for params in whole for pair in params[2:]
    ]
    assert all(params[:2] == [("type", "1"), ("id", "42")] for params in sent)
    assert all(len(params) % 2 == 0 for params in sent)


def test_an_edit_is_split_where_it_does_not_fit_and_no_sooner() -> None:
    """What fits to the byte is one request; one byte less makes it two."""
    change = edit(values={"title": "T" * 50, "studio": "é" * 60})
    (params,) = requests_for(change)
    pairs = [quote(part, safe="") for pair in params[2:] for part in pair]
    size = sum(map(len, pairs)) + len(pairs)
    assert len(requests_for(change, longest=size + 40)) == 1
    assert len(requests_for(change, longest=size + 39)) == 2


def test_a_piece_of_a_list_is_filled_to_the_last_byte() -> None:
    """Two of four names go along where just they fit."""
    names = [f"Name {number}" for number in range(4)]
    params = [(f"genre[{place}].tag.tag", names[place]) for place in range(2)]
    size = len(urlencode([*params, ("genre.locked", "1")], quote_via=quote)) + 1
    whole = Edit(1, 1, "movie", {}, {"tags": ListEdit(tuple(map(Member, names)))})
    assert len(requests_for(whole, longest=HEAD + size)) == 2
    assert len(requests_for(whole, longest=HEAD + size - 1)) == 4


@pytest.mark.parametrize(("length", "taken"), [(2 * SHORTEST_TEXT, 1), (2 * SHORTEST_TEXT - 1, 0)])
def test_a_text_is_cut_to_the_shortest_and_no_further(length: int, taken: int) -> None:
    """Half of a text may be sent if it is not shorter than what nobody would want."""
    taker = Taker(longest=SHORTEST_TEXT + 100)
    change = edit(values={"summary": "x" * length})
    if taken:
        assert write(taker.client, change) == taken
    else:
        with pytest.raises(RequestTooLarge):
            write(taker.client, change)
    assert len(taker.taken) == taken


def test_nothing_to_change_is_no_request() -> None:
    """An empty edit sends nothing."""
    taker = Taker()
    assert not edit()
    assert write(taker.client, edit()) == 0
    assert not taker.taken


def test_a_long_text_travels_alone() -> None:
    """A text above the limit leaves the other fields a request of their own."""
    taker = Taker()
    change = edit(values={"title": "T", "summary": "x" * LONGEST_QUERY, "studio": "S"})
    assert write(taker.client, change) == 3
    assert [len(params) for params in taker.taken] == [4, 4, 4]


def test_what_is_too_large_is_sent_field_by_field_and_then_cut() -> None:
    """A proxy with short addresses gets every field whole, but the text that cannot be."""
    taker = Taker(longest=3000)
    summary = "Slovo i delo. " * 400
    change = edit(values={"title": "T" * 900, "studio": "S" * 900, "summary": summary})
    write(taker.client, change)
    merged = {name: text for params in taker.taken for name, text in params.items()}
    assert merged["title.value"] == "T" * 900
    assert merged["studio.value"] == "S" * 900
    assert merged["summary.value"].endswith("…")
    assert summary.startswith(merged["summary.value"][:-1])
    assert merged["summary.locked"] == "1"
    assert len(merged["summary.value"].encode()) >= SHORTEST_TEXT


def test_a_plex_that_takes_nothing_is_not_asked_for_ever() -> None:
    """When even a short text is too large, that is the fault, after few requests."""
    taker = Taker(longest=0)
    with pytest.raises(RequestTooLarge):
        write(taker.client, edit(values={"summary": "x" * 10_000}))
    assert taker.refused <= 5
    with pytest.raises(RequestTooLarge):
        write(taker.client, edit(lists={"tags": ListEdit((Member("A"),))}))


def test_many_fields_that_are_too_large_together_are_sent_by_halves() -> None:
    """Every field arrives once and whole, in its order, with few requests refused."""
    names = ("title", "studio", "summary", "content_rating", "sort_title")
    taker = Taker(longest=600)
    change = edit(values={name: name[0] * 200 for name in names})
    assert write(taker.client, change) == len(taker.taken) == 3
    sent = [(name, text) for params in taker.taken for name, text in list(params.items())[2:]]
    (whole,) = requests_for(change)
    assert sent == whole[2:]
    assert taker.refused == 2


def test_a_name_is_never_cut() -> None:
    """Half of a tag is another tag: a list that is too large alone is not sent at all."""
    taker = Taker(longest=1500)
    with pytest.raises(RequestTooLarge):
        write(taker.client, edit(lists={"tags": ListEdit((Member("x" * 4000),))}))
    assert taker.refused == 1
    assert not taker.taken


def test_other_faults_are_not_answered_with_smaller_requests() -> None:
    """A server that is slow is not sent the same in pieces."""

    class Slow(Taker):
        def query(
            self,
            path: str,
            params: Sequence[tuple[str, str]],
            *,
            method: str,
            meanwhile: Callable[[], object] = int,
        ) -> None:
            self.refused += 1
            raise ServerTimeout("slow")

    slow = Slow()
    with pytest.raises(ServerTimeout):
        write(slow.client, edit(values={"title": "T", "studio": "S"}))
    assert slow.refused == 1


def test_one_change_of_many_items_is_one_request() -> None:
    """Edits that say the same go out together, each item named; different ones cannot."""
    taker = Taker()
    alike = [Edit(key, 3, "movie", {"studio": "New"}) for key in (1, 2, 3)]
    assert len({likeness(one) for one in alike}) == 1
    write_alike(taker.client, alike)
    write_alike(taker.client, alike[:1])
    assert [one["id"] for one in taker.taken] == ["1,2,3", "1"]
    assert [one["studio.value"] for one in taker.taken] == ["New", "New"]
    with pytest.raises(ValueError, match="cannot be one request"):
        write_alike(taker.client, [alike[0], Edit(4, 3, "movie", {"studio": "Other"})])
    with pytest.raises(ValueError, match="cannot be one request"):
        write_alike(taker.client, [])


def test_what_one_request_cannot_carry_is_like_nothing_else() -> None:
    """An edit that has to be split, or says nothing, goes alone: half of it would be lost."""
    long = [
        Edit(key, 3, "movie", {"summary": "x" * LONGEST_QUERY, "studio": "S"}) for key in (1, 2)
    ]
    assert [likeness(one) for one in (*long, edit())] == [None, None, None]
    taker = Taker()
    with pytest.raises(ValueError, match="cannot be one request"):
        write_alike(taker.client, long)
    many = [Edit(key, 3, "movie", {"studio": "S"}) for key in range(1, MOST_ALIKE + 2)]
    with pytest.raises(ValueError, match="cannot be one request"):
        write_alike(taker.client, many)
    assert not taker.taken
    write_alike(taker.client, many[1:])
    assert len(taker.taken[0]["id"].split(",")) == MOST_ALIKE


@pytest.mark.parametrize(
    "other", [Edit(2, 4, "movie", {"studio": "S"}), Edit(2, 3, "episode", {"studio": "S"})]
)
def test_edits_in_two_libraries_or_of_two_types_are_not_alike(other: Edit) -> None:
    """One request names one library and one type."""
    assert likeness(Edit(1, 3, "movie", {"studio": "S"})) != likeness(other)
