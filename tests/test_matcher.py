from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

import pytest

from plex.client import PlexClient
from plex.error_types import AmbiguousMatch, NotInPlexYet
from plex.libraries import Libraries
from plex.matcher import (
    MOST,
    Candidate,
    Matches,
    find_plex_item_by_path,
    needles,
    pieces,
    same_named,
)
from plex.oshash import MOST_TREES, normal_hash, prove, read_hashes
from simulator.library import catalogue_file
from stash.scene import SceneFile
from tests.matching_environment import Environment, scene
from worker.processor import search_plex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = "/plex/media"
COMPOSED = unicodedata.normalize("NFC", "Café Zoë.mp4")
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


def items_at(section: Any, path: str) -> list[Any]:
    """Every item of a section that holds a file."""
    found = Matches()
    first = find_plex_item_by_path(section, path, found)
    assert first is (found.items[0] if found.items else None)
    return found.items


@pytest.fixture
def client(env: Environment) -> Iterator[PlexClient]:
    """A client for it."""
    with PlexClient(env.plex.url, env.plex.token) as made:
        yield made


@pytest.fixture
def section(client: PlexClient) -> Any:
    """Its only library, as plexapi gives it."""
    return client.section(client.section_infos()[0])


def run_on(env: Environment, platform: str) -> None:
    """Let Plex say that it runs on some platform."""
    body = f'<MediaContainer size="0" machineIdentifier="m" platform="{platform}" version="1.43"/>'
    env.plex.fault(
        "status",
        method="GET",
        path=r"^/(\?|$)",
        times=None,
        status=200,
        body=body,
        content_type="text/xml",
    )


def add(env: Environment, path: str, **facts: Any) -> int:
    """Add a file to Plex; give the item's key."""
    return int(env.plex.add_item(path, **facts)["ratingKey"])


def test_the_item_that_holds_the_file_is_found(env: Environment, section: Any) -> None:
    """A full path leads to its item with one bounded request."""
    file = catalogue_file(3)
    env.plex.clear_requests()
    found = find_plex_item_by_path(section, file.plex_path)
    assert found is not None
    assert found.ratingKey == env.plex.key_of(file.plex_path)
    assert len(env.targets()) == 1


def test_a_path_that_plex_does_not_have_gives_none(env: Environment, section: Any) -> None:
    """A miss is None and no error; so is no path at all."""
    assert find_plex_item_by_path(section, f"{ROOT}/Nowhere/Nothing here.mp4") is None
    assert find_plex_item_by_path(section, "") is None


def test_a_name_in_two_folders_is_never_confused(env: Environment, section: Any) -> None:
    """The same base name in another folder, above or below, is another file."""
    for folder in ("A", "A/B", "B"):
        add(env, f"{ROOT}/{folder}/Same name.mp4")
    for folder in ("A", "A/B", "B"):
        path = f"{ROOT}/{folder}/Same name.mp4"
        (found,) = items_at(section, path)
        assert found.ratingKey == env.plex.key_of(path)
    assert find_plex_item_by_path(section, f"{ROOT}/C/Same name.mp4") is None


@pytest.mark.parametrize(
    "name",
    [
        "One, two, three.mp4",
        ", leading comma.mp4",
        "100% & more #1 + (2).mp4",
        'It\'s "quoted" [x].mp4',
        "emoji 😀 here.mp4",
        "ẞtraße.mp4",
        "א עברית.mp4",
    ],
)
def test_awkward_names_are_found(env: Environment, section: Any, name: str) -> None:
    """Commas, which mean OR to Plex, and every other special character go through."""
    key = add(env, f"{ROOT}/A/{name}")
    add(env, f"{ROOT}/B/{name}")
    assert [one.ratingKey for one in items_at(section, f"{ROOT}/A/{name}")] == [key]


