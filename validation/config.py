"""Stash's settings map as ``PlexSyncConfig``, or every reason why not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

from validation.path_map import PathMap, read_path_map
from validation.server_address import EXAMPLE, read_address, token_fault
from validation.settings_reader import LONGEST_LIST, Problem, SettingsError, SettingsReader
from validation.sync_fields import DEFAULT_FIELDS, read_fields
from validation.tag_rules import TagRules, read_tag_rules
from validation.text import tag_key
from validation.title_template import TitleTemplate, read_title_template

_T = TypeVar("_T")

#: What may stand as the studio: the scene's own, the one above it, or both.
STUDIO, PARENT = "studio", "parent"
STUDIO_NAMES = (STUDIO, PARENT, "both")

DEFAULT_CONNECT_TIMEOUT = 5.0
DEFAULT_READ_TIMEOUT = 30.0

_SHORTEST_TIMEOUT = 0.1
_LONGEST_CONNECT_TIMEOUT = 120.0
_LONGEST_READ_TIMEOUT = 900.0
_LONGEST_URL = 2000
_LONGEST_TOKEN = 2000
_LONGEST_LABEL = 100
_TOKEN_WORTH_HIDING = 6


@dataclass(frozen=True)
class PlexSyncConfig:
    """Everything the user can set; the names are the setting keys.

    PlexSync.yml says what each is for. Built by ``parse_settings`` or ``from_settings``; built
    directly nothing is checked. The token is not in its repr, and the address has no slash at
    its end. Timeouts are seconds: until a connection must stand, and of silence after which a
    reply is given up. No ``plex_libraries`` mean every movie and other-videos library; a
    ``content_rating`` of "" is not written. ``exclude_tags`` are compared by
    ``validation.text.tag_key``; prefixes stand before a name verbatim.
    """

    plex_url: str
    plex_token: str = field(repr=False)
    plex_libraries: tuple[str, ...] = ()
    plex_connect_timeout: float = DEFAULT_CONNECT_TIMEOUT
    plex_read_timeout: float = DEFAULT_READ_TIMEOUT
    path_map: PathMap = field(default_factory=PathMap)
    sync_fields: frozenset[str] = frozenset(DEFAULT_FIELDS)
    only_organized: bool = False
    exclude_tags: tuple[str, ...] = ()
    tag_rules: TagRules = field(default_factory=TagRules)
    title_template: TitleTemplate = field(default_factory=TitleTemplate)
    overwrite_plex_edits: bool = False
    scan_missing: bool = False
    content_rating: str = ""
    studio_name: str = STUDIO
    studio_collection_prefix: str = ""
    parent_studio_collection_prefix: str = ""
    performer_collection_prefix: str = ""
    group_collection_prefix: str = ""
    plain_collections: bool = False
    plex_skip_tls_verify: bool = False
    plays_of_all_accounts: bool = False
    plays_to_stash: bool = False
    ratings_to_stash: bool = False
    redact_logs: bool = False

    @property
    def hints(self) -> tuple[str, ...]:
        """Sentences about switches that are on and do nothing, because of another setting."""
        found = []
        if self.ratings_to_stash and "rating" not in self.sync_fields:
            found.append("Ratings To Stash does nothing, because Sync Fields does not name rating.")
        if self.plays_of_all_accounts and not self.plays_to_stash:
            found.append("Plays Of All Accounts does nothing, because Plays To Stash is off.")
        return tuple(found)

    @property
    def shows_parents(self) -> bool:
        """Whether the name of a studio's parent stands somewhere in Plex."""
        return self.studio_name != STUDIO or "parent_studio_collection" in self.sync_fields

    @property
    def shows_performers(self) -> bool:
        """Whether the names of performers stand somewhere in Plex."""
        in_title = any(part.word == "performers" for part in self.title_template.parts)
        return in_title or bool(self.sync_fields & {"performers", "performer_collections"})

    @property
    def collection_prefixes(self) -> dict[str, str]:
        """What stands before the name, by each field of collections that is synced."""
        prefixes = {
            "group_collections": self.group_collection_prefix,
            "studio_collection": self.studio_collection_prefix,
            "parent_studio_collection": self.parent_studio_collection_prefix,
            "performer_collections": self.performer_collection_prefix,
        }
        return {field: text for field, text in prefixes.items() if field in self.sync_fields}

    @classmethod
    def from_settings(cls, settings: Mapping[str, object] | None) -> PlexSyncConfig:
        """The configuration in Stash's settings map.

        Raises:
            SettingsError: With all problems. A single one is enough: a queue that
                waits loses nothing, a default in place of what was asked for may
                write what nobody wanted.
        """
        parsed = parse_settings(settings)
        if parsed.config is None:
            raise SettingsError(parsed.problems)
        return parsed.config


#: The keys of the settings map that PlexSync knows, and what each is where nothing is set.
SETTINGS = tuple(each.name for each in fields(PlexSyncConfig))
DEFAULTS: Mapping[str, object] = {each.name: each.default for each in fields(PlexSyncConfig)}
SWITCHES = tuple(name for name, default in DEFAULTS.items() if default is False)


@dataclass(frozen=True)
class ParsedSettings:
    """What became of a settings map: no config if there is any problem; in the settings' order."""

    config: PlexSyncConfig | None
    problems: tuple[Problem, ...]


