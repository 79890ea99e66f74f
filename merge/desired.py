"""What a scene should look like in Plex: Stash's side, made safe, by field name. Pure.

Stash's text arrives verbatim (newlines, quotes, dashes, emoji); only what an
XML-speaking server cannot carry is taken out, and a text beyond what fits in a
request is cut at a word, visibly.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from plex.fields import fields_of
from validation.config import PARENT, STUDIO
from validation.sync_fields import COLLECTION_FIELDS
from validation.tag_rules import COLLECTION, LABEL
from validation.text import A_NAME, cut_at_word, partial_date, safe_text, tag_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stash.scene import Scene
    from validation.config import PlexSyncConfig
    from validation.tag_rules import Written

#: Bytes of UTF-8 up to which one text is sent. Encoded in a URL they may be
#: three times as many; tens of kB are known to fail.
LONGEST_TEXT = 12_000
LONGEST_LINE = 1_000
#: Fields with which the rules for tags are followed at all.
RULED = frozenset({"tags", "labels"})


@dataclass(frozen=True, slots=True)
class Desired:
    """Stash's side of the merge; a field that is not to be synced is absent.

    ``date`` may be a period (2024 or 2024-05); "" and () mean "nothing". ``by_rule`` names the
    members of a list that are there because a rule sent a tag there. Where a list is absent that
    rules can send tags to, what they sent there before is taken back, and nothing else
    (merge/three_way.py); None leaves that, too, as it is.
    """

    values: Mapping[str, str]
    lists: Mapping[str, tuple[str, ...]]
    by_rule: Mapping[str, tuple[str, ...]] | None = None


def desired(
    scene: Scene,
    config: PlexSyncConfig,
    item_type: str,
    namesakes: frozenset[str] = frozenset(),
) -> Desired:
    """Give what an item of this type should hold for a scene.

    ``namesakes`` are the keys of the names that several performers have (sync/namesakes.py).
    """
    people = performers(scene, namesakes)
    wanted = config.sync_fields
    chosen = wanted & fields_of(item_type)
    values = {
        "title": _line(title(scene, config, namesakes)),
        "studio": _line(studio_name(scene, config.studio_name)),
        "summary": summary(scene.details),
        "date": period(scene.date),
        "rating": rating(scene.rating100),
        "content_rating": _line(config.content_rating),
    }
    tags = config.tag_rules.apply(scene.tags)
    lists = {
        "performers": _names(people),
        "director": _names([scene.director]),
        "tags": _names(tags.genres),
    }
    # sort_title follows the title that Plex ends up with, so merge/three_way.py derives it.
    if "sort_title" in wanted:
        values["sort_title"] = ""
    if not config.content_rating:
        del values["content_rating"]  # an empty setting leaves Plex's alone
    members = {name: names for name, names in lists.items() if name in chosen}
    by_rule = {name: _names(names) for name, names in _sent(tags, config)}
    if "labels" in by_rule:
        members["labels"] = by_rule["labels"]
    if wanted & COLLECTION_FIELDS or "collections" in by_rule:
        sent = by_rule.get("collections", ())
        members["collections"] = _names((*collections(scene, config, people), *sent))
    values = {name: text for name, text in values.items() if name in chosen}
    follow = wanted & RULED
    return Desired(values, members, by_rule if follow else None)


def _sent(tags: Written, config: PlexSyncConfig) -> Iterable[tuple[str, list[str]]]:
    """Give the lists beside genres that rules send tags to, with what they send of a scene's."""
    places = config.tag_rules.places
    if LABEL in places and config.sync_fields & RULED:
        yield "labels", tags.labels
    if COLLECTION in places and "tags" in config.sync_fields:
        yield "collections", tags.collections


