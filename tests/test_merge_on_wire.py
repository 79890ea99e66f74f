"""The merge over real HTTP: Stash and Plex as processes, the real worker in between.

``pytest -s tests/test_merge_on_wire.py`` prints the table of cases as it ran.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from simulator.library import catalogue_file
from store.enqueue import enqueue
from store.store import Store
from tests.installation import Installation, installation, wait_for
from tests.merge_cases import LISTS, STEM, TEXTS, ListCase, TextCase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FIELDS = "title, studio, summary, date, rating, content_rating, performers, director, tags"
WIRE = {"title": "title", "summary": "summary", "date": "originallyAvailableAt"}
IN_STASH = {"title": "title", "summary": "details", "date": "date"}
#: The rows that add to or take from what we wrote before: the order within a PUT matters.
EDITED = tuple(case for case in LISTS if case.writes and case.before is not None)
#: How else Plex may read a PUT: what tags do to those there, and whether additions come first.
READINGS = [("additive", True), ("replace", False), ("replace", True)]
SPARE = 1 + len(TEXTS) + len(LISTS) + len(READINGS) * len(EDITED)
SCENES = SPARE + 4
BARE: dict[str, Any] = {
    "title": "",
    "details": "",
    "date": None,
    "tag_ids": [],
    "performer_ids": [],
}
BARE |= {"studio_id": None, "rating100": None, "director": ""}


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for all tests here; each has scenes of its own, without any data."""
    with installation(tmp_path_factory.mktemp("env"), SCENES, sync_fields=FIELDS) as env:
        env.at_rest()
        for scene in range(1, SCENES + 1):
            env.stash.set_scene(scene, **BARE)
        yield env


def look_at(env: Installation, scenes: Iterable[int]) -> None:
    """Let the worker look at scenes, and wait until it has."""
    first, *others = scenes
    store = Store(str(env.data))
    with store.transaction() as connection:
        enqueue(connection, "scene", others, now=time.time())
    store.close()
    env.hook(first)
    wait_for(lambda: not [row for row in env.rows() if row["id"] in {first, *others}])


def edits_of(env: Installation, scene: int, since: int) -> list[dict[str, str]]:
    """The edits that Plex was asked for on a scene's item since so many requests."""
    key = str(env.item(scene)["ratingKey"])
    asked = [one for one in env.plex.requests()[since:] if one["method"] == "PUT"]
    edits = [dict(parse_qsl(urlsplit(one["target"]).query, True)) for one in asked]
    return [edit for edit in edits if key in edit.get("id", "").split(",")]


def notes_of(env: Installation, scene: int, since: int) -> str:
    """What the worker's log says about hand edits of a scene, after so many characters of it."""
    lines = [one for one in env.log()[since:].splitlines() if f" scene {scene} " in one]
    return "".join(line.partition("; ")[2] for line in lines)


def in_plex(env: Installation, scene: int, by: str, change: dict[str, Any]) -> None:
    """Let a person or an agent change a scene's item."""
    key = env.item(scene)["ratingKey"]
    (env.plex.person_sets if by == "person" else env.plex.agent_sets)(key, **change)


def text_of(case: TextCase, text: str) -> dict[str, Any]:
    """A row's text as Stash's edit form names it."""
    return {IN_STASH[case.field]: text}


def row_of(case: TextCase | ListCase, found: object, edits: list[dict[str, str]]) -> str:
    """One line of the table: rule, first, before, theirs, ours, result, edits."""

    def cell(value: object) -> str:
        text = ", ".join(value) if isinstance(value, tuple) else str(value or "")
        return "never" if value is None else text or "-"

    theirs = "-" if case.theirs is None else f"{case.by}: {cell(case.theirs)}"
    cells = (case.rule, cell(case.first), cell(case.before), theirs, cell(case.ours), cell(found))
    sizes = (42, 11, 18, 19, 16, 18)
    words = "  ".join(text.ljust(size) for text, size in zip(cells, sizes, strict=True))
    return f"{words}  {'one PUT' if edits else 'no PUT'}"