@pytest.mark.parametrize(("stored", "asked"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_accents_match_composed_and_decomposed(
    env: Environment, section: Any, stored: str, asked: str
) -> None:
    """A name that macOS stores decomposed is the name that Stash has composed."""
    key = add(env, f"{ROOT}/Ä/{stored}".replace("Ä", "A"))
    found = find_plex_item_by_path(section, f"{ROOT}/A/{asked}")
    assert found is not None
    assert found.ratingKey == key


def test_case_counts_where_the_server_does_not_prove_otherwise(
    env: Environment, section: Any
) -> None:
    """On Linux a name in another case is another file."""
    add(env, f"{ROOT}/A/Some Name.mp4")
    assert find_plex_item_by_path(section, f"{ROOT}/A/some name.mp4") is None


@pytest.mark.parametrize("platform", ["MacOSX", "Windows"])
def test_case_is_ignored_where_the_server_runs_on_such_a_system(
    env: Environment, client: PlexClient, platform: str
) -> None:
    """There the only file that differs in case only is taken, and an exact one goes first."""
    run_on(env, platform)
    key = add(env, f"{ROOT}/A/Some Name.mp4")
    section = client.section(client.section_infos()[0])
    found = find_plex_item_by_path(section, f"{ROOT}/a/some name.mp4")
    assert found is not None
    assert found.ratingKey == key
    exact = add(env, f"{ROOT}/A/some name.mp4")
    assert [one.ratingKey for one in items_at(section, f"{ROOT}/A/some name.mp4")] == [exact]


def test_several_names_that_differ_in_case_only_are_refused(
    env: Environment, client: PlexClient
) -> None:
    """Even there two candidates are no match, and both are named."""
    run_on(env, "MacOSX")
    keys = [add(env, f"{ROOT}/{folder}/Some Name.mp4") for folder in ("a", "A")]
    with pytest.raises(AmbiguousMatch) as refusal:
        find_plex_item_by_path(client.section(client.section_infos()[0]), f"{ROOT}/A/SOME name.mp4")
    assert all(str(key) in refusal.value.message for key in keys)


def test_a_windows_path_ignores_case_by_itself(env: Environment, client: PlexClient) -> None:
    r"""D:\Media and d:/media are one folder, whatever the server says."""
    number = env.plex.add_section("other", "Windows", ["D:\\Media"])
    key = add(env, "D:\\Media\\Clips\\Some Name.mp4", section=number)
    section = client.section(client.section_infos()[-1])
    found = find_plex_item_by_path(section, "d:/media/CLIPS/some name.mp4")
    assert found is not None
    assert found.ratingKey == key


def test_like_names_beyond_number_are_bounded_and_told(env: Environment, section: Any) -> None:
    """A name that hundreds share costs a bounded number of requests; the whole path decides."""
    for number in range(MOST + 10):
        add(env, f"{ROOT}/{number:04d}/clip.mp4")
    env.plex.clear_requests()
    found = find_plex_item_by_path(section, f"{ROOT}/0405/clip.mp4")
    assert found is not None
    assert len(env.targets()) <= MOST // 50 + 1
    assert find_plex_item_by_path(section, f"{ROOT}/0999/clip.mp4") is None
    with pytest.raises(AmbiguousMatch):
        find_plex_item_by_path(section, "/clip.mp4")


def test_needles_are_free_of_commas_and_of_empty_alternatives() -> None:
    """What is searched for can be no alternative of anything."""
    for path in ("/a/b, c.mp4", "/,/,,.mp4", "/a/,.mp4", "/é, ü.mp4", ",,,"):
        assert all(piece and "," not in piece for piece in needles(path))
        assert all("," not in piece for piece in pieces(path))


def test_same_named_files_are_candidates_wherever_they_lie(env: Environment, section: Any) -> None:
    """Any folder and any case will do, but no other size and no longer name."""
    keys = [add(env, f"{ROOT}/{folder}/Clip 1.mp4", size=7) for folder in ("A", "B")]
    add(env, f"{ROOT}/C/Clip 1.mp4", size=8)
    add(env, f"{ROOT}/C/My Clip 1.mp4", size=7)
    found = same_named(section, "/data/elsewhere/clip 1.mp4", 7)
    assert [one.rating_key for one in found] == keys
    assert len(same_named(section, "/data/elsewhere/clip 1.mp4", None)) == 3


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("6E20A8B5F3B245BB", "6e20a8b5f3b245bb"),
        ("ab", "00000000000000ab"),
        ("0000000000000000", ""),
        ("no hash", ""),
        ("12345678901234567", ""),
        (None, ""),
    ],
)
def test_hashes_are_compared_padded_and_in_lower_case(text: str | None, normal: str) -> None:
    """Leading zeros may be missing; what is no hash proves nothing."""
    assert normal_hash(text) == normal


@pytest.mark.parametrize("padded", [True, False])
def test_the_tree_tells_the_hash_of_each_file(
    env: Environment, client: PlexClient, padded: bool
) -> None:
    """Plex's hash of a file is Stash's, zero-padded or not."""
    env.plex.switches(oshash_padded=padded)
    key = add(env, f"{ROOT}/A/x.mp4", oshash="000000000000abcd")
    assert read_hashes(client, key) == {f"{ROOT}/A/x.mp4": "000000000000abcd"}


