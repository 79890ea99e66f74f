"""What nobody knows about Plex for certain, as switches with a default.

A test that only passes with one position of a switch relies on an unknown.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Switches:
    """Every switch of the stand-in, in its default position.

    Attributes:
        tag_order: Which goes first when one PUT adds and removes: ``remove_first``,
            ``add_first``, or ``url_order``.
        tag_writes: ``genre[i].tag.tag=`` adds to the list (``additive``), or replaces
            it (``replace``).
        max_url_bytes: A longer request target is refused with 414; 0 is no limit.
        oshash_padded: ``openSubtitleHash`` keeps its leading zeros.
        oshash_known: False is a server that has not analysed its files yet.
        page_cap: Most items of one page, whatever was asked; 0 is no limit.
        upload_selects: An uploaded image becomes the selected one.
        upload_locks: An uploaded image locks its field.
        gzip: Replies are compressed for clients that accept it.
        clock_offset_s: Seconds added to the stand-in's clock.
        maintenance: Not empty: every path answers 503 with this text.
    """

    tag_order: str = "remove_first"
    tag_writes: str = "additive"
    max_url_bytes: int = 32_768
    oshash_padded: bool = True
    oshash_known: bool = True
    page_cap: int = 0
    upload_selects: bool = True
    upload_locks: bool = True
    gzip: bool = True
    clock_offset_s: int = 0
    maintenance: str = ""
