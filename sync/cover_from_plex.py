"""A scene's cover out of Plex: the poster that a person chose there, for Stash to have.

The poster alone: a scene has one cover, and the poster is what stands for it in Plex.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

from errors import SyncError
from merge.base import Base
from merge.picture import KEPT, SENT, Picture
from plex import images
from plex.error_types import AnswerTooLong, ItemGone, NotAPlexServer
from sync.artwork import shown_version
from sync.cover import NONE, UNSURE, version_of
from sync.things import NotToBeTaken

if TYPE_CHECKING:
    from plex.item import PlexItem
    from sync.context import Context
    from sync.cover import Cover
    from sync.plan import ItemPlan, ScenePlan

POSTER = images.POSTER.name
NO_POSTER = "Plex shows no poster for this item. Choose another answer."
NO_PICTURE = (
    "What Plex sent for the poster is no JPEG, PNG, WebP or GIF picture. Choose another poster in "
    "Plex or another answer."
)
TOO_LARGE = (
    f"The poster in Plex has over {images.LARGEST / 1e6:.1f} MB, too much for "
    "PlexSync. Choose another poster in Plex, or set the cover in Stash."
)
NOT_THERE = "Plex has no picture for the poster that it names. Choose another one in Plex."


def check(context: Context, plan: ScenePlan, cover: Cover) -> None:
    """See to it that an answer is about the cover that was seen; faults end in ``plan.fault``.

    Where Stash has another one by now, and it is not Plex's of a try that was cut short, the
    poster is dealt with as after any change of the cover.
    """
    for item in plan.planned:
        asked = next((one for one in item.chosen if one.field == POSTER), None)
        if asked is None or plan.fault is not None:
            continue
        try:
            sha1 = cover.ask()
            if sha1 in (asked.ours, NONE) or sha1 == images.digest(picture_of(context, item.item)):
                continue
        except NotToBeTaken:
            continue  # said where it is to be taken
        except SyncError as fault:
            plan.fault = fault
            continue
        item.chosen = tuple(one for one in item.chosen if one is not asked)
        item.pictures = (*item.pictures, images.POSTER)


def picture_of(context: Context, item: PlexItem) -> bytes:
    """Give the bytes of the poster that an item shows, at most ``images.LARGEST``.

    Raises:
        NotToBeTaken: There is none, it is too large or no picture.
        errors.SyncError: Plex could not be asked.
    """
    if not item.thumb.startswith(f"/library/metadata/{item.rating_key}/"):
        raise NotToBeTaken(NO_POSTER)
    try:
        image = context.client().picture(item.thumb, images.LARGEST)
    except AnswerTooLong:
        raise NotToBeTaken(TOO_LARGE) from None
    except ItemGone:
        raise NotToBeTaken(NOT_THERE) from None
    except NotAPlexServer:  # markup of any kind
        raise NotToBeTaken(NO_PICTURE) from None
    if not images.form_of(image):
        raise NotToBeTaken(NO_PICTURE)
    return image


def as_cover(image: bytes) -> str:
    """Give a picture as Stash's edit form sends one: a data URL."""
    return f"data:image/{images.form_of(image)};base64,{base64.b64encode(image).decode()}"


def taken(plan: ScenePlan, item: ItemPlan, sha1: str) -> None:
    """Keep that the poster is the scene's cover, so that the next look sends nothing.

    A background that a person chose stays beside the new cover as it did beside the old one.
    """
    base = Base.from_json(item.after.base)
    # Nobody knows which version Stash gave it: the next look does, and asks for the cover once.
    version, shown = version_of(plan.scene) + UNSURE, shown_version(images.POSTER, item.item)
    now = {POSTER: Picture(SENT, sha1, version, shown)}
    other = images.BACKGROUND.name
    if (known := Picture.parse(base.images.get(other))) and known.fate == KEPT:
        now[other] = known._replace(sha1=sha1, etag=NONE)
        if other in item.kept:
            item.kept[other] = ("", sha1)
    texts = {name: picture.text for name, picture in now.items()}
    base = replace(base, images={**base.images, **texts})
    item.after = item.after._replace(base=base.to_json())
    item.kept.pop(POSTER, None)
