"""A JSON Schema (2020-12) of specs, from the installed parts, so that an editor completes them and marks mistakes.

A spec without `base` says everything that has no default. One with `base` says what it changes: there nothing is
required, and a slot without `use` may be any part that fits. What differs between the two is defined twice.
"""

import typing
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, Literal

import annotated_types as at

from gnm_core.class_source import Unreadable
from gnm_core.contracts import Contract, Default, Schedule
from gnm_core.dims import Dims
from gnm_core.errors import PluginError
from gnm_core.registry import Entry, Registry
from gnm_core.schema import Spec
from gnm_core.signatures import signature_of
from gnm_core.spec.annotations import (
    MISSING,
    Argument,
    arguments_of,
    fixed_of,
    is_contract,
    is_named,
    is_record,
    item_of,
    members_of,
    strip,
    values_of,
)
from gnm_core.spec.bases import BASE
from gnm_core.spec.checker import LINE

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Json = dict[str, Any]
_PLAIN = {int: "integer", float: "number", bool: "boolean", str: "string", Path: "string", type(None): "null"}


@dataclass(frozen=True)
class SpecSchema:
    """The schema, and what it had to leave out."""

    schema: Json
    left_out: tuple[str, ...]
    """Parts that cannot be loaded, each with the cause."""


def spec_schema(registry: Registry) -> SpecSchema:
    """The schema of every spec that the parts of a registry can fill; imports all of them."""
    parts, left_out = {}, []
    for key, entry in registry.parts.items():
        try:
            arguments_of(cls := entry.load())
        except PluginError as error:
            left_out.append(str(error))
        else:
            parts[key] = (entry, cls)
    schemas = _Schemas(parts)
    whole = schemas.record(Spec, changes=False)
    changes = schemas.record(Spec, changes=True)
    base = {"type": ["string", "null"], "description": "The spec that this one changes: a file, or a shipped spec."}
    for schema in (whole, changes):
        schema["properties"] = {BASE: base, **schema["properties"]}
    packages = dict.fromkeys(str(plugin.provider) for plugin in registry.plugins if not plugin.failure)
    top = {
        "$schema": DIALECT,
        "title": "A spec of gnm",
        "$comment": f"made by `gnm parts --schema` from {', '.join(packages)}",
        "if": {"required": [BASE], "properties": {BASE: {"type": "string"}}},
        "then": _ref("changes"),
        "else": _ref("whole"),
        "$defs": {"whole": whole, "changes": changes, **schemas.definitions},
    }
    return SpecSchema(top, tuple(left_out))


