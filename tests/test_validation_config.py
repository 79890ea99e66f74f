from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import ConfigurationError, NextStep
from validation.config import SETTINGS, PlexSyncConfig, parse_settings, settings_fingerprint
from validation.path_map import PathMap
from validation.settings_reader import SettingsError, shown_name
from validation.sync_fields import COLLECTION_FIELDS, DEFAULT_FIELDS, FIELDS
from validation.tag_rules import Fate, TagRules
from validation.text import one_line
from validation.title_template import Part, TitleTemplate

TOKEN = "xyzTOKENxyz12345678"
GOOD: dict[str, object] = {"plex_url": "http://plex:32400", "plex_token": TOKEN}


def short_id(value: object) -> str:
    """An id for a value of any type."""
    return f"{type(value).__name__} {value!r}"[:24]


def config_of(**settings: object) -> PlexSyncConfig:
    """The config of the two required settings and ``settings``, without any problem."""
    parsed = parse_settings({**GOOD, **settings})
    assert parsed.problems == ()
    assert parsed.config is not None
    return parsed.config


def only_problem(**settings: object) -> tuple[str, str]:
    """The one problem of the required settings and ``settings``; there is no config with it."""
    parsed = parse_settings({**GOOD, **settings})
    assert parsed.config is None
    (problem,) = parsed.problems
    return problem.setting, problem.message


def test_a_switch_that_another_setting_makes_useless_is_named() -> None:
    """It is no fault, so everything else goes on; all fields are synced where none is named."""
    assert config_of(ratings_to_stash=True, plays_to_stash=True).hints == ()
    (hint,) = config_of(ratings_to_stash=True, sync_fields="title").hints
    assert hint == "Ratings To Stash does nothing, because Sync Fields does not name rating."
    (hint,) = config_of(plays_of_all_accounts=True).hints
    assert hint == "Plays Of All Accounts does nothing, because Plays To Stash is off."


def test_url_and_token_are_enough() -> None:
    """With a URL and a token every other setting has its default, parsed or built directly."""
    config = config_of()
    assert config == PlexSyncConfig(plex_url="http://plex:32400", plex_token=TOKEN)
    assert (config.plex_connect_timeout, config.plex_read_timeout) == (5.0, 30.0)
    assert config.sync_fields == frozenset(DEFAULT_FIELDS)
    assert config.path_map == PathMap()
    assert set(FIELDS) - config.sync_fields == COLLECTION_FIELDS


@pytest.mark.parametrize("nothing", [None, "", "   ", 0, 0.0], ids=short_id)
def test_empty_means_default(nothing: object) -> None:
    """None, empty text and 0 mean the default in every optional setting."""
    optional = {name: nothing for name in SETTINGS if name not in GOOD}
    assert config_of(**optional) == config_of()


@pytest.mark.parametrize("settings", [None, {}, {"plex_url": "", "plex_token": 0}], ids=short_id)
def test_nothing_saved_names_both_missing_settings(settings: dict[str, object] | None) -> None:
    """A map without URL and token gives one problem for each of them."""
    parsed = parse_settings(settings)
    assert parsed.config is None
    assert [problem.setting for problem in parsed.problems] == ["plex_url", "plex_token"]
    assert all("enter" in problem.message for problem in parsed.problems)


