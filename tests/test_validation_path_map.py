from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from validation.media_path import path_key, same_path
from validation.path_map import PathMap, PathRule, quoted, read_path_map, suggest_rule

NAMES = st.text(st.sampled_from("aAbB é\u0301\u00e9;=>\"'.-İßΣ"), min_size=1, max_size=4).filter(
    lambda name: name.strip(' ."') == name and "=>" not in name[:1]
)
POSIX_DIRS = st.lists(NAMES, max_size=3).map(lambda names: "/" + "/".join(names))
DRIVES = st.lists(NAMES, max_size=3).map(lambda names: "C:\\" + "\\".join(names))
SHARES = st.lists(NAMES, min_size=1, max_size=3).map(lambda names: "\\\\nas\\" + "\\".join(names))
DIRS = POSIX_DIRS | DRIVES | SHARES
RULES = st.builds(PathRule, DIRS, DIRS)


def map_of(rules: list[PathRule]) -> PathMap:
    """A map of those rules that do not give an earlier one's folder another target."""
    first: dict[str, PathRule] = {}
    for rule in rules:
        # Stash-side folders are told apart as the map does it, not by Plex-side keys.
        first.setdefault(path_key(rule.stash), rule)
    return PathMap(tuple(first.values()))


MAPS = st.lists(RULES, max_size=4).map(map_of)


def below(folder: str, names: list[str]) -> str:
    """The file ``names`` in ``folder``, in the folder's own style."""
    separator = "/" if folder.startswith("/") else "\\"
    return folder.rstrip(separator) + separator + separator.join(names)