@dataclass
class _Schemas:
    """Makes the definitions of parts and slots, each once."""

    parts: Mapping[tuple[str, str], tuple[Entry, type[Contract]]]
    definitions: dict[str, Json] = field(default_factory=dict)
    _slots: dict[tuple[type, Default | None, bool], str] = field(default_factory=dict)

    def of(self, annotation: Any, changes: bool) -> Json:  # noqa: PLR0911 (one form a return)
        """The schema of an annotated type."""
        inner, metadata = strip(annotation)
        if len(members := members_of(inner)) > 1:
            return _any([self.of(typing.Annotated[(m, *metadata)] if metadata else m, changes) for m in members])
        if is_contract(inner):
            default = next((item for item in metadata if isinstance(item, Default)), None)
            return _ref(self.slot(inner, default, changes))
        if is_record(inner):
            return self.record(inner, changes)
        if (values := values_of(inner)) is not None:
            return {"type": "object", "additionalProperties": self.of(values, changes)}
        if (item := item_of(inner)) is not None:
            one = self.of(item, changes)
            lengths = _lengths(metadata)
            several = {"type": "array", "items": one, **lengths}
            forms = [several] if lengths.get("minItems", 0) > 1 else [one, several]
            if changes and is_named(item):  # what changes, by name
                forms.append({"type": "object", "additionalProperties": _any([one, {"type": "null"}])})
            return _any(forms) if len(forms) > 1 else several
        if (fixed := fixed_of(inner)) is not None:
            each = [self.of(member, changes) for member in fixed]
            several = {"type": "array", "prefixItems": each, "items": False, "minItems": len(each)}
            return _any([each[0], several]) if len(each) == 1 else several
        if typing.get_origin(inner) is Literal:
            return {"enum": list(typing.get_args(inner))}
        kind = _PLAIN.get(inner)
        return {"type": kind, **dict(_ranges(metadata))} if kind else {}

    def record(self, cls: type, changes: bool) -> Json:
        """A group of options, or the top of a spec."""
        return self._object(cls, list(arguments_of(cls).values()), changes)

    def slot(self, contract: type[Contract], default: Default | None, changes: bool) -> str:
        """The name of the definition of a slot."""
        key = (contract, default, changes)
        if key not in self._slots:
            told = f"{contract.__name__}, {default.name} by default" if default else contract.__name__
            name = f"{told}, changed" if changes else told
            while name in self.definitions:  # contracts of one name in two packages, or other options of a default
                name += "'"
            self._slots[key] = name
            self.definitions[name] = {}  # slots nest: a part may have one of its own kind
            self.definitions[name] = self._slot(contract, default, changes)
        return self._slots[key]

    def _slot(self, contract: type[Contract], default: Default | None, changes: bool) -> Json:
        fitting = {name: cls for (_, name), (_, cls) in self.parts.items() if issubclass(cls, contract)}
        names = [name for name, cls in fitting.items() if changes or not _required(cls)]
        forms: list[Json] = [{"enum": names}, self._mapping(contract, fitting, default, changes)]
        if issubclass(contract, Schedule):
            forms.insert(0, {"type": "number"})
        return {"description": f"{contract.kind}: {contract.describes}", **_any(forms)}

    def _mapping(
        self, contract: type[Contract], fitting: Mapping[str, type[Contract]], default: Default | None, changes: bool
    ) -> Json:
        """{use: name, option: ...}, and the forms that go without `use`."""
        named = [
            {
                "if": {"required": ["use"], "properties": {"use": {"const": name}}},
                "then": _ref(self.part(contract.kind, name, changes)),
            }
            for name in fitting
        ]
        forms: list[Json] = []
        if issubclass(contract, Schedule) and "linear" in fitting:
            line = _ref(self.part(contract.kind, "linear", changes))
            forms.append({**line, "required": ["from", "to"], "propertyNames": {"enum": sorted(LINE)}})
        if changes:
            forms += [_ref(self.part(contract.kind, name, changes)) for name in fitting]
        elif default is not None and default.name in fitting:
            said = {name.removesuffix("_") for name, _ in default.options}
            missing = [key for key in _required(fitting[default.name]) if key not in said]
            forms.append({**_ref(self.part(contract.kind, default.name, True)), "required": missing})
        return {
            "type": "object",
            "properties": {"use": {"description": f"Name of the {contract.kind}.", "enum": list(fitting)}},
            "allOf": named,
            **({"anyOf": [{"required": ["use"]}, *forms]} if forms else {"required": ["use"]}),
        }

    def part(self, kind: str, name: str, changes: bool) -> str:
        """The name of the definition of a part."""
        entry, cls = self.parts[kind, name]
        key = f"{kind} {name}"
        if changes:
            key += ", changed"
        if key not in self.definitions:
            self.definitions[key] = {}
            arguments = [a for a in arguments_of(cls).values() if strip(a.annotation)[0] is not Dims]
            schema = self._object(cls, arguments, changes)
            schema["properties"] = {"use": {"const": entry.name}, **schema["properties"]}
            self.definitions[key] = schema
        return key

    def _object(self, cls: type, arguments: list[Argument], changes: bool) -> Json:
        told = _told(cls)
        properties = {}
        for argument in arguments:
            schema = self.of(argument.annotation, changes)
            if changes:  # null takes back what the base says
                schema = _any([schema, {"type": "null"}])
            if help := told.get(argument.key):
                schema = {"description": help, **schema}
            properties[argument.key] = {**schema, **_default(argument)}
        described = {"description": told[""]} if told.get("") else {}
        required = [a.key for a in arguments if not changes and _is_required(a)]
        needs = {"required": required} if required else {}
        return {"type": "object", **described, "properties": properties, **needs, "additionalProperties": False}


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name.replace(' ', '%20')}"}


def _any(forms: list[Json]) -> Json:
    flat = [inner for form in forms for inner in (form["anyOf"] if form.keys() == {"anyOf"} else [form])]
    return {"anyOf": [form for i, form in enumerate(flat) if form not in flat[:i]]}


def _told(cls: type) -> dict[str, str]:
    """What the source says: of the class under "", of each option under its name."""
    try:
        found = signature_of(cls)
    except Unreadable:
        return {}
    return {"": found.summary, **{option.name: option.help for option in found.options}}


def _required(cls: type) -> list[str]:
    return [a.key for a in arguments_of(cls).values() if _is_required(a) and strip(a.annotation)[0] is not Dims]


def _is_required(argument: Argument) -> bool:
    inner, metadata = strip(argument.annotation)
    has_default = argument.default is not MISSING or any(isinstance(item, Default) for item in metadata)
    return not has_default and not is_record(inner)


def _default(argument: Argument) -> Json:
    """What holds where the option is left out, as an editor would write it."""
    _, metadata = strip(argument.annotation)
    part = next((item for item in metadata if isinstance(item, Default)), None)
    if part is not None:
        options = {name.removesuffix("_"): _plain(value) for name, value in part.options}
        return {"default": {"use": part.name, **options} if options else part.name}
    return {} if argument.default is MISSING else {"default": _plain(argument.default)}


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    match value:
        case Path():
            return str(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case tuple() | list():
            return [_plain(item) for item in value]
    return value


def _ranges(metadata: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    for item in metadata:
        match item:
            case at.Ge(ge=limit):
                yield "minimum", limit
            case at.Gt(gt=limit):
                yield "exclusiveMinimum", limit
            case at.Le(le=limit):
                yield "maximum", limit
            case at.Lt(lt=limit):
                yield "exclusiveMaximum", limit
            case at.MultipleOf(multiple_of=step):
                yield "multipleOf", step
            case at.MinLen(min_length=limit):
                yield "minLength", limit
            case at.MaxLen(max_length=limit):
                yield "maxLength", limit
            case at.GroupedMetadata():
                yield from _ranges(tuple(item))


def _lengths(metadata: tuple[Any, ...]) -> Json:
    found = dict(_ranges(metadata))
    names = {"minLength": "minItems", "maxLength": "maxItems"}
    return {names[key]: value for key, value in found.items() if key in names}
