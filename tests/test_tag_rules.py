"""Tag rules: the table of docs/fields.md, what a fault says, and a change of rules on the wire."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merge.desired import desired
from simulator.library import catalogue_file
from stash.scene import NamedRef, Scene, TagAbove
from tests.installation import Installation, installation
from validation.config import PlexSyncConfig, parse_settings, settings_fingerprint
from validation.tag_rules import read_tag_rules

DOC = Path(__file__).resolve().parent.parent / "docs" / "fields.md"
SCENES = 1000
CASES = 29
# "Poodle (below Dogs, Pets)" is a tag with two above it, "Funny (also Humour)" one with an alias.
_TAG = re.compile(r"([^(]+?)(?: \((below|also) ([^)]+)\))?")


def cases() -> list[list[str]]:
    """The rows of the table: case, rules, tags in Stash, genres, labels, collections."""
    part = DOC.read_text(encoding="utf-8").partition("## Tag rules")[2]
    table = part.partition("|---|---|---|---|---|---|\n")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


def tag(number: int, text: str) -> NamedRef:
    """A tag as the table writes it."""
    found = _TAG.fullmatch(text)
    assert found
    others = tuple(found[3].split(", ")) if found[3] else ()
    if found[2] == "also":
        return NamedRef(number, found[1], aliases=others)
    return NamedRef(
        number,
        found[1],
        above=tuple(
            TagAbove(number * 10 + step, step, name) for step, name in enumerate(others, 1)
        ),
    )


def lists(rules: str, *tags: str) -> dict[str, tuple[str, ...]]:
    """What a scene with these tags gets, by field."""
    read, faults = read_tag_rules(rules)
    assert faults == ()
    config = PlexSyncConfig("http://plex:32400", "t0ken", tag_rules=read)
    refs = tuple(tag(number, text) for number, text in enumerate(tags, 1))
    return dict(desired(Scene(id=1, tags=refs), config, "movie").lists)


def genres(rules: str, *tags: str) -> tuple[str, ...]:
    """What a scene with these tags gets as genres."""
    return lists(rules, *tags)["tags"]


def test_the_table_has_its_cases() -> None:
    """As many as were promised, or the next test would pass on an empty table."""
    assert len(cases()) == CASES


@pytest.mark.parametrize("case", cases(), ids=lambda case: case[0])
def test_a_case_of_the_table(case: list[str]) -> None:
    """The document's rules make of the document's tags what the document says."""
    _, rules, tags, *wanted = case
    typed = "" if rules == "(empty)" else rules.strip("`")
    found = lists(typed, *tags.split("; "))
    shown = ["; ".join(found.get(name, ())) for name in ("tags", "labels", "collections")]
    assert shown == wanted


@pytest.mark.parametrize(
    ("rules", "tags", "wanted"),
    [
        (' "drop: it" => Kept ;; ', ("drop: it",), ("Kept",)),
        ('drop: "A ""B"" C"', ('A "B" C', "D"), ("D",)),
        ("ONLY :  Big   Sky", ("big sky", "Other"), ("big sky",)),
        ('drop: "a => b", c', ("a => b", "c", "d"), ("d",)),
        ('drop: children of "A, B"', ("C (below A, B)", "D"), ("C", "D")),
        ('drop: "children of A"', ("C (below A)", "children of A"), ("C",)),
        ('children of A => "parent"', ("C (below A)",), ("parent",)),
        ("A => parent", ("A",), ("parent",)),
        ('A => "Me too"', ("A",), ("Me too",)),
        ("A => B too; A => B too", ("A",), ("A", "B")),
    ],
)
def test_names_with_separators(rules: str, tags: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    """Quotes, blanks and empty rules."""
    assert genres(rules, *tags) == wanted


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("Funny", "rule 1 has no =>"),
        ("HD => ", "rule 1 needs a tag before the => and one name behind it"),
        (" => HD", "rule 1 needs a tag before the => and one name behind it"),
        ("A => B, C", "rule 1 needs a tag before the => and one name behind it"),
        ("A => B => C", "rule 1 has more than one =>"),
        ("drop:", "rule 1 names no tag behind drop"),
        ("only: A => B", "rule 1 has a => behind only"),
        ('drop: "A', 'rule 1 has an opening " but no closing one'),
        ('drop: "A" B', "rule 1 has text beside a name in quotes"),
        ("drop: X, label: A", "rule 1 begins a name like a rule"),
        ("A => label: B", "rule 1 begins a name like a rule"),
        ("label: A; drop: a", "rule 2 drops a tag that rule 1 writes"),
        ("nowhere: A; genre: A", "rule 1 drops a tag that rule 2 writes"),
        ("labels:", "rule 1 names no tag behind label"),
        ("drop: children of", "rule 1 names no tag behind children of"),
        ("A => children of C", "rule 1 has children of behind the =>"),
        ("A, children of C => parent", "rule 1 writes tags as their parent that stand without"),
        ("children of C => parent; drop: C", "rule 2 drops a tag that rule 1 writes"),
        ("children of C => A; children of c => B", "rule 2 gives a tag another name than rule 1"),
        ("drop: children of children of C", "rule 1 begins a name like a rule"),
        ("A => B; a => C", "rule 2 gives a tag another name than rule 1 does"),
        ("A => B; drop: a", "rule 2 drops a tag that rule 1 writes"),
        ("A => B; drop: B", "rule 2 drops a tag that rule 1 writes"),
        ("only: A; drop: A", "rule 2 drops a tag that an only rule names"),
    ],
)
def test_a_fault_is_named_by_its_rule(rules: str, says: str) -> None:
    """What is wrong, in which rule."""
    (fault,) = read_tag_rules(rules)[1]
    assert fault.startswith(says)


def test_all_faults_are_named_at_once() -> None:
    """The setting as a whole is refused, each fault has its sentence, no name is repeated."""
    known = {"plex_url": "http://plex:32400", "plex_token": "t0ken-of-somebody"}
    parsed = parse_settings({**known, "tag_rules": "Secret; drop:; Good => Better"})
    assert parsed.config is None
    assert [problem.setting for problem in parsed.problems] == ["tag_rules", "tag_rules"]
    assert "Secret" not in "".join(map(str, parsed.problems))


def test_rules_may_stand_on_lines_of_their_own() -> None:
    """As a person pastes them, whatever ends the lines; a control character is still none."""
    known = {"plex_url": "http://plex:32400", "plex_token": "t0ken-of-somebody"}
    parsed = parse_settings({**known, "tag_rules": "drop: A\r\n\nB => C;drop: D\n"})
    assert parsed.config
    assert parsed.config.tag_rules == read_tag_rules("drop: A; B => C; drop: D")[0]
    assert parse_settings({**known, "tag_rules": "drop: A\x00"}).problems


def test_labels_alone_follow_their_rules_too() -> None:
    """Where sync_fields names no tags, rules for labels hold and genres are left alone."""
    rules, _ = read_tag_rules("label: A; collection: B")
    tags = (NamedRef(1, "A"), NamedRef(2, "B"), NamedRef(3, "C"))
    config = PlexSyncConfig(
        "http://plex:32400", "t0ken", tag_rules=rules, sync_fields=frozenset({"labels"})
    )
    wanted = desired(Scene(id=1, tags=tags), config, "episode")
    assert wanted.lists == {"labels": ("A",)}


@given(st.text(alphabet='aB ,;:=>"', max_size=40))
def test_any_text_is_read(text: str) -> None:
    """Whatever is typed gives rules or faults."""
    rules, _ = read_tag_rules(text)
    rules.apply([NamedRef(1, "a"), NamedRef(2, "B")])


def test_new_rules_make_scenes_be_looked_at_again() -> None:
    """The fingerprint that tells of changed settings counts the rules."""
    assert settings_fingerprint({"tag_rules": "drop: A"}) != settings_fingerprint({})


@pytest.mark.timeout(400)
def test_a_change_of_rules_takes_out_what_is_ours_and_nothing_else(tmp_path: Path) -> None:
    """Over 1,000 scenes: said by the preview, then done, others' members of each list stay."""
    with installation(tmp_path, SCENES, sync_fields="title, tags") as env:
        names = ("Kept", "Dropped", "Funny", "Humour", "Kids", "Best Of")
        made = [env.stash.add_entity("tag", name) for name in names]
        for scene in range(1, SCENES + 1):
            env.stash.set_scene(scene, tag_ids=made)
        # What others put there, before us and after; people lock, and so do other tools.
        early, late = env.item(7)["ratingKey"], env.item(9)["ratingKey"]
        env.plex.person_sets(early, tags={"label": ["Theirs"], "collection": ["Favourites"]})
        env.settings(sync_fields="title, tags", tag_rules="label: Kids; collection: Best Of")
        env.run(mode="sync_all")
        env.settled(120)
        assert tags_of(env, SCENES) == {
            "genre": set(names[:4]), "label": {"Kids"}, "collection": {"Best Of"}
        }  # fmt: skip
        assert tags_of(env, 7)["label"] == {"Kids", "Theirs"}
        assert tags_of(env, 7)["collection"] == {"Best Of", "Favourites"}
        env.plex.person_sets(
            late, tags={"label": ["Kids", "By hand"], "genre": ["Kept", "By hand"]}
        )

        rules = "only: Kept; Funny, Humour => Comedy; label: Comedy"
        env.settings(sync_fields="title, tags", tag_rules=rules)
        preview = env.run(mode="preview")
        assert f"{SCENES} of {SCENES} scenes would change" in preview["output"]
        assert tags_of(env, SCENES)["label"] == {"Kids"}

        before = len(env.plex.requests())
        # It takes members out of every item, so it is asked about once (tests/test_brake.py).
        assert f"{SCENES} held back" in env.run(mode="sync_all")["output"]
        assert tags_of(env, SCENES)["label"] == {"Kids"}
        env.run(mode="go_on")
        env.settled(120)
        asked = len(env.plex.requests()) - before
        for scene in range(1, SCENES + 1):
            wanted = {"genre": {"Kept"}, "label": {"Comedy"}}
            if scene == 7:
                wanted = {**wanted, "label": {"Comedy", "Theirs"}, "collection": {"Favourites"}}
            if scene == 9:
                wanted = {"genre": {"Kept", "By hand"}, "label": {"Comedy", "By hand"}}
            assert tags_of(env, scene) == wanted, catalogue_file(scene)
        print(f"{SCENES} scenes, rules changed: {asked} requests")  # noqa: T201 - for -s
        assert asked <= 1.2 * SCENES


def tags_of(env: Installation, scene: int) -> dict[str, set[str]]:
    """What Plex shows of an item, each list in no order."""
    return {kind: set(found) for kind, found in env.item(scene)["tags"].items() if found}