@pytest.mark.parametrize(
    ("rules", "stash", "plex"),
    [
        ("", "/data/a.mp4", "/data/a.mp4"),
        ("/data => /media", "/data/a/b.mp4", "/media/a/b.mp4"),
        ("/data/ => /media/", "/data/a.mp4", "/media/a.mp4"),
        ("/data => /media", "/database/a.mp4", "/database/a.mp4"),
        ("/data => /media", "/data.old/a.mp4", "/data.old/a.mp4"),
        ("/data => /media", "/DATA/a.mp4", "/DATA/a.mp4"),
        ("/data => /media", "/data", "/media"),
        ("/data => /media", "/x/data/a.mp4", "/x/data/a.mp4"),
        ("/data => /media", "data/a.mp4", "data/a.mp4"),
        ("/data => /media", "", ""),
        ("/a => /x; /a/b => /y; /a/b/c => /z", "/a/b/c/d.mp4", "/z/d.mp4"),
        ("/a/b/c => /z; /a/b => /y; /a => /x", "/a/b/q/d.mp4", "/y/q/d.mp4"),
        ("/a => /x; /a/keep => /a/keep", "/a/keep/d.mp4", "/a/keep/d.mp4"),
        ("/ => /plex", "/a/b.mp4", "/plex/a/b.mp4"),
        ("/plex => /", "/plex/a/b.mp4", "/a/b.mp4"),
        ("/ => D:\\", "/a/b.mp4", "D:\\a\\b.mp4"),
        ("/data => D:\\plex\\", "/data/a/b.mp4", "D:\\plex\\a\\b.mp4"),
        ("/data => d:/plex", "/data/a/b.mp4", "d:\\plex\\a\\b.mp4"),
        ("/data => \\\\nas\\video", "/data/a/b.mp4", "\\\\nas\\video\\a\\b.mp4"),
        ("/data => //nas/video", "/data/a/b.mp4", "\\\\nas\\video\\a\\b.mp4"),
        ("D:\\videos => /v", "D:\\videos\\a\\b.mp4", "/v/a/b.mp4"),
        ("D:\\videos => /v", "d:/Videos/A\\b.mp4", "/v/A/b.mp4"),
        ("D:\\videos => /v", "\\\\?\\D:\\videos\\a.mp4", "/v/a.mp4"),
        ("D:\\videos => /v", "E:\\videos\\a.mp4", "E:\\videos\\a.mp4"),
        ("D:\\ => /v", "D:\\a.mp4", "/v/a.mp4"),
        ("D: => /v", "D:\\a.mp4", "/v/a.mp4"),
        ("D:\\ => E:\\x", "D:/a/b.mp4", "E:\\x\\a\\b.mp4"),
        ("\\\\NAS\\s => /v", "\\\\nas\\S\\a.mp4", "/v/a.mp4"),
        ("\\\\nas\\s => /v", "\\\\?\\UNC\\nas\\s\\a.mp4", "/v/a.mp4"),
        ("\\\\nas\\s => /v", "//nas/s/a.mp4", "/v/a.mp4"),
        ("/nas => /v", "\\\\nas\\a.mp4", "\\\\nas\\a.mp4"),
        ("/data => /media", "/data/AC\\DC/a.mp4", "/media/AC\\DC/a.mp4"),
        ("/data => /media", "/data//a///b.mp4", "/media/a///b.mp4"),
        ("/data => /media", "//data/a.mp4", "//data/a.mp4"),
        ("/caf\u00e9 => /x", "/cafe\u0301/e\u0301.mp4", "/x/e\u0301.mp4"),
        ("/cafe\u0301 => /x", "/caf\u00e9/\u00e9.mp4", "/x/\u00e9.mp4"),
        ('"C:\\a;b => c" => "/x;y"', "C:\\a;b => c\\d.mp4", "/x;y/d.mp4"),
        ("/a\\;b\\=>c => /d", "/a;b=>c/d.mp4", "/d/d.mp4"),
        ("/a\\\\; /b => /d", "/b/d.mp4", "/d/d.mp4"),
        ("/a\\\\=> /d", "/a\\/d.mp4", "/d/d.mp4"),
        ("/a\\b => /d", "/a\\b/d.mp4", "/d/d.mp4"),
        ('/say "hi" => /d', '/say "hi"/d.mp4', "/d/d.mp4"),
        ('"/say ""hi""" => /d', '/say "hi"/d.mp4', "/d/d.mp4"),
        ("/two  blanks => /d", "/two  blanks/d.mp4", "/d/d.mp4"),
        ("\u202aC:\\pasted\u202c => /d", "C:\\pasted\\d.mp4", "/d/d.mp4"),
        (" ;; /a=>/b ; ; ", "/a/d.mp4", "/b/d.mp4"),
        ("D:\\a\\; D:\\b\\ => /b\\", "", ""),
    ],
)
def test_to_plex(rules: str, stash: str, plex: str) -> None:
    """The longest whole folder wins, on every mix of systems, and the rest stays verbatim."""
    path_map = read_path_map(rules)[0]
    assert path_map.to_plex(stash) == plex
    if stash != plex:
        assert path_map.matches(stash)
        assert path_key(stash) in {path_key(back) for back in path_map.to_stash(plex)}


@pytest.mark.parametrize(
    ("text", "numbers", "advice"),
    [
        ("/a", [1], "has no =>; write it as /stash/dir => /plex/dir"),
        ("/a => /b /c => /d", [1], "more than one =>"),
        ("/a =>", [1], "nothing behind"),
        ("=> /b", [1], "nothing before"),
        ("=>", [1], "nothing before"),
        ("a => /b", [1], "Stash side that is not a whole path"),
        ("/a => b", [1], "Plex side that is not a whole path"),
        ("/a => C:b", [1], "Plex side that is not a whole path"),
        ("\\a => /b", [1], "Stash side that is not a whole path"),
        ("/a => \\\\", [1], "names no server"),
        ("/a/../b => /c", [1], "without them"),
        ("/a => /./c", [1], "without them"),
        ("/a\0 => /b", [1], "control characters"),
        ('"/a => /b', [1], "no closing one"),
        ('"/a" x => /b', [1], 'behind a closing "'),
        ("x; /ok => /fine; ; y => /z", [1, 3], "has no =>"),
        ("/a -> /b", [1], "has no =>"),
        ('"/a" x', [1], 'behind a closing "'),
        ('"/a" x => /b => /c', [1], 'behind a closing "'),
        ('"/a" x =>', [1], 'behind a closing "'),
    ],
)
def test_faulty_rules_are_all_named(text: str, numbers: list[int], advice: str) -> None:
    """Each faulty rule is named by its number with advice, the others are kept."""
    path_map, problems = read_path_map(text)
    assert [problem.split()[:2] for problem in problems] == [["rule", str(one)] for one in numbers]
    assert advice in problems[0]
    assert len(path_map.rules) + len(problems) == len(
        [piece for piece in text.split(";") if piece.strip()]
    )
    with pytest.raises(ValueError, match="rule") as caught:
        PathMap.parse(text)
    assert str(caught.value) == "; ".join(problems)


