"""Stash's GraphQL schema, of the version that is played, and the documents checked against it.

The ``.graphql`` files are Stash's own and are fetched, not kept
(``tools/fetch_stash_schema.py``). They describe 0.31; for an older version the
members that came later are taken out of the syntax tree before the schema is
built, so that a query for them fails exactly as on an old server.
"""

from __future__ import annotations

import functools
import re
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldDefinitionNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    build_ast_schema,
    parse,
    validate,
)

from simulator.stash.versions import NEW_MEMBERS, NEW_TYPES, VERSIONS

DEFAULT_DIR = Path(__file__).resolve().parents[2] / ".cache" / "stash-schema"
NEWEST = VERSIONS[-1]
# Documents kept ready; a client has a handful, and one that writes values into
# its query text should not eat the memory.
MOST_DOCUMENTS = 500


class SchemaMissingError(Exception):
    """The schema files are not on this machine."""


class RequestError(Exception):
    """A request that never gets as far as a resolver: HTTP 422 and these errors."""

    def __init__(self, code: str, errors: list[GraphQLError]) -> None:
        super().__init__(code)
        self.errors = [
            {
                # Stash's library puts names in double quotes where graphql-core has single ones.
                "message": re.sub(r"'(\S+?)'", r'"\1"', error.message),
                "locations": [
                    {"line": at.line, "column": at.column} for at in error.locations or ()
                ],
                "extensions": {"code": code},
            }
            for error in errors
        ]


@functools.cache
def load_schema(folder: Path = DEFAULT_DIR, version: str = NEWEST) -> GraphQLSchema:
    """Build the schema of ``version`` (such as ``0.27``) from the files in ``folder``.

    Raises:
        SchemaMissingError: there are no schema files in ``folder``.
        ValueError: no such version is known.
    """
    if version not in VERSIONS:
        raise ValueError(f"Stash {version} cannot be played; there are {', '.join(VERSIONS)}")
    files = sorted(folder.rglob("*.graphql"))
    if not files:
        raise SchemaMissingError(
            f"There are no .graphql files in {folder}. Stash's schema is not kept in this "
            f"repository; run `python tools/fetch_stash_schema.py` to fetch it."
        )
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    document = parse(text, no_location=True)
    for newer in VERSIONS[VERSIONS.index(version) + 1 :]:
        document = _without(document, newer)
    return build_ast_schema(document, assume_valid=True)


def _without(document: DocumentNode, version: str) -> DocumentNode:
    """``document`` as it was before ``version``."""
    types = set(NEW_TYPES[version].split())
    members = {name: set(names.split()) for name, names in NEW_MEMBERS[version].items()}
    kept = []
    for definition in document.definitions:
        name = getattr(getattr(definition, "name", None), "value", "")
        if name not in types:
            kept.append(_thinned(definition, members.get(name, set()), types))
    return replace(document, definitions=tuple(kept))


def _thinned(definition: Any, gone: set[str], types: set[str]) -> Any:
    """A type without the members in ``gone``, a union without those in ``types``."""
    for kind in ("fields", "values", "types"):
        nodes = getattr(definition, kind, None)
        if nodes:
            out = types if kind == "types" else gone
            left = tuple(_trimmed(node, gone) for node in nodes if node.name.value not in out)
            definition = replace(definition, **{kind: left})
    return definition


def _trimmed(node: Any, gone: set[str]) -> Any:
    """A member without the arguments that ``gone`` names as ``field(argument)``."""
    if not isinstance(node, FieldDefinitionNode) or not node.arguments:
        return node
    name = node.name.value
    left = (one for one in node.arguments if f"{name}({one.name.value})" not in gone)
    return replace(node, arguments=tuple(left))


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document that the schema allows."""

    ast: DocumentNode
    operations: dict[str, OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]
    plans: dict[str, Any]

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to run: the one called ``name``, or the only one."""
        if not name and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        if name and name in self.operations:
            return self.operations[name]
        raise RequestError(
            "GRAPHQL_VALIDATION_FAILED", [GraphQLError(f"operation {name} not found")]
        )


class Documents:
    """Parses and validates query texts, each once."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._known: dict[str, Document] = {}
        self._lock = threading.Lock()

    def get(self, text: str) -> Document:
        """The document of a query text.

        Raises:
            RequestError: it cannot be parsed or the schema does not allow it.
        """
        found = self._known.get(text)
        if found is not None:
            return found
        try:
            ast = parse(text)
        except GraphQLSyntaxError as error:
            raise RequestError("GRAPHQL_PARSE_FAILED", [error]) from error
        errors = validate(self.schema, ast)
        if errors:
            raise RequestError("GRAPHQL_VALIDATION_FAILED", errors)
        found = Document(ast, {}, {}, {})
        for node in ast.definitions:
            if isinstance(node, OperationDefinitionNode):
                found.operations[node.name.value if node.name else ""] = node
            elif isinstance(node, FragmentDefinitionNode):
                found.fragments[node.name.value] = node
        with self._lock:
            if len(self._known) >= MOST_DOCUMENTS:
                self._known.clear()
            self._known[text] = found
        return found