def test_every_setting_reaches_the_config() -> None:
    """Each setting, given a value of its own, shows up in the config under its name."""
    settings: dict[str, object] = {
        "plex_url": " HTTPS://Plex.Example:32400/proxy/ \u200b",
        "plex_token": "\ufeff tok-en_1 ",
        "plex_libraries": "Movies, Home\\, sweet home,, Movies",
        "plex_connect_timeout": 7,
        "plex_read_timeout": "45.5",
        "path_map": "/a => D:\\b\\; /c => /d",
        "sync_fields": "title, Sort Title, studio-collection",
        "only_organized": True,
        "exclude_tags": "Private, private , Do Not Sync, PRIVATE",
        "tag_rules": "drop: Funny",
        "title_template": "{title}, uncut",
        "overwrite_plex_edits": "true",
        "scan_missing": 1,
        "content_rating": " XXX ",
        "studio_name": " Both ",
        "studio_collection_prefix": " From Studio:  ",
        "parent_studio_collection_prefix": "Network: ",
        "performer_collection_prefix": "With ",
        "group_collection_prefix": "G ",
        "plain_collections": "on",
        "plex_skip_tls_verify": "Yes",
        "plays_of_all_accounts": True,
        "plays_to_stash": "true",
        "ratings_to_stash": True,
        "redact_logs": "on",
        "unknown_key": object(),
    }
    parsed = parse_settings(settings)
    assert parsed.problems == ()
    assert parsed.config == PlexSyncConfig(
        plex_url="https://plex.example:32400/proxy",
        plex_token="tok-en_1",
        plex_libraries=("Movies", "Home, sweet home"),
        plex_connect_timeout=7.0,
        plex_read_timeout=45.5,
        path_map=PathMap.parse("/a => D:\\b; /c => /d"),
        sync_fields=frozenset({"title", "sort_title", "studio_collection"}),
        only_organized=True,
        exclude_tags=("Private", "Do Not Sync"),
        tag_rules=TagRules(own={"funny": Fate(is_dropped=True)}),
        title_template=TitleTemplate((Part("", "", "title", ""),), ", uncut"),
        overwrite_plex_edits=True,
        scan_missing=True,
        content_rating="XXX",
        studio_name="both",
        studio_collection_prefix="From Studio:  ",
        parent_studio_collection_prefix="Network: ",
        performer_collection_prefix="With ",
        group_collection_prefix="G ",
        plain_collections=True,
        plex_skip_tls_verify=True,
        plays_of_all_accounts=True,
        plays_to_stash=True,
        ratings_to_stash=True,
        redact_logs=True,
    )
    assert set(settings) - {"unknown_key"} == set(SETTINGS)


@pytest.mark.parametrize("name", ["plex_connect_timeout", "plex_read_timeout"])
@pytest.mark.parametrize(
    "value",
    [
        *(-1, 10**6, 10**400, 1e308, -0.5, 0.001, math.nan, math.inf, -math.inf),
        *(True, False, "5s", "5,5", "nan", "1e1", "\u0665", "x" * 10**5, [5], {"a": 1}),
    ],
    ids=short_id,
)
def test_bad_number_makes_the_queue_wait(name: str, value: object) -> None:
    """A timeout that is no number of seconds in its range is named, and nothing is assumed."""
    setting, message = only_problem(**{name: value})
    assert setting == name
    assert "number of seconds" in message
    assert "means the default" in message
    assert len(message) < 200
    with pytest.raises(SettingsError, match=shown_name(name)):
        PlexSyncConfig.from_settings({**GOOD, name: value})


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(0.1, 0.1), (1, 1.0), ("120", 120.0), (" +2.5 ", 2.5), ("0", 5.0), ("0.0", 5.0), (-0.0, 5.0)],
)
def test_numbers_within_their_limits(value: object, seconds: float) -> None:
    """Seconds up to both limits count, as text too, and a zero of any kind is the default."""
    assert config_of(plex_connect_timeout=value).plex_connect_timeout == seconds


def test_texts_within_their_limits() -> None:
    """A text of exactly the longest length is accepted, one more character is not."""
    assert config_of(content_rating="x" * 100).content_rating == "x" * 100
    assert "101 characters, at most 100" in only_problem(content_rating="x" * 101)[1]
    assert config_of(plex_token="x" * 2000).plex_token == "x" * 2000