def test_proof_reads_a_bounded_number_of_trees(env: Environment, client: PlexClient) -> None:
    """Beyond the bound a candidate is unknown, not refused and not taken."""
    names = [f"{ROOT}/{number}/x.mp4" for number in range(MOST_TREES + 3)]
    candidates = [Candidate(add(env, name, oshash="aa" * 8), name, 1) for name in names]
    env.plex.clear_requests()
    proof = prove(client, candidates, "bb" * 8)
    assert proof.proven == []
    assert proof.unknown == candidates[MOST_TREES:]
    assert len(env.targets()) == MOST_TREES
    assert prove(client, candidates, None).unknown == candidates


def test_only_libraries_that_can_hold_the_path_are_searched(
    env: Environment, client: PlexClient
) -> None:
    """A library whose folders lie elsewhere costs no request."""
    env.plex.add_section("other", "Elsewhere", ["/plex/elsewhere"])
    libraries = Libraries(client, (), clock=lambda: 0.0)
    libraries.sections()
    _ = client.server  # what searches is plexapi's, and opening it is a request
    env.plex.clear_requests()
    search_plex(libraries, catalogue_file(1).plex_path)
    assert len(env.targets()) == 1
    assert libraries.reach("/plex/mediaeval/x.mp4") == []


# Through the reconciler: the rungs in their order.


def unmapped(number: int, *, oshash: str = "") -> Any:
    """Give a scene whose file lies in a folder that no rule and no library has."""
    file = catalogue_file(number)
    path = f"/data/{file.folder}/{file.name}"
    one = SceneFile(path, file.size, oshash or file.oshash)
    return scene(number, files=(one,))


@pytest.mark.parametrize("padded", [True, False])
def test_a_file_without_a_mapping_is_settled_by_its_hash(env: Environment, padded: bool) -> None:
    """Where no rule leads into a library the equal hash proves the item, and it stays known."""
    env.plex.switches(oshash_padded=padded)
    key = env.plex.key_of(catalogue_file(1).plex_path)
    assert env.look(unmapped(1)).items == [key]
    env.plex.clear_requests()
    assert env.look(unmapped(1)).outcome == "unchanged"
    # One question tells whether another item holds the file by now; nothing is proven anew.
    assert len([target for target in env.targets() if "file=" in target]) == 1
    assert not [target for target in env.targets() if "tree" in target]


def test_the_hash_chooses_between_two_files_of_the_same_name_and_size(env: Environment) -> None:
    """Two candidates are told apart by their hash; the other one is left alone."""
    file = catalogue_file(1)
    other = add(env, f"{ROOT}/Other/{file.name}", size=file.size, oshash="ab" * 8)
    look = env.look(unmapped(1))
    assert look.items == [env.plex.key_of(file.plex_path)]
    assert env.plex.item(other)["fields"]["title"] == file.stem


def test_copies_of_one_file_are_all_written(env: Environment) -> None:
    """Two items with the same hash are the same file twice."""
    file = catalogue_file(1)
    copy = add(env, f"{ROOT}/Copy/{file.name}", size=file.size, oshash=file.oshash)
    assert sorted(env.look(unmapped(1)).items) == sorted([env.plex.key_of(file.plex_path), copy])


def test_another_hash_is_another_file(env: Environment) -> None:
    """The same name, folder and size with another hash is not the file: it is not in Plex yet."""
    with pytest.raises(NotInPlexYet):
        env.look(unmapped(1, oshash="ab" * 8))


def test_without_a_hash_in_plex_the_candidates_are_named(env: Environment) -> None:
    """A server that has not analysed its files leaves it to the person, with item and path."""
    env.plex.switches(oshash_known=False)
    file = catalogue_file(1)
    with pytest.raises(AmbiguousMatch) as refusal:
        env.look(unmapped(1))
    assert file.plex_path in refusal.value.message
    assert str(env.plex.key_of(file.plex_path)) in refusal.value.message
    assert "/data => /plex/media" in refusal.value.message
    assert not env.targets("PUT")