def test_a_trailing_windows_backslash_does_not_swallow_the_next_rule() -> None:
    """A semicolon behind a Windows folder's final backslash ends the rule."""
    path_map = PathMap.parse("D:\\a\\ => E:\\b\\; F:\\c\\ => G:\\d\\;")
    assert path_map.rules == (PathRule("D:\\a", "E:\\b"), PathRule("F:\\c", "G:\\d"))


def test_the_same_rule_twice_counts_once() -> None:
    """Repeating a rule, also in another spelling, is no fault."""
    assert PathMap.parse("/a => D:\\b; /a/ => d:/B/").rules == (PathRule("/a", "D:\\b"),)


@pytest.mark.parametrize("side", ["", "a", "\\a", "/a/..", "/a\nb"])
def test_a_rule_without_whole_paths_cannot_be_built(side: str) -> None:
    """PathRule refuses a side that could never match."""
    with pytest.raises(ValueError, match=r"."):
        PathRule(side, "/b")
    with pytest.raises(ValueError, match=r"."):
        PathRule("/b", side)


@pytest.mark.parametrize(
    ("side", "typed"),
    [
        ("/plain dir", "/plain dir"),
        ('/a"', '/a"'),
        ('"/a', '"""/a"'),
        ("/a;b", '"/a;b"'),
        ("/a=>b", '"/a=>b"'),
        (" /a", '" /a"'),
        ("/a\\", '"/a\\"'),
        ("D:\\", "D:\\"),
    ],
)
def test_only_what_needs_quotes_gets_them(side: str, typed: str) -> None:
    """A suggested rule looks as a person would type it."""
    assert quoted(side) == typed


@given(MAPS)
@example(PathMap((PathRule("/a\\", "/b\\"), PathRule("/\u200b", '/"'))))
@example(PathMap((PathRule("/ ", "/; "), PathRule("C:\\a;", "\\\\n\\=>"))))
def test_text_round_trip(path_map: PathMap) -> None:
    """A map written as text is read back as the same map without a problem."""
    assert read_path_map(str(path_map)) == (path_map, ())


@given(MAPS, DIRS, st.lists(NAMES, min_size=1, max_size=3))
def test_to_stash_inverts_to_plex(path_map: PathMap, folder: str, names: list[str]) -> None:
    """Every candidate leads back to the Plex path, and the scene's own path is among them."""
    stash = below(folder, names)
    plex = path_map.to_plex(stash)
    candidates = path_map.to_stash(plex)
    assert all(same_path(path_map.to_plex(candidate), plex) for candidate in candidates)
    assert len(set(candidates)) == len(candidates)
    assert path_key(stash) in {path_key(candidate) for candidate in candidates}


@given(MAPS, DIRS, st.lists(NAMES, min_size=1, max_size=3))
def test_to_plex_ignores_composition_and_long_prefix(
    path_map: PathMap, folder: str, names: list[str]
) -> None:
    """Composed, decomposed and long-prefixed spellings of a path lead to the same item."""
    stash = below(folder, names)
    plex = path_map.to_plex(stash)
    for form in ("NFC", "NFD"):
        assert same_path(path_map.to_plex(unicodedata.normalize(form, stash)), plex)
    if stash[1] == ":":
        assert same_path(path_map.to_plex("\\\\?\\" + stash), plex)
        assert same_path(path_map.to_plex(stash.replace("\\", "/")), plex)