@pytest.mark.parametrize("value", ["maybe", 2, -1, math.nan, [], {}, [True]], ids=short_id)
def test_a_switch_that_is_neither_on_nor_off_makes_the_queue_wait(value: object) -> None:
    """An unclear switch is named; neither on nor off is assumed for it."""
    switches = (
        *("only_organized", "overwrite_plex_edits", "scan_missing", "plex_skip_tls_verify"),
        *("plays_of_all_accounts", "plays_to_stash", "ratings_to_stash", "redact_logs"),
    )
    parsed = parse_settings({**GOOD, **dict.fromkeys(switches, value)})
    assert tuple(problem.setting for problem in parsed.problems) == switches
    assert parsed.config is None


@pytest.mark.parametrize(
    "name",
    [
        *("plex_url", "plex_token", "plex_libraries", "path_map", "sync_fields", "exclude_tags"),
        *("content_rating", "studio_collection_prefix", "group_collection_prefix"),
    ],
)
@pytest.mark.parametrize(
    "value",
    [
        *(["a"], {"a": "b"}, 7, True, False, math.nan, 10**400),
        *("a\0b", "a\nb", "a\x1b[31mb", "a\ud800b", "a\ufffeb", "x" * 100_000),
    ],
    ids=short_id,
)
def test_unusable_text_is_one_problem_with_advice(name: str, value: object) -> None:
    """A text setting of another type, with control characters or absurdly long is one problem."""
    setting, message = only_problem(**{name: value})
    assert setting == name
    assert one_line(message) == message
    assert len(message) < 300


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("tilte", "did you mean title?"),
        ("sumary", "did you mean summary?"),
        ("genres", "did you mean tags?"),
        ("Details", "did you mean summary?"),
        ("qqq", "possible are title, sort_title,"),
    ],
)
def test_unknown_field_suggests_the_nearest(typed: str, advice: str) -> None:
    """An unknown field in sync_fields is a problem, and the message names what was meant."""
    setting, message = only_problem(sync_fields=f"title, {typed}")
    assert setting == "sync_fields"
    assert f'"{typed}"' in message
    assert advice in message


def test_all_problems_are_listed_at_once() -> None:
    """SettingsError lists every problem, in the order of the settings, and pauses the queue."""
    settings = {
        "plex_url": "plex",
        "plex_token": "claim-abcdefgh",
        "plex_connect_timeout": "soon",
        "path_map": "/a; /b => c; /d => /e => /f",
        "sync_fields": "tilte",
    }
    with pytest.raises(SettingsError) as caught:
        PlexSyncConfig.from_settings(settings)
    error = caught.value
    named = [problem.setting for problem in error.problems]
    assert named == [
        *("plex_url", "plex_token", "plex_connect_timeout"),
        *("path_map", "path_map", "path_map", "sync_fields"),
    ]
    assert error.setting == "plex_url"
    assert isinstance(error, ConfigurationError)
    assert error.next_step is NextStep.PAUSE
    assert "until these settings are mended" in error.message
    with pytest.raises(SettingsError, match="until this setting is mended"):
        PlexSyncConfig.from_settings({**GOOD, "plex_url": "plex"})
    for problem in error.problems:
        assert f"{shown_name(problem.setting)}: {problem.message}" in error.message


@pytest.mark.parametrize("name", [name for name in SETTINGS if name != "plex_token"])
def test_token_in_a_wrong_box_is_never_repeated(name: str) -> None:
    """A token pasted into any other setting appears in no message and no repr."""
    for settings in (
        {**GOOD, name: TOKEN},
        {"plex_url": "", name: TOKEN},
        {**GOOD, name: f"{TOKEN} => x"},
        {**GOOD, name: f"http://user:{TOKEN}@h/web?X-Plex-Token={TOKEN}#{TOKEN}"},
    ):
        parsed = parse_settings(settings)
        assert TOKEN not in repr(parsed.problems)