@pytest.mark.parametrize("tie", [False, True])
def test_with_redact_logs_candidates_are_named_without_their_paths(
    env: Environment, tie: bool
) -> None:
    """What Plex calls its files stays out of the message; the item numbers are enough."""
    env.plex.switches(oshash_known=False)
    one, names = unmapped(1), [catalogue_file(1).plex_path]
    if tie:
        run_on(env, "MacOSX")
        names = [f"{ROOT}/{folder}/Clip.mp4" for folder in ("a", "A")]
        for name in names:
            add(env, name)
        one = scene(1, files=(SceneFile("/stash/media/A/CLIP.mp4", 1, "cd" * 8),))
    with pytest.raises(AmbiguousMatch) as refusal:
        env.look(one, redact_logs=True)
    assert all(str(env.plex.key_of(name)) in refusal.value.message for name in names)
    assert not any(name in refusal.value.message for name in names)
    assert "/data =>" not in refusal.value.message


def test_a_tie_in_case_is_settled_by_the_hash(env: Environment) -> None:
    """Where case is ignored and two names tie, the hash decides."""
    run_on(env, "MacOSX")
    add(env, f"{ROOT}/a/Clip.mp4", oshash="ab" * 8)
    right = add(env, f"{ROOT}/A/Clip.mp4", oshash="cd" * 8)
    one = scene(1, files=(SceneFile("/stash/media/A/CLIP.mp4", 1, "cd" * 8),))
    assert env.look(one).items == [right]
    env.plex.switches(oshash_known=False)
    with pytest.raises(AmbiguousMatch):
        env.look(scene(2, files=(SceneFile("/stash/media/A/CLIP.mp4", 1, "cd" * 8),)))


def test_a_name_in_another_case_is_found_and_remembered_where_case_is_ignored(
    env: Environment,
) -> None:
    """The item that differs in case only is written, and the next look asks once."""
    run_on(env, "MacOSX")
    key = add(env, f"{ROOT}/A/Some Clip.mp4")
    one = scene(1, "/stash/media/a/some clip.mp4")
    assert env.look(one).items == [key]
    env.plex.clear_requests()
    assert env.look(one).items == [key]
    assert len([target for target in env.targets() if "file=" in target]) == 1


def test_an_index_that_knows_the_item_spares_the_search_on_every_system(env: Environment) -> None:
    """Only a file that the index does not have may lie there under a name in another case."""
    run_on(env, "MacOSX")

    class Index:
        def items_holding(self, path: str) -> list[int] | None:
            file = catalogue_file(1).plex_path
            return [env.plex.key_of(file)] if path == file else []

        def correct(self, path: str, rating_keys: Iterable[int]) -> None:
            pass

    with env.reconciler() as reconciler:
        reconciler.index = Index()
        assert reconciler.look(scene(1)).items
        assert not [target for target in env.targets() if "file=" in target]
        assert reconciler.look(scene(2)).items
        assert [target for target in env.targets() if "file=" in target]


def test_looking_for_names_is_given_up_where_nothing_is_ever_found(env: Environment) -> None:
    """A folder that Plex deliberately does not have costs a bounded number of searches."""
    with env.reconciler() as reconciler:
        for number in range(1, 61):
            with pytest.raises(NotInPlexYet):
                reconciler.look(scene(number, f"/private/vault/{number}.mp4"))
    assert len([target for target in env.targets() if "file=" in target]) == 30


@pytest.mark.parametrize(
    ("path_map", "stash_path", "plex_path"),
    [
        ("/a => /plex/media; /a/b => /plex/other", "/a/b/x.mp4", "/plex/other/x.mp4"),
        ("/a/ => /plex/media/", "/a/b/x.mp4", "/plex/media/b/x.mp4"),
        ("C:\\Stash => /plex/media", "c:\\stash\\b\\x.mp4", "/plex/media/b/x.mp4"),
        ("/a => D:\\Media", "/a/b/x.mp4", "d:\\media\\b\\x.mp4"),
        ("/a => \\\\nas\\media", "/a/b/x.mp4", "\\\\NAS\\Media\\b\\x.mp4"),
    ],
)
def test_rules_of_every_kind_lead_to_the_item(
    env: Environment, path_map: str, stash_path: str, plex_path: str
) -> None:
    """Longest prefix, slashes at the end, drive letters and network shares all match."""
    section = env.plex.add_section("other", "All", ["/plex/other", "D:\\Media", "\\\\NAS\\Media"])
    inside = plex_path.startswith("/plex/media")
    key = add(env, plex_path, **({} if inside else {"section": section}))
    assert env.look(scene(1, stash_path), path_map).items == [key]