def title(scene: Scene, config: PlexSyncConfig, namesakes: frozenset[str] = frozenset()) -> str:
    """Give a scene's title, as the template makes it if there is one."""
    if not config.title_template.parts:
        return scene.title.strip()
    has = {
        "title": scene.title.strip(),
        "studio": scene.studio.name.strip() if scene.studio else "",
        "date": period(scene.date),
        "performers": ", ".join(performers(scene, namesakes)),
        "code": scene.code.strip(),
    }
    return config.title_template.fill(has)


def says_anything(wanted: Desired) -> bool:
    """Say whether Stash has any text for an item; one that is the same for all is none.

    Nor is a picture: Stash makes a cover for every scene by itself.
    """
    texts = (text for name, text in wanted.values.items() if name != "content_rating")
    return any(texts) or any(wanted.lists.values())


def performers(scene: Scene, namesakes: frozenset[str] = frozenset()) -> list[str]:
    """Give the performers' names, as Stash shows them where several have one.

    Two of a scene, whatever is known of all others, or those whose name is in ``namesakes``.
    """
    keys = Counter(tag_key(one.name) for one in scene.performers)
    keys.update(namesakes)
    return [
        f"{one.name} ({one.disambiguation})"
        if one.disambiguation and keys[tag_key(one.name)] > 1
        else one.name
        for one in scene.performers
    ]


def studio_name(scene: Scene, choice: str) -> str:
    """Give what Plex shall call a scene's studio: itself, the one above it, or both.

    A studio that stands for itself is called by its own name, whatever was chosen.
    """
    studio = scene.studio
    above = studio.parent.name.strip() if studio and studio.parent else ""
    if studio is None or choice == STUDIO or not above:
        return studio.name if studio else ""
    if choice == PARENT:
        return above
    return f"{above} / {studio.name}"


def collections(scene: Scene, config: PlexSyncConfig, people: list[str]) -> tuple[str, ...]:
    """Give the collections a scene belongs in, as far as chosen: its groups, its studio, and so on.

    A studio that has none above it stands at the top of its family and is in that collection, too.
    """
    studio = scene.studio
    above = studio.parent or studio if studio else None
    all_names = {
        "group_collections": [group.name for group in scene.groups],
        "studio_collection": [studio.name] if studio else [],
        "parent_studio_collection": [above.name] if above else [],
        "performer_collections": people,
    }
    return _names(
        prefix + name
        for field, prefix in config.collection_prefixes.items()
        for name in all_names[field]
    )


def collection_name(prefix: str, name: str) -> str:
    """Give a collection's name as it is written, from its prefix and what is behind it."""
    return _line(prefix + name)


def summary(details: str) -> str:
    """Give the details of a scene or another thing as they are written."""
    return cut_at_word(safe_text(details, multiline=True), LONGEST_TEXT)


def period(date: str) -> str:
    """Give a full or partial date as it is, and "" for anything else."""
    parsed = partial_date(date)
    return parsed[1] if parsed else ""


def rating(rating100: int | None) -> str:
    """Turn Stash's 1 to 100 into Plex's user rating of 0 to 10, "" when unrated."""
    if not rating100 or not 0 < rating100 <= 100:
        return ""
    return f"{rating100 / 10:g}"


def sort_title(title: str) -> str:
    """Give the text Plex sorts a title by: without a leading English article."""
    for article in ("the ", "a ", "an "):
        if title.lower().startswith(article) and len(title) > len(article):
            return title[len(article) :].lstrip()
    return title


def _line(text: str) -> str:
    return cut_at_word(safe_text(text, multiline=False).strip(), LONGEST_LINE)


# A library has few names, and each stands on many scenes.
_kept_name = lru_cache(4096)(_line)


def _names(names: Iterable[str]) -> tuple[str, ...]:
    """Make names safe and drop blanks and repetitions (case does not tell tags apart in Plex)."""
    by_key: dict[str, str] = {}
    for name in names:
        safe = _kept_name(name) if len(name) <= A_NAME else _line(name)
        if safe:
            by_key.setdefault(tag_key(safe), safe)
    return tuple(by_key.values())