def test_bad_token_is_not_repeated_and_repr_hides_it() -> None:
    """Neither a refused token nor an accepted one can be read from messages or reprs."""
    for wrong in (f"{TOKEN} {TOKEN}", f'"{TOKEN}"', f"X-Plex-Token={TOKEN}", f"<{TOKEN}>"):
        setting, message = only_problem(plex_token=wrong)
        assert setting == "plex_token"
        assert TOKEN not in message
    assert TOKEN not in repr(config_of())


@pytest.mark.parametrize("name", ["path_map", "sync_fields"])
def test_hundreds_of_faults_stay_readable(name: str) -> None:
    """Of very many faults in one list the first few are spelled out and the others counted."""
    typed = "".join(f"a{number}{';' if name == 'path_map' else ','}" for number in range(900))
    problems = parse_settings({**GOOD, name: typed}).problems
    assert len(problems) == 6
    assert problems[-1].message == "has 895 more faults like these"
    five = "a1;a2;a3;a4;a5" if name == "path_map" else "a1,a2,a3,a4,a5"
    assert len(parse_settings({**GOOD, name: five}).problems) == 5


def test_absurd_blanks_are_read_in_one_pass() -> None:
    """Hundreds of thousands of blanks inside a value are refused, not chewed on for minutes."""
    for name in SETTINGS:
        parse_settings({**GOOD, name: "x" + " " * 400_000 + "x"})
        parse_settings({**GOOD, name: "x" + (" " * 19_990) + "x"})


def test_redacted_problems_show_no_path() -> None:
    """A faulty path_map is described by rule numbers, not by the user's folders."""
    parsed = parse_settings({**GOOD, "path_map": "/secret => plex; /secret2", "redact_logs": True})
    assert [problem.setting for problem in parsed.problems] == ["path_map"] * 2
    assert "secret" not in repr(parsed.problems)
    assert "rule 1" in parsed.problems[0].message
    assert "rule 2" in parsed.problems[1].message


def test_fingerprint_changes_with_a_setting_and_only_then() -> None:
    """Unknown keys, key order and cleared settings leave the fingerprint; a new token does not."""
    print_of = settings_fingerprint
    first = print_of(GOOD)
    assert first == print_of(dict(reversed(GOOD.items())))
    assert first == print_of({**GOOD, "other": 1, "path_map": "", "sync_fields": None})
    assert first != print_of({**GOOD, "plex_token": TOKEN + "x"})
    assert first != print_of({**GOOD, "only_organized": True})
    assert print_of({"redact_logs": True}) != print_of({"redact_logs": "True"})
    assert print_of(None) == print_of({})
    assert len(first) == 64
    assert TOKEN not in first


ODD_TEXT = st.text(
    st.sampled_from("az 09,;=>\\/\"'-_.:@#?%[]\0\n\x1b\xa0\u202eé\ufffe\U0001f600\ud800")
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ODD_TEXT
ANYTHING = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(ODD_TEXT, SCALARS, max_size=2)
)


@given(st.dictionaries(st.sampled_from([*SETTINGS, "else"]), ANYTHING))
def test_no_settings_map_is_too_odd(settings: dict[str, object]) -> None:
    """Whatever Stash stored, parsing ends in a config or in problems of one printable line."""
    parsed = parse_settings(settings)
    assert (parsed.config is None) == bool(parsed.problems)
    for problem in parsed.problems:
        assert problem.setting in SETTINGS
        assert one_line(problem.message) == problem.message
    assert len(settings_fingerprint(settings)) == 64


def test_fingerprint_survives_what_json_cannot_say() -> None:
    """Huge integers, mixed keys and endless nesting still give a fingerprint."""
    nested: list[object] = []
    nested.append(nested)
    for value in (10**5000, {1: 2, "a": 3}, nested, object()):
        assert len(settings_fingerprint({"path_map": value})) == 64
        assert not parse_settings({**GOOD, "path_map": value}).config
    assert json.dumps(settings_fingerprint({"path_map": "\ud800"}))
