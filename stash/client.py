"""What PlexSync asks of Stash, in the worker's words.

Reads only. Every list of scenes comes in pages cut by ascending id, so that
scenes which come and go meanwhile neither shift a page nor end it early.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar

from net.answer import BodyTooLongError

from . import queries
from .answer import read_each, read_part, read_whole, senseless
from .exceptions import StashAnswerError
from .graphql import StashGraphQL
from .scene import Pictured, Scene, SceneStamp

if TYPE_CHECKING:
    from .connection import StashConnection

RefKind = Literal["studio", "performer", "tag", "group"]

#: Whose settings come along, as PlexSync.yml is called.
PLUGIN = "PlexSync"
LARGEST_COVER = 32 * 2**20
STAMPS_A_PAGE = 200
#: Scenes of one list. It is waited for in a thread (sync/stash_session.py), so nobody
#: who is in a hurry stands behind it.
_LIST = 500
#: Letters of an ETag that is taken for one; Stash's are the MD5 of the bytes.
_LONGEST_ETAG = 80


@dataclass(frozen=True, slots=True)
class ScenesReading:
    """Scenes by id, without those that Stash does not have, and the plugin's settings."""

    scenes: dict[int, Scene]
    settings: dict[str, Any]


class CoverReading(NamedTuple):
    """What Stash has as the picture of a scene or another thing.

    ``image`` are the bytes as Stash keeps them, None when there is nothing to show in
    Plex, or nothing new: ``is_known`` says that they are those of the ETag that was asked
    with. ``etag`` is what Stash knows them by, one word, "" where it does not say.
    """

    image: bytes | None = None
    etag: str = ""
    is_known: bool = False


class Numbered(Protocol):
    """What has an id of Stash's."""

    @property
    def id(self) -> int:
        """It."""


_T = TypeVar("_T", bound=Numbered)


