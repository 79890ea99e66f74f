"""Tag rules: the table of docs/fields.md, what a fault says, and a change of rules on the wire."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merge.desired import desired
from simulator.library import catalogue_file
from stash.scene import NamedRef, Scene
from tests.installation import installation
from validation.config import PlexSyncConfig, parse_settings, settings_fingerprint
from validation.tag_rules import read_tag_rules

DOC = Path(__file__).resolve().parent.parent / "docs" / "fields.md"
SCENES = 1000


def cases() -> list[list[str]]:
    """The rows of the table: case, rules, tags in Stash, genres in Plex."""
    part = DOC.read_text(encoding="utf-8").partition("## Tag rules")[2]
    table = part.partition("|---|---|---|---|\n")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


def genres(rules: str, *tags: str) -> tuple[str, ...]:
    """What a scene with these tags gets."""
    read, faults = read_tag_rules(rules)
    assert faults == ()
    config = PlexSyncConfig("http://plex:32400", "t0ken", tag_rules=read)
    refs = tuple(NamedRef(number, name) for number, name in enumerate(tags, 1))
    return tuple(desired(Scene(id=1, tags=refs), config, "movie").lists["tags"])


def test_the_table_has_its_cases() -> None:
    """As many as were promised, or the next test would pass on an empty table."""
    assert len(cases()) == 12


@pytest.mark.parametrize("case", cases(), ids=lambda case: case[0])
def test_a_case_of_the_table(case: list[str]) -> None:
    """The document's rules make of the document's tags the document's genres."""
    _, rules, tags, wanted = case
    typed = "" if rules == "(empty)" else rules.strip("`")
    assert "; ".join(genres(typed, *tags.split("; "))) == wanted


@pytest.mark.parametrize(
    ("rules", "tags", "wanted"),
    [
        (' "drop: it" => Kept ;; ', ("drop: it",), ("Kept",)),
        ('drop: "A ""B"" C"', ('A "B" C', "D"), ("D",)),
        ("ONLY :  Big   Sky", ("big sky", "Other"), ("big sky",)),
        ('drop: "a => b", c', ("a => b", "c", "d"), ("d",)),
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
        ("drop: X; label: A", "rule 2 begins a name with a word that is no rule"),
        ("children of C => C", "rule 1 begins a name with a word that is no rule"),
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


@given(st.text(alphabet='aB ,;:=>"', max_size=40))
def test_any_text_is_read(text: str) -> None:
    """Whatever is typed gives rules or faults."""
    rules, _ = read_tag_rules(text)
    rules.apply(["a", "B"])


def test_new_rules_make_scenes_be_looked_at_again() -> None:
    """The fingerprint that tells of changed settings counts the rules."""
    assert settings_fingerprint({"tag_rules": "drop: A"}) != settings_fingerprint({})


@pytest.mark.timeout(400)
def test_a_change_of_rules_takes_out_what_is_ours_and_nothing_else(tmp_path: Path) -> None:
    """Over 1,000 scenes: said by the preview, then done, others' genres and a person's stay."""
    with installation(tmp_path, SCENES, sync_fields="title, tags") as env:
        names = ("Kept", "Dropped", "Funny", "Humour")
        made = [env.stash.add_entity("tag", name) for name in names]
        for scene in range(1, SCENES + 1):
            env.stash.set_scene(scene, tag_ids=made)
        by_hand = env.item(7)["ratingKey"]
        env.run(mode="sync_all")
        env.settled(120)
        assert env.item(SCENES)["tags"]["genre"] == list(names)
        env.plex.person_sets(by_hand, tags={"genre": [*names, "By hand"]})

        env.settings(sync_fields="title, tags", tag_rules="only: Kept; Funny, Humour => Comedy")
        preview = env.run(mode="preview")
        assert f"{SCENES} of {SCENES} scenes would change" in preview["output"]
        assert env.item(SCENES)["tags"]["genre"] == list(names)

        before = len(env.plex.requests())
        env.run(mode="sync_all")
        env.settled(120)
        asked = len(env.plex.requests()) - before
        for scene in range(1, SCENES + 1):
            wanted = {"Kept", "Comedy"} | ({"By hand"} if scene == 7 else set())
            assert set(env.item(scene)["tags"]["genre"]) == wanted, catalogue_file(scene)
        print(f"{SCENES} scenes, rules changed: {asked} requests")  # noqa: T201 - for -s
        assert asked <= 1.2 * SCENES
