"""One scene as Stash tells it, frozen.

`Scene.from_graphql` is the boundary: whatever JSON comes in, either a `Scene`
goes out whose ids are ints and whose texts are text, or a `StashAnswerError`
says which part of the answer made no sense.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from errors import PermanentError

from .answer import read_each, read_flag, read_id, read_object, read_text, read_whole, senseless
from .exceptions import StashAnswerError

#: Of a picture, among what its address asks for.
_VERSION = re.compile(r"\?(?:[^#]*&)?t=([0-9]+)(?:[&#]|\Z)")

#: The ``update_type`` of a job that carries a scene's metadata.
METADATA = "metadata"


class TagAbove(NamedTuple):
    """A tag above another one: how many steps, its name and its other names."""

    id: int
    steps: int
    name: str
    aliases: tuple[str, ...] = ()


class Pictured(Protocol):
    """What has a picture: ``cover`` is its path and query on Stash's own server, "" for none."""

    @property
    def cover(self) -> str:
        """Where it is."""

    @property
    def updated_at(self) -> str:
        """When what has it was saved last, as Stash writes it."""


@dataclass(frozen=True, slots=True)
class NamedRef:
    """A studio, performer, tag or group of a scene; id 0 when only the name is known.

    Two performers may have one name: ``disambiguation`` is what tells them apart, or "".
    ``parent`` is the studio right above a studio, None where there is none.
    Of a tag, and only where ``tag_rules`` looks at them, ``aliases`` are its other names and
    ``above`` the tags above it, the nearest first (stash/tags.py).
    """

    id: int
    name: str
    disambiguation: str = ""
    parent: NamedRef | None = None
    aliases: tuple[str, ...] = ()
    above: tuple[TagAbove, ...] = ()