class StashClient(StashGraphQL):
    """Reads scenes, settings and covers from one Stash; safe for several threads.

    All methods raise the errors of stash.exceptions and no others.
    """

    def __init__(
        self,
        connection: StashConnection,
        *,
        connect_timeout: float = 3.0,
        read_timeout: float = 20.0,
    ) -> None:
        super().__init__(connection, connect_timeout, read_timeout)

    def settings(self) -> dict[str, Any]:
        """Give the plugin's settings; what was never set is absent."""
        return _settings(self.query(queries.SETTINGS, {"plugins": [PLUGIN]}))

    def read_scenes(
        self, scene_ids: Iterable[int], look_up: Callable[[], None] = lambda: None
    ) -> ScenesReading:
        """Read many scenes and the plugin's settings, in one request for each 500.

        Stash fails a whole list for one unknown id, so a failing list is cut in
        halves until only the unknown ones are left over. ``look_up`` is called before
        each request and each scene of an answer, and what it raises is raised.
        """
        wanted = sorted(set(scene_ids))
        reading = ScenesReading({}, {})
        for start in range(0, len(wanted), _LIST):
            reading = _both(reading, self._read_list(wanted[start : start + _LIST], look_up))
        return reading

    def scenes_after(self, last_id: int, size: int) -> list[Scene]:
        """Give up to ``size`` whole scenes with ids above ``last_id``, ids ascending."""
        return self.scenes_above(last_id, size, queries.SCENE_PAGE, _read_scene)

    def stamps_after(self, last_id: int, size: int = STAMPS_A_PAGE) -> list[SceneStamp]:
        """Give up to ``size`` stamps with ids above ``last_id``, ids ascending.

        Start with 0; an empty list means that there are no more.
        """
        return self.scenes_above(last_id, size, queries.STAMP_PAGE, SceneStamp.from_graphql)

    def scenes_above(
        self,
        last_id: int,
        size: int,
        document: str,
        read: Callable[[object, str], _T],
        criteria: dict[str, Any] | None = None,
    ) -> list[_T]:
        """Give up to ``size`` of the scenes above ``last_id`` that a document finds, ids ascending.

        The document takes its SceneFilterType as ``$scenes``, and ``$size``; ``criteria`` are
        what else the scenes have to meet. ``read`` is as for ``read_each``.
        """
        if size < 1:
            raise ValueError(f"a page of {size} scenes would never end")
        wanted = {"scenes": queries.after(last_id, criteria), "size": size}
        found = read_part(self.query(document, wanted), "findScenes").get("scenes")
        scenes = read_each(found, "scenes", read)
        # A page that does not move on would be read for ever.
        return sorted((one for one in scenes if one.id > last_id), key=lambda one: one.id)

    def scenes_with_path(self, path: str, is_same: Callable[[str], bool]) -> list[SceneStamp]:
        """Give the scenes one of whose files is at ``path``, ids ascending.

        Stash compares as ``queries.with_path`` says; ``is_same`` tells of a path that came back
        whether it is the one that is meant.
        """
        found: list[SceneStamp] = []
        page, last_id, criteria = queries.STAMP_PAGE, 0, queries.with_path(path)
        read = SceneStamp.from_graphql
        while stamps := self.scenes_above(last_id, STAMPS_A_PAGE, page, read, criteria):
            found += (stamp for stamp in stamps if any(map(is_same, stamp.paths)))
            last_id = stamps[-1].id
            if len(stamps) < STAMPS_A_PAGE:
                break
        return found

    def read_pages(
        self,
        document: str,
        where: tuple[str, str],
        size: int,
        read: Callable[[object, str], _T],
    ) -> list[_T]:
        """Give everything that a document finds, in the order of ids; one request for each page.

        Pages are cut by number, for only scenes can be filtered by id: one that is deleted
        meanwhile may hide another, which is then not known until the next reading. The
        document takes its FindFilterType as ``$page``; ``where`` is the answer's field, and
        the list in it; ``read`` is as for ``read_each``.
        """
        field, plural = where
        found: dict[int, _T] = {}
        page = 0
        while True:
            page += 1
            order = {"page": page, "per_page": size, "sort": "id", "direction": "ASC"}
            part = read_part(self.query(document, {"page": order}), field)
            entries = read_each(part.get(plural), plural, read)
            before = len(found)
            found |= {one.id: one for one in entries}
            if len(entries) < size or len(found) == before:
                # The end, or a Stash that gives one page for ever.
                return [found[number] for number in sorted(found)]

    def count_scenes(self) -> int:
        """Tell how many scenes Stash has."""
        found = read_part(self.query(queries.COUNT, {}), "findScenes")
        count = read_whole(found.get("count"), "the number of scenes")
        if count is None:
            raise senseless("the number of scenes", "is missing")
        return count

    def cover(self, scene: Pictured, etag: str = "") -> CoverReading:
        """Fetch a scene's cover, or a picture of its like, unless its bytes are those of an ETag.

        Its address changes with every save of the scene, its ETag with the bytes alone.
        There is nothing to show where there is no cover (Stash then draws an SVG of its
        own), the scene is gone, it is not an image, or has more than 32 MiB.
        """
        if not scene.cover:
            return CoverReading()
        condition = {"If-None-Match": etag} if etag else {}
        try:
            reply = self._transport.exchange(scene.cover, limit=LARGEST_COVER, headers=condition)
        except BodyTooLongError:
            return CoverReading()
        if reply.status == HTTPStatus.NOT_MODIFIED and etag:
            return CoverReading(None, etag, is_known=True)
        if reply.status == HTTPStatus.NOT_FOUND:
            return CoverReading()
        if reply.status != HTTPStatus.OK:
            raise self._transport.unexpected(reply)
        kind, _, form = reply.content_type.partition("/")
        if kind != "image" or form.startswith("svg") or not reply.body:
            return CoverReading()
        return CoverReading(reply.body, _one_word(reply.etag))

    def _read_list(self, scene_ids: Sequence[int], look_up: Callable[[], None]) -> ScenesReading:
        def read(raw: object, _: str) -> Scene:
            look_up()
            return Scene.from_graphql(raw)

        look_up()
        if len(scene_ids) == 1:
            wanted = {"id": str(scene_ids[0]), "plugins": [PLUGIN]}
            data = self.query(queries.SCENE_AND_SETTINGS, wanted)
            return ScenesReading(_scene(data, scene_ids[0]), _settings(data))
        try:
            ids = [str(number) for number in scene_ids]
            data = self.query(queries.SCENES_BY_ID, {"ids": ids, "plugins": [PLUGIN]})
            scenes = read_each(read_part(data, "findScenes").get("scenes"), "scenes", read)
        except StashAnswerError:
            middle = len(scene_ids) // 2
            halves = scene_ids[:middle], scene_ids[middle:]
            return _both(*(self._read_list(half, look_up) for half in halves))
        asked = set(scene_ids)
        found = {scene.id: scene for scene in scenes if scene.id in asked}
        return ScenesReading(found, _settings(data))


def _both(earlier: ScenesReading, later: ScenesReading) -> ScenesReading:
    return ScenesReading(earlier.scenes | later.scenes, later.settings)


def _settings(data: Mapping[str, Any]) -> dict[str, Any]:
    settings = read_part(read_part(data, "configuration"), "plugins").get(PLUGIN)
    if settings is None:
        return {}
    if not isinstance(settings, Mapping):
        raise senseless(f"the settings of {PLUGIN}", "are not an object")
    return dict(settings)


def _read_scene(raw: object, _: str) -> Scene:
    return Scene.from_graphql(raw)


def _one_word(etag: str) -> str:
    """Give an ETag that can be kept and sent back as it is, "" for any other."""
    fits = etag.isascii() and etag.isprintable() and " " not in etag
    return etag if fits and len(etag) <= _LONGEST_ETAG else ""


def _scene(data: Mapping[str, Any], scene_id: int) -> dict[int, Scene]:
    raw = data.get("findScene")
    if raw is None:
        return {}
    scene = Scene.from_graphql(raw)
    if scene.id != scene_id:
        raise senseless(f"scene {scene_id}", f"came as scene {scene.id}")
    return {scene_id: scene}
