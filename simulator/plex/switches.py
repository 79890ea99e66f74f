"""What nobody knows about Plex for certain, as switches with a default.

A test that only passes with one position of a switch relies on an unknown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

CHOICES = {
    "unknown_id": ("404", "ignore"),
    "tag_order": ("remove_first", "add_first", "url_order"),
    "tag_writes": ("additive", "replace"),
    "unknown_field": ("400", "ignore"),
    "file_operators": ("ignore", "string"),
    "include_elements": ("additional", "only", "ignore"),
}


class UnknownSwitchError(Exception):
    """A switch that does not exist, or a position it does not have."""


@dataclass(slots=True)
class Switches:
    """Every switch of the stand-in, in its default position.

    Attributes:
        file_case_sensitive: ``file=`` compares letters exactly.
        file_like_wildcards: ``%`` and ``_`` in ``file=`` match anything / any one.
        file_operators: ``file==``, ``file<=``...: ignored like an unknown
            filter, or taken as the string operators.
        unknown_id: Reply to a section PUT whose ids match nothing: 404, or 200
            with nothing done.
        tag_order: Which goes first when one PUT adds and removes.
        tag_writes: ``genre[i].tag.tag=`` adds to the list, or replaces it.
        tags_ignore_case: ``comedy`` is the tag ``Comedy`` that already exists.
        unknown_field: ``nonsense.value=``: 400, or silently dropped.
        edit_bumps_updated_at: A PUT moves ``updatedAt``.
        rating_bumps_updated_at: ``/:/rate`` moves ``updatedAt``.
        edit_bumps_content_changed: A PUT moves the section's ``contentChangedAt``.
        max_url_bytes: A longer request target is refused with 414; 0 is no limit.
        none_agent_title_revert: Refreshing an item of an agentless section puts
            an unlocked title back to the file name.
        oshash_padded: ``openSubtitleHash`` keeps its leading zeros.
        oshash_known: False is a server that has not analysed its files yet.
        include_elements: What ``includeElements``/``includeFields`` do.
        exclude_honoured: ``excludeElements``/``excludeFields`` are obeyed.
        listing_genres: Genres a listing shows at most; 0 is no limit.
        listing_roles: Roles a listing shows at most; 0 is no limit.
        page_cap: Most items of one page, whatever was asked; 0 is no limit.
        scan_delay_ms: How long after ``refresh?path=`` a waiting file appears.
        scan_finds: False is a scan that never finds anything.
        upload_selects: An uploaded image becomes the selected one.
        upload_locks: An uploaded image locks its field.
        image_limit_bytes: A larger upload is answered with 500.
        gzip: Replies are compressed for clients that accept it.
        keepalive_seconds: An idle connection is closed after this long.
        allow_empty_token: Requests without a token count as the owner's.
        plex_pass: ``editionTitle`` may be edited.
        clock_offset_s: Seconds added to the stand-in's clock.
        maintenance: Not empty: every path answers 503 with this text.
    """

    file_case_sensitive: bool = False
    file_like_wildcards: bool = False
    file_operators: str = "ignore"
    unknown_id: str = "404"
    tag_order: str = "remove_first"
    tag_writes: str = "additive"
    tags_ignore_case: bool = True
    unknown_field: str = "400"
    edit_bumps_updated_at: bool = True
    rating_bumps_updated_at: bool = False
    edit_bumps_content_changed: bool = True
    max_url_bytes: int = 32_768
    none_agent_title_revert: bool = True
    oshash_padded: bool = True
    oshash_known: bool = True
    include_elements: str = "additional"
    exclude_honoured: bool = True
    listing_genres: int = 2
    listing_roles: int = 3
    page_cap: int = 0
    scan_delay_ms: int = 100
    scan_finds: bool = True
    upload_selects: bool = True
    upload_locks: bool = True
    image_limit_bytes: int = 10 * 1024 * 1024
    gzip: bool = True
    keepalive_seconds: int = 20
    allow_empty_token: bool = False
    plex_pass: bool = True
    clock_offset_s: int = 0
    maintenance: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Every switch and its position."""
        return asdict(self)

    def update(self, wanted: dict[str, Any]) -> None:
        """Move the named switches, all or none.

        Raises:
            UnknownSwitchError: For a name or a position that does not exist.
        """
        known = {field.name for field in fields(self)}
        for name, value in wanted.items():
            if name not in known:
                raise UnknownSwitchError(f"there is no switch {name!r}; there are {sorted(known)}")
            now = getattr(self, name)
            if type(value) is not type(now):
                raise UnknownSwitchError(f"{name} takes a {type(now).__name__}, not {value!r}")
            if name in CHOICES and value not in CHOICES[name]:
                raise UnknownSwitchError(f"{name} takes one of {CHOICES[name]}, not {value!r}")
        for name, value in wanted.items():
            setattr(self, name, value)