@dataclass(frozen=True, slots=True)
class SceneFile:
    """A file of a scene: its path as Stash sees it, size in bytes, OpenSubtitles hash."""

    path: str
    size: int | None = None
    oshash: str | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene of Stash; text verbatim, "" where Stash has nothing.

    Attributes:
        date: "YYYY-MM-DD", or since Stash 0.30 also "YYYY-MM" and "YYYY".
        rating100: 1 to 100, or None when unrated.
        updated_at: As Stash writes it: whole seconds, RFC 3339 with the offset
            of the server's clock. Not comparable as text.
        performers, tags, groups: In Stash's order.
        files: Primary first, the rest in no defined order; empty for a scene
            that was made by hand.
        cover: Path and query of the screenshot on Stash's own server, "" without, e.g.
            ``/scene/1/screenshot?t=1795374456`` (t moves with updated_at).
    """

    id: int
    title: str = ""
    code: str = ""
    details: str = ""
    date: str = ""
    rating100: int | None = None
    director: str = ""
    organized: bool = False
    updated_at: str = ""
    studio: NamedRef | None = None
    performers: tuple[NamedRef, ...] = ()
    tags: tuple[NamedRef, ...] = ()
    groups: tuple[NamedRef, ...] = ()
    files: tuple[SceneFile, ...] = ()
    cover: str = ""

    @classmethod
    def from_graphql(cls, raw: object) -> Scene:
        """Read one scene of a GraphQL answer; a key that is absent counts as null.

        Raises ``StashAnswerError`` if it is not a scene; the sentence names the part.
        """
        if not isinstance(raw, Mapping):
            raise senseless("a scene", "is not an object")
        scene_id = read_id(raw.get("id"), "a scene's id")
        of = f"scene {scene_id}'s "
        paths = raw.get("paths")
        if paths is not None and not isinstance(paths, Mapping):
            raise senseless(of + "paths", "is not an object")
        return cls(
            id=scene_id,
            title=read_text(raw.get("title"), of + "title"),
            code=read_text(raw.get("code"), of + "code"),
            details=read_text(raw.get("details"), of + "details"),
            date=read_text(raw.get("date"), of + "date"),
            rating100=read_whole(raw.get("rating100"), of + "rating100"),
            director=read_text(raw.get("director"), of + "director"),
            organized=read_flag(raw.get("organized"), of + "organized"),
            updated_at=read_text(raw.get("updated_at"), of + "updated_at"),
            studio=None if raw.get("studio") is None else read_studio(raw["studio"], of + "studio"),
            performers=read_each(raw.get("performers"), of + "performers", read_ref),
            tags=read_each(raw.get("tags"), of + "tags", read_ref),
            groups=read_each(raw.get("groups"), of + "groups", _grouped_ref),
            files=read_each(raw.get("files"), of + "files", _file),
            cover=_cover(scene_id, (paths or {}).get("screenshot"), of + "screenshot"),
        )

    @classmethod
    def from_job(cls, job: Mapping[str, Any]) -> Scene:
        """Read what a job says of a scene.

        A job with nothing but ``data: {path, title, studio}`` is enough: names
        may stand where objects with id and name could, and a missing ``path``
        gives a scene without files. Without a usable ``scene_id`` or ``data`` it is a
        ``PermanentError``.
        """
        data = job.get("data")
        if not isinstance(data, Mapping):
            message = f"The job of scene {job.get('scene_id')!r} has no data that could be read."
            raise PermanentError(message)
        studio = data.get("studio")
        if isinstance(studio, str):
            studio = {"id": data.get("studio_id"), "name": studio} if studio else None
        try:
            scene_id = read_id(job.get("scene_id"), "its scene_id")
            return cls(
                id=scene_id,
                title=read_text(data.get("title"), "its title"),
                code=read_text(data.get("code"), "its code"),
                details=read_text(data.get("details"), "its details"),
                date=read_text(data.get("date"), "its date"),
                rating100=read_whole(data.get("rating100"), "its rating100"),
                director=read_text(data.get("director"), "its director"),
                organized=read_flag(data.get("organized"), "its organized"),
                updated_at=read_text(data.get("updated_at"), "its updated_at"),
                studio=None if studio is None else _job_ref(studio, "its studio"),
                performers=read_each(data.get("performers"), "its performers", _job_ref),
                tags=read_each(data.get("tags"), "its tags", _job_ref),
                groups=read_each(data.get("groups"), "its groups", _job_ref),
                files=_job_files(data),
                cover=read_text(data.get("cover"), "its cover"),
            )
        except StashAnswerError as error:
            message = f"The job of scene {job.get('scene_id')!r} could not be read: {error}"
            raise PermanentError(message) from None


@dataclass(frozen=True, slots=True)
class SceneStamp:
    """What is cheap to know of a scene: id, updated_at as Stash writes it, paths.

    A moved file changes its path while updated_at stays, so a sweep compares both.
    """

    id: int
    updated_at: str
    paths: tuple[str, ...] = ()

    @classmethod
    def from_graphql(cls, raw: object, what: str = "a scene") -> SceneStamp:
        """Read one scene of a page, as ``Scene.from_graphql`` does."""
        stamp = read_object(raw, what)
        scene_id = read_id(stamp.get("id"), f"an id in {what}")
        files = read_each(stamp.get("files"), f"scene {scene_id}'s files", _path)
        updated_at = read_text(stamp.get("updated_at"), f"scene {scene_id}'s updated_at")
        return cls(scene_id, updated_at, files)


def read_ref(raw: object, what: str) -> NamedRef:
    """Read a studio, performer, tag or group of an answer; raises ``StashAnswerError``."""
    ref = read_object(raw, what)
    return NamedRef(
        read_id(ref.get("id"), f"an id in {what}"),
        read_text(ref.get("name"), f"a name in {what}"),
        read_text(ref.get("disambiguation"), f"a disambiguation in {what}"),
    )


def read_studio(raw: object, what: str) -> NamedRef:
    """Read a studio with the one above it, as ``read_ref`` does."""
    studio = read_ref(raw, what)
    above = raw.get("parent_studio") if isinstance(raw, Mapping) else None
    return studio if above is None else replace(studio, parent=read_ref(above, what + "'s parent"))


def _grouped_ref(raw: object, what: str) -> NamedRef:
    # Stash wraps each group with the scene's place in it.
    return read_ref(raw.get("group") if isinstance(raw, Mapping) else raw, what)


def _job_ref(raw: object, what: str) -> NamedRef:
    if isinstance(raw, str):
        return NamedRef(0, read_text(raw, what))
    if not isinstance(raw, Mapping):
        raise senseless(what, "holds neither a name nor an object")
    return NamedRef(
        read_whole(raw.get("id"), what) or 0,
        read_text(raw.get("name"), what),
        read_text(raw.get("disambiguation"), what),
    )


def _file(raw: object, what: str) -> SceneFile:
    path = _path(raw, what)
    if not path:
        raise senseless(what, "holds a file without a path")
    file = read_object(raw, what)
    oshash = read_text(file.get("oshash"), f"an oshash in {what}")  # a job's own form
    for kind, value in read_each(file.get("fingerprints"), f"fingerprints in {what}", _fingerprint):
        if kind == "oshash":
            oshash = value.lower()
    return SceneFile(path, read_whole(file.get("size"), f"a size in {what}"), oshash or None)


def _fingerprint(raw: object, what: str) -> tuple[str, str]:
    found = read_object(raw, what)
    return read_text(found.get("type"), what), read_text(found.get("value"), what)


def _job_files(data: Mapping[str, Any]) -> tuple[SceneFile, ...]:
    """All files of a job, primary first; none when there is no primary path."""
    if not data.get("path"):
        return ()
    primary = _file({key: data.get(key) for key in ("path", "size", "oshash")}, "its data")
    others = read_each(data.get("files"), "its files", _job_file)
    return (primary, *(file for file in others if file.path != primary.path))


def _job_file(raw: object, what: str) -> SceneFile:
    return _file({"path": raw} if isinstance(raw, str) else raw, what)


def _cover(scene_id: int, raw: object, what: str) -> str:
    """Keep only the version of the picture; everything else of the address is ours.

    Stash writes the host it was asked by, or a configured outer one with its own
    prefix, into that address: neither need be reachable from here.
    """
    address = read_text(raw, what)
    return versioned(f"/scene/{scene_id}/screenshot", address) if address else ""


def versioned(own: str, address: str) -> str:
    """Give a picture's path on Stash's own server, with the version that an address of it names."""
    version = _VERSION.search(address)
    return f"{own}?t={version[1]}" if version else own


def _path(raw: object, what: str) -> str:
    return read_text(read_object(raw, what).get("path"), f"a path in {what}")
