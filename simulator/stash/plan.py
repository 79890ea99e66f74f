"""Runs a validated document by a plan made once, because pages of hundreds of scenes must be quick.

The reference executor resolves every leaf through a dozen calls. Here the
selection is turned into nested lists of ready functions the first time it is
seen; running it is then little more than the dictionaries it yields. What
errors do to the reply (a null, or no data at all) follows the schema as usual.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationDefinitionNode,
    SelectionSetNode,
    execute_sync,
    get_argument_values,
    get_directive_values,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    type_from_ast,
)
from graphql import GraphQLIncludeDirective as Include
from graphql import GraphQLSkipDirective as Skip

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Resolver = Callable[[Any, dict[str, Any], Any], Any]
# What graphql-core makes of a request's variables.
Variables = Any
Registry = Mapping[tuple[str, str], Resolver]


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
    wanted: Callable[[Variables], bool] | None


class Planner:
    """Makes plans for one schema.

    Args:
        schema: The schema the documents were validated against.
        registry: How to get the fields that are more than an attribute, by type and field name.
        concrete: The object type that stands for each interface or union.
    """

    def __init__(
        self, schema: GraphQLSchema, registry: Registry, concrete: Mapping[str, str]
    ) -> None:
        self.schema, self.registry, self.concrete = schema, registry, concrete

    def plan(
        self, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> list[Step]:
        """The steps of an operation, without its introspection fields."""
        root = self.schema.get_root_type(operation.operation)
        assert root is not None
        return self._steps(root, [operation.selection_set], fragments)

    def introspect(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: dict[str, Any],
    ) -> Any:
        """What the introspection fields of an operation yield; nothing if it has none."""
        asked = tuple(
            node
            for node in operation.selection_set.selections
            if isinstance(node, FieldNode) and node.name.value in {"__schema", "__type"}
        )
        if not asked:
            return {}
        alone = OperationDefinitionNode(
            operation=operation.operation,
            variable_definitions=operation.variable_definitions,
            directives=(),
            selection_set=SelectionSetNode(selections=asked),
        )
        rest = tuple(x for x in document.definitions if isinstance(x, FragmentDefinitionNode))
        asking = DocumentNode(definitions=(alone, *rest))
        done = execute_sync(self.schema, asking, None, None, variables)
        return done.data or {}

    def _steps(
        self,
        parent: GraphQLObjectType,
        selections: Sequence[SelectionSetNode],
        fragments: Mapping[str, FragmentDefinitionNode],
    ) -> list[Step]:
        nodes: dict[str, list[FieldNode]] = {}
        for selection in selections:
            for node in self._fields(parent, selection, fragments):
                key = node.alias.value if node.alias else node.name.value
                nodes.setdefault(key, []).append(node)
        return [
            self._step(parent, key, group, fragments)
            for key, group in nodes.items()
            if group[0].name.value not in {"__schema", "__type"}
        ]

    def _fields(
        self,
        parent: GraphQLObjectType,
        selection: SelectionSetNode,
        fragments: Mapping[str, FragmentDefinitionNode],
    ) -> Iterator[FieldNode]:
        """The fields of a selection that apply to ``parent``, fragments opened up."""
        for node in selection.selections:
            if isinstance(node, FieldNode):
                yield node
                continue
            if isinstance(node, FragmentSpreadNode):
                inner: Any = fragments[node.name.value]
            else:
                inner = node
            condition = inner.type_condition
            if condition is None or self._applies(condition, parent):
                yield from self._fields(parent, inner.selection_set, fragments)

    def _applies(self, condition: Any, parent: GraphQLObjectType) -> bool:
        wanted = type_from_ast(self.schema, condition)
        if isinstance(wanted, GraphQLInterfaceType | GraphQLUnionType):
            return self.schema.is_sub_type(wanted, parent)
        return wanted is parent

    def _step(
        self,
        parent: GraphQLObjectType,
        key: str,
        nodes: list[FieldNode],
        fragments: Mapping[str, FragmentDefinitionNode],
    ) -> Step:
        node, name = nodes[0], nodes[0].name.value
        if name == "__typename":
            return Step(key, lambda *_: parent.name, None, None, False, _condition(node))
        field, nullable = parent.fields[name], not is_non_null_type(parent.fields[name].type)
        resolve = self.registry.get((parent.name, name)) or _attribute(parent.name, name, field)
        steps = None
        named = get_named_type(field.type)
        if not is_leaf_type(named):
            target = self.schema.type_map[self.concrete.get(named.name, named.name)]
            assert isinstance(target, GraphQLObjectType)
            below = [one.selection_set for one in nodes if one.selection_set]
            steps = self._steps(target, below, fragments)
        arguments = None
        if field.args:
            arguments = _arguments(field, node)
        return Step(key, resolve, arguments, steps, nullable, _condition(node))


def _arguments(field: GraphQLField, node: FieldNode) -> Callable[[Variables], dict[str, Any]]:
    return lambda variables: get_argument_values(field, node, variables)


def _condition(node: FieldNode) -> Callable[[Variables], bool] | None:
    """Whether @skip and @include let a field be; None when it carries neither."""
    if not node.directives:
        return None

    def wanted(variables: Variables) -> bool:
        skip = get_directive_values(Skip, node, variables) or {"if": False}
        include = get_directive_values(Include, node, variables) or {"if": True}
        return bool(include["if"]) and not skip["if"]

    return wanted


def _attribute(type_name: str, name: str, field: GraphQLField) -> Resolver:
    """Resolver for a field that is an attribute, or an empty value where nothing is played."""
    if type_name in {"Query", "Mutation", "Subscription"}:

        def refuse(*_: Any) -> Any:
            raise StashError(f"the Stash stand-in does not play {type_name}.{name}")

        return refuse
    empty = _empty(field)
    return lambda source, _arguments, _context: getattr(source, name, empty)


def _empty(field: GraphQLField) -> Any:
    """What an unset field of this type reads as."""
    if not isinstance(field.type, GraphQLNonNull):
        return None
    inner = get_nullable_type(field.type)
    if is_list_type(inner):
        return []
    kinds = {"Boolean": False, "Int": 0, "Float": 0, "Int64": 0, "Map": {}, "String": "", "ID": "0"}
    return kinds.get(get_named_type(field.type).name)


def run_steps(steps: Sequence[Step], source: Any, variables: Variables, context: Any) -> Any:
    """What a selection yields for one object."""
    reply: dict[str, Any] = {}
    for step in steps:
        if step.wanted is None or step.wanted(variables):
            arguments = step.arguments(variables) if step.arguments else {}
            value = step.resolve(source, arguments, context)
            reply[step.key] = complete(step, value, variables, context)
    return reply


def complete(step: Step, value: Any, variables: Variables, context: Any) -> Any:
    """A resolved value as the reply carries it."""
    if step.steps is None or value is None:
        return value
    if isinstance(value, list | tuple):
        return [run_steps(step.steps, one, variables, context) for one in value if one is not None]
    return run_steps(step.steps, value, variables, context)


def run_operation(
    steps: Sequence[Step], variables: Variables, context: Any
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Run the top level of an operation; give its data and its errors."""
    data: dict[str, Any] | None = {}
    errors: list[dict[str, Any]] = []
    for step in steps:
        if step.wanted is not None and not step.wanted(variables):
            continue
        try:
            arguments = step.arguments(variables) if step.arguments else {}
            value = complete(step, step.resolve(None, arguments, context), variables, context)
        except StashError as error:
            errors.append({"message": str(error), "path": [step.key]})
            value = None
            if not step.nullable:
                data = None
        if data is not None:
            data[step.key] = value
    return data, errors


def input_names(schema: GraphQLSchema, name: str) -> tuple[str, ...]:
    """The keys of an input type of this schema; none if it does not have the type."""
    kind = schema.type_map.get(name)
    return tuple(kind.fields) if isinstance(kind, GraphQLInputObjectType) else ()