HEAD = (
    f"\n{'rule':42}  {'Plex first':11}  {'base (Stash then)':18}  {'theirs':19}  "
    f"{'ours (Stash now)':16}  {'result in Plex':18}  requests"
)


def test_every_text_of_the_table(env: Installation) -> None:
    """Each row: the value in Plex, whether an edit was sent, its lock, and what people are told."""
    cases = dict(enumerate(TEXTS, 1))
    for scene, case in cases.items():
        if case.first:
            in_plex(env, scene, "agent", {"fields": {WIRE[case.field]: case.first}})
        env.stash.set_scene(scene, **text_of(case, case.before or ""))
    look_at(env, [scene for scene, case in cases.items() if case.before is not None])
    for scene, case in cases.items():
        if case.theirs is not None:
            in_plex(env, scene, case.by, {"fields": {WIRE[case.field]: case.theirs}})
        env.stash.set_scene(scene, **text_of(case, case.ours))
    since, said = len(env.plex.requests()), len(env.log())
    look_at(env, cases)
    lines = [HEAD]
    for scene, case in cases.items():
        item, edits = env.item(scene), edits_of(env, scene, since)
        wanted = catalogue_file(scene).stem if case.result == STEM else case.result
        found = item["fields"].get(WIRE[case.field], "")
        assert found == wanted, case
        assert len(edits) == case.writes, case
        notes = notes_of(env, scene, said)
        assert case.note in notes, case
        assert bool(notes) == bool(case.note), case
        if case.writes:
            assert WIRE[case.field] in item["locked"], case
            assert edits[0][f"{WIRE[case.field]}.locked"] == "1"
        lines.append(row_of(case, found, edits))
    print("\n".join(lines))  # noqa: T201 - for the person who asked for it with -s


def test_every_list_of_the_table(env: Installation) -> None:
    """Each row: the members in Plex, whether an edit was sent, its lock, and what is told."""
    cases = dict(enumerate(LISTS, len(TEXTS) + 1))
    print("\n".join([HEAD, *run_lists(env, cases)]))  # noqa: T201


@pytest.mark.parametrize("reading", READINGS)
def test_lists_come_out_alike_however_plex_reads_an_edit(
    env: Installation, reading: tuple[str, bool]
) -> None:
    """Adding or replacing, additions or removals first: the same lists in the end."""
    writes, adds_come_first = reading
    first = 1 + len(TEXTS) + len(LISTS) + READINGS.index(reading) * len(EDITED)
    env.plex.switches(tag_writes=writes, adds_come_first=adds_come_first)
    run_lists(env, dict(enumerate(EDITED, first)))
    env.plex.switches(tag_writes="additive", adds_come_first=False)


TAGS: dict[str, int] = {}


def run_lists(env: Installation, cases: dict[int, ListCase]) -> list[str]:
    """Run rows, each on a scene of its own; give the table's lines."""

    def stash_has(scene: int, names: tuple[str, ...]) -> None:
        for name in names:
            if name not in TAGS:
                TAGS[name] = env.stash.add_entity("tag", name)
        env.stash.set_scene(scene, tag_ids=[str(TAGS[name]) for name in names])

    for scene, case in cases.items():
        if case.first:
            in_plex(env, scene, "agent", {"tags": {"genre": list(case.first)}})
        stash_has(scene, case.before or ())
    look_at(env, [scene for scene, case in cases.items() if case.before is not None])
    for scene, case in cases.items():
        if case.theirs is not None:
            in_plex(env, scene, case.by, {"tags": {"genre": list(case.theirs)}})
        stash_has(scene, case.ours)
    since, said = len(env.plex.requests()), len(env.log())
    look_at(env, cases)
    lines = []
    for scene, case in cases.items():
        item, edits = env.item(scene), edits_of(env, scene, since)
        found = tuple(item["tags"].get("genre", ()))
        assert sorted(found) == sorted(case.result), case
        assert len(edits) == case.writes, case
        assert case.note in notes_of(env, scene, said), case
        if case.writes:
            assert "genre" in item["locked"], case
            assert edits[0]["genre.locked"] == "1"
        lines.append(row_of(case, found, edits))
    return lines