@pytest.mark.parametrize(
    "name",
    [
        "Studio Name, {}.mp4",
        "Studio, {}, of Many Parts.mp4",
        "Studio, Name/{}/clip.mp4",
        "A, B/{}, C/clip one.mp4",
        "{}/a/Very Long Common Name, clip.mp4",
    ],
)
def test_commas_among_hundreds_of_like_names_are_found(
    env: Environment, section: Any, name: str
) -> None:
    """Whichever piece of name or path is telling leads to the file, in a bounded way."""
    for number in range(MOST + 5):
        add(env, f"{ROOT}/{name.format(f'{number:04d}')}")
    path = f"{ROOT}/{name.format('0404')}"
    env.plex.clear_requests()
    assert [one.ratingKey for one in items_at(section, path)] == [env.plex.key_of(path)]
    assert len(env.targets()) <= 3 * len(pieces(path))
    assert find_plex_item_by_path(section, f"{ROOT}/{name.format('9999')}") is None


@pytest.mark.parametrize("dry", [False, True])
def test_a_path_of_which_no_piece_is_telling_is_found_by_the_index(
    env: Environment, dry: bool
) -> None:
    """A full path that is unique is never ambiguous, however common all of its pieces are."""
    for number in range(MOST + 5):
        add(env, f"{ROOT}/A, {number:04d}, B, clip.mp4")
        add(env, f"{ROOT}/B, A/{number:04d}, clip.mp4, A, 0404, B")
    path = f"{ROOT}/A, 0404, B, clip.mp4"
    for number in range(MOST + 5):
        add(env, f"{ROOT}/0404/{number}.mp4")
    with env.reconciler(dry=dry) as reconciler:
        look = reconciler.look(scene(1, path.replace(ROOT, "/stash/media")))
    assert look.items == [env.plex.key_of(path)]


@pytest.mark.parametrize("at", ["one", "two", "both"])
def test_one_folder_that_plex_has_under_two_is_looked_for_in_each(
    env: Environment, at: str
) -> None:
    """Each of several targets of one folder in path_map is tried, by an edit and by the index."""
    env.plex.add_section("other", "Two", ["/plex/two"])
    keys = []
    if at != "two":
        keys.append(add(env, f"{ROOT}/one/Clip.mp4"))
    if at != "one":
        keys.append(add(env, "/plex/two/Clip.mp4", section=2))
    path_map = "/data => /plex/media/one; /data => /plex/two"
    look = env.look(scene(1, "/data/Clip.mp4"), path_map)
    assert sorted(look.items) == sorted(keys)
    with env.reconciler(path_map) as reconciler:
        reconciler.index = reconciler.context.plex.index.now()
        assert sorted(reconciler.look(scene(1, "/data/Clip.mp4")).items) == sorted(keys)
    env.owners["/data/Clip.mp4"] = [1, 2]
    assert env.look(scene(2, "/data/Clip.mp4"), path_map).outcome == "shares"


@pytest.mark.parametrize(
    ("location", "path_map", "stash_path", "plex_path"),
    [
        ("/", "/ => /", "/vault/x.mp4", "/vault/x.mp4"),
        ("/", "/stash => /", "/stash/vault/x.mp4", "/vault/x.mp4"),
        ("/m", "", "/m/./x.mp4", "/m/x.mp4"),
        ("/m", "", "/m/x.mp4", "/m/./x.mp4"),
        ("/m", "/s/a => /m/b", "/s/./a/./x.mp4", "/m/b/x.mp4"),
        ("D:\\Media", "/s => D:\\Media", "/s/Et cetera.../x.mp4", "D:\\Media\\Et cetera\\x.mp4"),
        ("D:\\Media", "D:\\S => D:\\Media", "D:\\S\\a. \\x.mp4", "D:\\Media\\a\\x.mp4"),
        ("/m", "", "/m/Et cetera.../x.mp4", "/m/Et cetera.../x.mp4"),
        ("D:\\", "", "d:\\x.mp4", "D:\\x.mp4"),
    ],
)
def test_dots_and_roots_are_no_obstacle(
    env: Environment, location: str, path_map: str, stash_path: str, plex_path: str
) -> None:
    """A library at the root, "." as a folder, and the dots that Windows takes off a name."""
    section = env.plex.add_section("other", "Odd", [location])
    key = add(env, plex_path, section=section)
    assert env.look(scene(1, stash_path), path_map).items == [key]
    with env.reconciler(path_map) as reconciler:
        reconciler.index = reconciler.context.plex.index.now()
        assert reconciler.look(scene(1, stash_path)).items == [key]
