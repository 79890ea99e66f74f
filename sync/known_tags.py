"""Stash's tags with aliases and parents, kept as long as no tag changed.

Only rules that name a tag need them. They are read whole, once: what was read is kept in the
store, and a worker that starts anew asks Stash only for the newest of its tags. A tag that
changes comes as a row of the queue, by a hook or by the sweep, and ends what is kept. A scene may
carry one before that: a tag that is not known, or has another name, ends it as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stash import changes
from stash.changes import SAME_SECOND
from stash.scene import NamedRef
from stash.tags import KnownTag, TagTree, read_tags
from store import meta

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stash.scene import Scene
    from store.store import Store
    from sync.stash_session import StashSession
    from validation.tag_rules import TagRules


class KnownTags:
    """The tags of one Stash; the clock gives Unix seconds."""

    def __init__(self, store: Store, stash: StashSession, clock: Callable[[], float]) -> None:
        self._store = store
        self._stash = stash
        self._clock = clock
        self._tree: TagTree | None = None
        # Those that were looked for in vain: Stash has deleted or renamed them since.
        self._strange: set[tuple[int, str]] = set()

    def tree(self) -> TagTree:
        """Give all tags.

        Raises:
            errors.SyncError: Stash could not be asked.
        """
        if self._tree is None:
            at = self._clock()
            newest = self._stash.ask(lambda client: changes.newest(client, ("tag",), size=1))
            entries = newest["tag"].entries
            state = [newest["tag"].count, *(one.updated_at for one in entries[:1])]
            self._tree = self._kept(state) or self._read(
                state, is_sure=all(at - one.at >= SAME_SECOND for one in entries)
            )
        return self._tree

    def changed(self, numbers: Iterable[int], rules: TagRules) -> set[int]:
        """Some tags changed: look anew, and give those below them now; errors as ``tree``.

        None where no rule looks at parents; those below before are in the ledger.
        """
        self._tree = None
        self._strange.clear()
        return self.tree().below(numbers) if rules.below else set()

    def completed(self, scenes: Iterable[Scene], rules: TagRules) -> dict[int, Scene]:
        """Give scenes by id, their tags with what rules look at; errors as ``tree``."""
        scenes, refs = list(scenes), set[NamedRef]()
        if rules.look_further:
            refs = {ref for scene in scenes for ref in scene.tags if ref.id}
        if not refs:
            return {scene.id: scene for scene in scenes}
        tree = self.tree()
        strange = self._unknown(tree, refs) - self._strange
        if strange:
            self._tree = None
            tree = self.tree()
            self._strange |= self._unknown(tree, refs)
        above = bool(rules.below)
        return {
            scene.id: replace(
                scene, tags=tuple(tree.completed(ref, above=above) for ref in scene.tags)
            )
            for scene in scenes
        }

    @staticmethod
    def _unknown(tree: TagTree, refs: set[NamedRef]) -> set[tuple[int, str]]:
        return {(ref.id, ref.name) for ref in refs if not tree.knows(ref)}

    def _kept(self, state: list[Any]) -> TagTree | None:
        kept = meta.get(self._store.connection, meta.TAGS)
        if not kept or kept["state"] != state:
            return None
        return TagTree(
            KnownTag(number, name, tuple(aliases), tuple(parents))
            for number, name, aliases, parents in kept["tags"]
        )

    def _read(self, state: list[Any], *, is_sure: bool) -> TagTree:
        """Read them all; they are kept unless another change may carry the same time."""
        tags = self._stash.ask(read_tags)
        with self._store.transaction() as connection:
            meta.put(connection, meta.TAGS, {"state": state if is_sure else None, "tags": tags})
        return TagTree(tags)
