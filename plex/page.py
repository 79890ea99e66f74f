"""An answer about many items, cut into the text of each before anything is parsed.

To parse 250 items takes as long as Plex takes to send them, and of those that are as they
were last time nothing has to be known but that. So the answer is cut where its items
begin, each text stands for its item by a digest, and only what is new is parsed.

What is not written as Plex writes it (one element after another, attributes in double
quotes, no comments) is not cut, and parsed as a whole.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_OPENS = b"<Video "
_CLOSES = b"</Video>"
_END = b"</MediaContainer>"
_KEY = re.compile(rb'(?:[\w:.-]+="[^<"]*"\s+)*?ratingKey="([0-9]{1,18})"')


class Text(NamedTuple):
    """One item as Plex wrote it: the answer's beginning, and what is about this item."""

    head: bytes
    item: bytes

    def digest(self, *beside: str) -> str:
        """Give 24 letters that stand for it, and for what else decides what it means."""
        found = blake2b(self.item, digest_size=12)
        for text in beside:
            found.update(b"\0" + text.encode(errors="surrogatepass"))
        return found.hexdigest()


def cut(body: bytes) -> dict[int, Text] | None:
    """Give the texts of an answer's items by rating key, None where it cannot be cut."""
    head, *items = body.split(_OPENS)
    if not items or b"<!" in body or not items[-1].rstrip().endswith(_END):
        return None
    items[-1] = items[-1].rstrip()[: -len(_END)]
    found: dict[int, Text] = {}
    for item in items:
        key = _KEY.match(item)
        if key is None or item.count(_CLOSES) != 1 or not item.rstrip().endswith(_CLOSES):
            return None
        found[int(key[1])] = Text(head, item)
    return found if len(found) == len(items) else None


def whole(texts: Iterable[Text]) -> list[bytes]:
    """Give answers that hold some items and no others, one for each beginning."""
    by_head: dict[bytes, list[bytes]] = {}
    for text in texts:
        by_head.setdefault(text.head, []).append(text.item)
    return [
        head + b"".join(_OPENS + item for item in items) + _END for head, items in by_head.items()
    ]
