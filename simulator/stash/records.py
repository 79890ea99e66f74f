"""What the stand-in keeps: scenes with their files, studios, performers, tags and groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from simulator.library import PERFORMERS, STUDIOS, TAGS, catalogue_scene, jpeg

KINDS = ("studio", "performer", "tag", "group")
_IDS = {
    kind: {name: number for number, name in enumerate(names, 1)}
    for kind, names in (("studio", STUDIOS), ("performer", PERFORMERS), ("tag", TAGS))
}
# When the catalogue's first scene was made; the others follow a minute apart.
CATALOGUE_EPOCH = 1_704_067_200  # 2024-01-01T00:00:00Z


@dataclass(slots=True)
class VideoFile:
    """One file of a scene; ``updated_at`` is text as Stash stores it, ``size`` is in bytes."""

    id: int
    path: str
    size: int
    oshash: str
    updated_at: str


@dataclass(slots=True)
class Scene:
    """One scene. Unset texts are empty, an unset date or rating is None.

    ``cover`` is the image's bytes: empty means none, None means the one that
    every scene of the catalogue has.
    """

    id: int
    updated_at: str
    title: str = ""
    code: str = ""
    details: str = ""
    director: str = ""
    date: str | None = None
    rating100: int | None = None
    organized: bool = False
    studio: int | None = None
    performers: list[int] = field(default_factory=list)
    tags: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    group_places: dict[int, int | None] = field(default_factory=dict)
    files: list[VideoFile] = field(default_factory=list)
    cover: bytes | None = b""
    # When it was played, as Unix seconds, oldest first; and where it was stopped, in seconds.
    plays: list[int] = field(default_factory=list)
    resume_time: float = 0.0

    def related(self, kind: str) -> list[int]:
        """Ids of the studios, performers, tags or groups of this scene."""
        if kind == "studio":
            return [] if self.studio is None else [self.studio]
        found: list[int] = getattr(self, f"{kind}s")
        return found

    def cover_bytes(self) -> bytes:
        """The cover as it is served; empty when there is none."""
        return jpeg(str(self.id).encode()) if self.cover is None else self.cover


@dataclass(slots=True)
class Entity:
    """A studio, performer, tag or group.

    ``parent`` is the id of a studio's parent, ``parents`` are those of a tag's; ``details`` are
    a group's synopsis, too; ``image`` is a studio's or performer's picture and a group's front
    cover, empty for none.
    """

    id: int
    name: str
    updated_at: str
    disambiguation: str = ""
    parent: int | None = None
    details: str = ""
    image: bytes = b""
    aliases: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)


def stamp(seconds: float, offset_minutes: int = 0) -> str:
    """A moment as Stash writes it: whole seconds, in the server's offset."""
    zone = timezone(timedelta(minutes=offset_minutes))
    text = datetime.fromtimestamp(int(seconds), zone).isoformat()
    return text.replace("+00:00", "Z") if offset_minutes == 0 else text


def catalogue_record(number: int, offset_minutes: int) -> Scene:
    """Scene ``number`` of the catalogue, as it is before anybody touches it."""
    known = catalogue_scene(number)
    file = known.file
    when = stamp(CATALOGUE_EPOCH + 60 * number, offset_minutes)
    return Scene(
        id=number,
        updated_at=when,
        title=known.title,
        details=known.details,
        director=known.director,
        date=known.date,
        rating100=known.rating100,
        studio=_IDS["studio"][known.studio],
        performers=[_IDS["performer"][name] for name in known.performers],
        tags=[_IDS["tag"][name] for name in known.tags],
        files=[VideoFile(number, file.stash_path, file.size, file.oshash, when)],
        cover=None,
    )


def catalogue_entities(kind: str, offset_minutes: int) -> dict[int, Entity]:
    """Every studio, performer or tag of the catalogue by id; no groups."""
    when = stamp(CATALOGUE_EPOCH, offset_minutes)
    return {number: Entity(number, name, when) for name, number in _IDS.get(kind, {}).items()}