@given(RULES, st.lists(NAMES, min_size=1, max_size=3), NAMES)
def test_one_rule_maps_its_folder_only(rule: PathRule, names: list[str], more: str) -> None:
    """A rule moves what is below its folder and nothing in a folder whose name begins alike."""
    path_map = PathMap((rule,))
    assert same_path(path_map.to_plex(below(rule.stash, names)), below(rule.plex, names))
    assume(rule.stash[-1] not in "/\\")
    neighbour = below(rule.stash + "x" + more, names)
    assert not path_map.matches(neighbour)
    assert path_map.to_plex(neighbour) == neighbour


@pytest.mark.parametrize(
    ("stash", "plex", "rule"),
    [
        ("/data/movies/a/b.mp4", "/media/a/b.mp4", "/data/movies => /media"),
        ("/data/a/b.mp4", "/a/b.mp4", "/data => /"),
        ("/a/b.mp4", "/data/a/b.mp4", "/ => /data"),
        ("/data/x/a/b.mp4", "/data/y/a/b.mp4", "/data/x => /data/y"),
        ("/data/a/b.mp4", "D:\\Plex\\a\\b.mp4", "/data => D:\\Plex"),
        ("D:\\v\\a\\b.mp4", "/v2/a/b.mp4", "D:\\v => /v2"),
        ("D:\\a\\b.mp4", "E:\\A\\b.mp4", "D:\\ => E:\\"),
        ("D:\\a\\b.mp4", "/a/b.mp4", "D:\\ => /"),
        ("C:\\a\\x\\b.mp4", "/A/x/b.mp4", "C:\\a => /A"),
        ("D:\\v\\A\\b.mp4", "/v/a/b.mp4", None),
        ("\\\\nas\\v\\a\\b.mp4", "/v/a/b.mp4", "\\\\nas\\v => /v"),
        ("\\\\nas\\v\\b.mp4", "/data/v/b.mp4", "\\\\nas\\v => /data/v"),
        ("/mnt/nas/v/b.mp4", "\\\\nas\\v\\b.mp4", "/mnt/nas/v => \\\\nas\\v"),
        ("/e\u0301/a\u0301/b.mp4", "/x/\u00e1/b.mp4", "/e\u0301 => /x"),
        ("/o;dd/a/b.mp4", "/x/a/b.mp4", '"/o;dd" => /x'),
        ("/data/a/b.mp4", "/data/a/b.mp4", None),
        ("/data/a/b.mp4", "/media/x/b.mp4", None),
        ("/data/a/b.mp4", "/media/a/c.mp4", None),
        ("/data/a/b.mp4", "/media/A/b.mp4", None),
        ("/b.mp4", "/media/b.mp4", None),
        ("a/b.mp4", "/media/a/b.mp4", None),
        ("", "", None),
        ("/", "/", None),
    ],
)
def test_suggest_rule(stash: str, plex: str, rule: str | None) -> None:
    """The suggested rule is the shortest that holds, and needs folder and base name in common."""
    suggested = suggest_rule(stash, plex, PathMap())
    assert (str(suggested) if suggested else None) == rule


@given(DIRS, DIRS, st.lists(NAMES, min_size=2, max_size=4))
@example("C:\\a", "/A", ["x", "y"])
def test_a_suggested_rule_works_as_typed(stash: str, plex: str, tail: list[str]) -> None:
    """Two different places of one file give a rule that, typed in, maps one to the other."""
    stash_path, plex_path = below(stash, tail), below(plex, tail)
    suggested = suggest_rule(stash_path, plex_path, PathMap())
    if suggested is None:
        assert same_path(stash_path, plex_path)
    else:
        typed = PathMap.parse(str(suggested))
        assert same_path(typed.to_plex(stash_path), plex_path)


def test_only_the_longest_folder_gives_targets() -> None:
    """A rule for the folder around it does not make a second path to ask Plex for."""
    rules = PathMap.parse("/a => /x; /a/b => /y; /a/b => /z")
    assert rules.targets("/a/b/c.mp4") == ("/y/c.mp4", "/z/c.mp4")
    assert rules.targets("/a/c.mp4") == ("/x/c.mp4",)