def test_one_read_and_one_edit_carry_everything(env: Installation) -> None:
    """All fields, all tags and all locks of a changed scene travel in a single PUT."""
    scene = SPARE
    studio = env.stash.add_entity("studio", "Ünïcode & Söhne")
    people = [env.stash.add_entity("performer", name) for name in ("Zoë, A.", "Bea")]
    env.stash.set_scene(
        scene,
        title="Tïtle 🎬",
        details="Line one\nבגד “q” & <b>\x00",
        date="2024",
        rating100=85,
        director="D. Irector",
        studio_id=str(studio),
        performer_ids=[str(one) for one in people],
    )
    env.settings(sync_fields=f"{FIELDS}, sort_title, studio_collection", content_rating="XXX")
    since = len(env.plex.requests())
    look_at(env, [scene])
    item, (edit,) = env.item(scene), edits_of(env, scene, since)
    assert item["fields"] | {"addedAt": 0} == item["fields"] | {
        "title": "Tïtle 🎬",
        "titleSort": "Tïtle 🎬",
        "summary": "Line one\nבגד “q” & <b>",
        "originallyAvailableAt": "2024-01-01",
        "userRating": 8.5,
        "contentRating": "XXX",
        "studio": "Ünïcode & Söhne",
        "addedAt": 0,
    }
    assert item["tags"] == {
        "actor": ["Zoë, A.", "Bea"],
        "director": ["D. Irector"],
        "collection": ["Ünïcode & Söhne"],
    }
    assert set(item["locked"]) == {name.partition(".")[0] for name in edit if "locked" in name}
    assert len(item["locked"]) == 10
    asked = [one["target"] for one in env.plex.requests()[since:]]
    before = asked[: next(n for n, target in enumerate(asked) if "title.value" in target)]
    assert sum(f"/metadata/{item['ratingKey']}" in target for target in before) == 1

    # What we wrote survives an agent and a refresh; a second look has nothing to do.
    env.plex.agent_sets(item["ratingKey"], fields={"title": "X", "studio": "X", "summary": "X"})
    env.plex.agent_sets(item["ratingKey"], tags={"actor": ["X"], "collection": []})
    env.plex.refresh(item["ratingKey"])
    since = len(env.plex.requests())
    look_at(env, [scene])
    after = env.item(scene)
    assert (after["fields"], after["tags"]) == (item["fields"], item["tags"])
    assert edits_of(env, scene, since) == []

    # An item leaves a collection that we put it in, and no other.
    env.plex.person_sets(item["ratingKey"], tags={"collection": ["Ünïcode & Söhne", "Favourites"]})
    env.stash.set_scene(scene, studio_id=None)
    look_at(env, [scene])
    assert env.item(scene)["tags"]["collection"] == ["Favourites"]
    env.settings(sync_fields=FIELDS)


def test_two_performers_of_one_name_stay_two(env: Installation) -> None:
    """As Stash shows them, also where one of them is alone in the scene (sync/namesakes.py)."""
    scene, add = SPARE + 4, env.stash.add_entity
    plain, second = add("performer", "Ann Otated"), add("performer", "ann otated", "II")
    third = add("performer", "Ann Otated", "of Oslo")
    for people, shown in (
        ([plain], ["Ann Otated"]),
        ([second], ["ann otated (II)"]),
        ([plain, second, third], ["Ann Otated", "ann otated (II)", "Ann Otated (of Oslo)"]),
        ([second, third], ["ann otated (II)", "Ann Otated (of Oslo)"]),
    ):
        env.stash.set_scene(scene, performer_ids=[str(one) for one in people])
        look_at(env, [scene])
        found = env.item(scene)["tags"]["actor"]
        assert sorted(map(str.lower, found)) == sorted(map(str.lower, shown))
    since = len(env.plex.requests())
    look_at(env, [scene])
    assert edits_of(env, scene, since) == []


