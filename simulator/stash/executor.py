"""Runs a validated document by a plan made once, because pages of hundreds of scenes must be quick.

The reference executor resolves every leaf through a dozen calls. Here the
selection is turned into nested lists of ready functions the first time it is
seen; running it is then little more than the dictionaries it yields. What
errors do to the reply (a null, or no data at all) follows the schema as usual.
Directives, interfaces, unions and introspection are not played.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    get_argument_values,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

Resolver = Callable[[Any, dict[str, Any], Any], Any]
# What graphql-core makes of a request's variables.
Variables = Any
Registry = Mapping[tuple[str, str], Resolver]
Fragments = Mapping[str, FragmentDefinitionNode]


class StashError(Exception):
    """A resolver's error; the text goes into ``errors[].message``."""


@dataclass(frozen=True, slots=True)
class Step:
    """One field of a selection: what it is called in the reply and how to get it."""

    key: str
    resolve: Resolver
    arguments: Callable[[Variables], dict[str, Any]] | None
    steps: Sequence[Step] | None
    nullable: bool


def plan(
    schema: GraphQLSchema,
    registry: Registry,
    operation: OperationDefinitionNode,
    fragments: Fragments,
) -> list[Step]:
    """The steps of an operation that is valid by the schema.

    ``registry`` has how to get the fields that are more than an attribute, by type and name.
    """

    def steps_of(
        parent: GraphQLObjectType, selections: Iterable[SelectionSetNode | None]
    ) -> list[Step]:
        nodes: dict[str, list[FieldNode]] = {}
        for selection in selections:
            for node in _fields(selection, fragments):
                key = node.alias.value if node.alias else node.name.value
                nodes.setdefault(key, []).append(node)
        return [step_of(parent, key, group) for key, group in nodes.items()]

    def step_of(parent: GraphQLObjectType, key: str, nodes: list[FieldNode]) -> Step:
        node, name = nodes[0], nodes[0].name.value
        if name == "__typename":
            return Step(key, lambda *_: parent.name, None, None, nullable=False)
        field = parent.fields[name]
        resolve = registry.get((parent.name, name)) or _attribute(parent.name, name, field)
        arguments = functools.partial(get_argument_values, field, node) if field.args else None
        steps, target = None, get_named_type(field.type)
        if isinstance(target, GraphQLObjectType):
            steps = steps_of(target, [one.selection_set for one in nodes])
        return Step(key, resolve, arguments, steps, not is_non_null_type(field.type))

    root = schema.get_root_type(operation.operation)
    assert root is not None
    return steps_of(root, [operation.selection_set])


def _fields(selection: SelectionSetNode | None, fragments: Fragments) -> Iterator[FieldNode]:
    """The fields of a selection, fragments opened up."""
    for node in selection.selections if selection else ():
        if isinstance(node, FieldNode):
            yield node
        else:
            inner: Any = node
            if isinstance(node, FragmentSpreadNode):
                inner = fragments[node.name.value]
            yield from _fields(inner.selection_set, fragments)


def _attribute(type_name: str, name: str, field: GraphQLField) -> Resolver:
    """Resolver for a field that is an attribute, or an empty value where nothing is played."""
    if type_name in {"Query", "Mutation", "Subscription"}:

        def refuse(*_: Any) -> Any:
            raise StashError(f"the Stash stand-in does not play {type_name}.{name}")

        return refuse
    empty = None
    if isinstance(field.type, GraphQLNonNull):
        kinds = {"Boolean": False, "Int": 0, "Float": 0, "Int64": 0, "Map": {}, "String": ""}
        empty = (
            [] if is_list_type(field.type.of_type) else kinds.get(get_named_type(field.type).name)
        )
    return lambda source, _arguments, _context: getattr(source, name, empty)


def _run_steps(steps: Sequence[Step], source: Any, variables: Variables, context: Any) -> Any:
    """What a selection yields for one object."""
    reply: dict[str, Any] = {}
    for step in steps:
        arguments = step.arguments(variables) if step.arguments else {}
        value = step.resolve(source, arguments, context)
        # Most fields are leaves; a call for each would be felt in a page of hundreds.
        reply[step.key] = (
            value if step.steps is None else _complete(step, value, variables, context)
        )
    return reply


def _complete(step: Step, value: Any, variables: Variables, context: Any) -> Any:
    """A resolved value as the reply carries it."""
    if step.steps is None or value is None:
        return value
    if isinstance(value, list):
        return [_run_steps(step.steps, one, variables, context) for one in value]
    return _run_steps(step.steps, value, variables, context)


def run_operation(
    steps: Sequence[Step], variables: Variables, context: Any
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Run the top level of an operation; give its data and its errors."""
    data: dict[str, Any] | None = {}
    errors: list[dict[str, Any]] = []
    for step in steps:
        try:
            arguments = step.arguments(variables) if step.arguments else {}
            value = _complete(step, step.resolve(None, arguments, context), variables, context)
        except StashError as error:
            errors.append({"message": str(error), "path": [step.key]})
            value = None
            if not step.nullable:
                data = None
        if data is not None:
            data[step.key] = value
    return data, errors