def parse_settings(settings: Mapping[str, object] | None) -> ParsedSettings:
    """Check Stash's settings map, all of it, whatever it holds.

    It is None or empty when nothing was ever saved; keys that PlexSync does not know are ignored.
    """
    known = settings if isinstance(settings, Mapping) else {}
    reader = SettingsReader(known)
    config = PlexSyncConfig(
        plex_url=_url(reader),
        plex_token=_token(reader),
        plex_libraries=tuple(dict.fromkeys(reader.names("plex_libraries"))),
        plex_connect_timeout=reader.seconds(
            "plex_connect_timeout",
            default=DEFAULT_CONNECT_TIMEOUT,
            least=_SHORTEST_TIMEOUT,
            most=_LONGEST_CONNECT_TIMEOUT,
        ),
        plex_read_timeout=reader.seconds(
            "plex_read_timeout",
            default=DEFAULT_READ_TIMEOUT,
            least=_SHORTEST_TIMEOUT,
            most=_LONGEST_READ_TIMEOUT,
        ),
        path_map=_read_by(reader, "path_map", read_path_map, LONGEST_LIST),
        sync_fields=_sync_fields(reader),
        exclude_tags=_distinct(reader.names("exclude_tags")),
        tag_rules=_read_by(reader, "tag_rules", read_tag_rules, LONGEST_LIST, lines=True),
        title_template=_read_by(reader, "title_template", read_title_template, _LONGEST_LABEL),
        content_rating=reader.text("content_rating", max_length=_LONGEST_LABEL),
        studio_name=_read_by(reader, "studio_name", _studio_name, _LONGEST_LABEL),
        studio_collection_prefix=_prefix(reader, "studio_collection_prefix"),
        parent_studio_collection_prefix=_prefix(reader, "parent_studio_collection_prefix"),
        performer_collection_prefix=_prefix(reader, "performer_collection_prefix"),
        group_collection_prefix=_prefix(reader, "group_collection_prefix"),
        **{name: reader.flag(name) for name in SWITCHES},
    )
    secret = known.get("plex_token")
    problems = sorted(
        (_without_secret(problem, secret) for problem in reader.problems),
        key=lambda problem: SETTINGS.index(problem.setting),
    )
    return ParsedSettings(None if problems else config, tuple(problems))


def settings_fingerprint(settings: Mapping[str, object] | None) -> str:
    """A sha256 in hex that changes when a setting of ours does.

    It may be stored where the settings must not be. Unset and empty are the
    same, and unknown keys do not count.
    """
    present = settings if isinstance(settings, Mapping) else {}
    counted = {
        key: _canonical(present[key])
        for key in SETTINGS
        if present.get(key) is not None and present[key] != ""
    }
    canonical = json.dumps(counted, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(b"PlexSync settings 1\n" + canonical.encode()).hexdigest()


def _canonical(value: object) -> str:
    """``value`` as JSON, or its type's name: Stash can store what no setting may be."""
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return type(value).__name__


def _url(reader: SettingsReader) -> str:
    text = _required(reader, "plex_url", _LONGEST_URL, f"the address of Plex, like {EXAMPLE}")
    address, fault = read_address(text) if text else ("", "")
    if fault:
        reader.report("plex_url", fault)
    return address


def _token(reader: SettingsReader) -> str:
    token = _required(reader, "plex_token", _LONGEST_TOKEN, "the X-Plex-Token of your Plex server")
    fault = token_fault(token) if token else ""
    if fault:
        reader.report("plex_token", fault)
    return token


def _required(reader: SettingsReader, setting: str, max_length: int, what: str) -> str:
    before = len(reader.problems)
    text = reader.text(setting, max_length=max_length)
    if not text and len(reader.problems) == before:
        reader.report(setting, f"enter {what}; nothing is set yet")
    return text


def _read_by(
    reader: SettingsReader,
    setting: str,
    read: Callable[[str], tuple[_T, Sequence[str]]],
    max_length: int,
    *,
    lines: bool = False,
) -> _T:
    """A setting with a language of its own: what ``read`` makes of its text, faults reported."""
    value, faults = read(reader.text(setting, max_length=max_length, lines=lines))
    reader.report_all(setting, faults)
    return value


def _sync_fields(reader: SettingsReader) -> frozenset[str]:
    chosen, faults = read_fields(reader.names("sync_fields"))
    reader.report_all("sync_fields", faults)
    return chosen or frozenset(DEFAULT_FIELDS)


def _studio_name(text: str) -> tuple[str, tuple[str, ...]]:
    choice = text.strip().lower() or STUDIO
    if choice in STUDIO_NAMES:
        return choice, ()
    return STUDIO, (f"must be one of {', '.join(STUDIO_NAMES)}; empty means {STUDIO}",)


def _prefix(reader: SettingsReader, setting: str) -> str:
    return reader.text(setting, max_length=_LONGEST_LABEL, keep_end=True)


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """``names`` without those that differ from an earlier one by case or blanks only."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(tag_key(name), name)
    return tuple(first.values())


def _without_secret(problem: Problem, secret: object) -> Problem:
    """A last guard: the token may have been pasted into another setting as well."""
    token = secret.strip() if isinstance(secret, str) else ""
    if len(token) < _TOKEN_WORTH_HIDING or token not in problem.message:
        return problem
    return replace(problem, message=problem.message.replace(token, "[token]"))