def test_stash_wins_over_hand_edits_where_it_is_told_to(env: Installation) -> None:
    """With overwrite_plex_edits a locked edit is replaced, and foreign tags stay all the same."""
    scene = SPARE + 1
    in_plex(env, scene, "person", {"fields": {"summary": "P"}, "tags": {"genre": ["P"]}})
    tag = env.stash.add_entity("tag", "Overwritten")
    env.stash.set_scene(scene, details="A", tag_ids=[str(tag)])
    env.settings(sync_fields=FIELDS, overwrite_plex_edits=True)
    said = len(env.log())
    look_at(env, [scene])
    env.settings(sync_fields=FIELDS)
    item = env.item(scene)
    assert item["fields"]["summary"] == "A"
    assert sorted(item["tags"]["genre"]) == ["Overwritten", "P"]
    assert "'P' was edited in Plex and is replaced: Stash always wins" in notes_of(env, scene, said)


def test_long_texts_go_through_in_parts(env: Installation) -> None:
    """Ten thousand characters arrive whole beside everything else, in more than one request."""
    scene = SPARE + 2
    summary = ("Ten thousand characters. " * 400)[:10_000].strip()
    env.stash.set_scene(scene, title="Long", details=summary, director="D")
    since = len(env.plex.requests())
    look_at(env, [scene])
    item, edits = env.item(scene), edits_of(env, scene, since)
    assert item["fields"]["summary"] == summary
    assert item["fields"]["title"] == "Long"
    assert len(edits) > 1
    look_at(env, [scene])
    assert len(edits_of(env, scene, since)) == len(edits)


def test_what_plex_does_not_take_is_cut_at_a_word(env: Installation) -> None:
    """Where a proxy allows short addresses only, the rest goes through and the cut is visible."""
    scene = SPARE + 3
    summary = "Слово и дело. " * 500
    env.stash.set_scene(scene, title="Cut", details=summary, rating100=50)
    env.plex.switches(max_url_bytes=9000)
    since = len(env.plex.requests())
    look_at(env, [scene])
    item = env.item(scene)
    cut = item["fields"]["summary"]
    assert item["fields"]["title"] == "Cut"
    assert item["fields"]["userRating"] == 5.0
    assert cut.endswith("…")
    assert summary.startswith(cut[:-1])
    assert summary[len(cut) - 1] in " ."
    count = len(edits_of(env, scene, since))
    look_at(env, [scene])
    assert len(edits_of(env, scene, since)) == count
    env.plex.switches(max_url_bytes=0)


def test_episodes_get_the_fields_that_episodes_have(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """In a show library that plex_libraries names: one PUT with type=4, no studio, no genre."""
    with installation(
        tmp_path_factory.mktemp("shows"),
        2,
        plex={"section_type": "show"},
        plex_libraries="TV Shows",
        content_rating="XXX",
    ) as shows:
        shows.save(1, title="Episode", details="About it", date="2024-05", rating100=70)
        shows.settled()
        item, (edit,) = shows.item(1), edits_of(shows, 1, 0)
        assert item["type"] == "episode"
        assert edit["type"] == "4"
        assert item["fields"]["title"] == item["fields"]["titleSort"] == "Episode"
        assert item["fields"]["originallyAvailableAt"] == "2024-05-01"
        assert item["fields"]["userRating"] == 7.0
        assert item["fields"]["contentRating"] == "XXX"
        assert set(item["tags"]) == {"actor", "director"}
        assert "studio" not in item["fields"]
        since = len(shows.plex.requests())
        shows.hook(1)
        shows.settled()
        assert edits_of(shows, 1, since) == []
