"""What a constructor's annotations say: arguments, contracts, ranges; and the same in words."""

import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import annotated_types as at

from gnm_core.contracts import Contract
from gnm_core.errors import PluginError
from gnm_core.printable import said_by

MISSING: Any = inspect.Parameter.empty


class Argument(typing.NamedTuple):
    """One constructor argument."""

    name: str
    """As Python spells it (`from_`)."""
    annotation: Any
    default: Any
    """`MISSING` where there is none."""

    @property
    def key(self) -> str:
        """As a spec spells it (`from`)."""
        return self.name.removesuffix("_")


@cache
def arguments_of(cls: type) -> dict[str, Argument]:
    """The constructor's arguments by their keys in a spec; `**rest` stands for those of the class above.

    Raises:
        PluginError: an argument has no annotation, or annotations that cannot be evaluated.
    """
    arguments: dict[str, Argument] = {}
    for base in cls.__mro__:
        constructor = vars(base).get("__init__")
        if constructor is None:
            continue
        try:
            hints = typing.get_type_hints(constructor, include_extras=True)
            parameters = list(inspect.signature(constructor).parameters.values())[1:]
        except Exception as error:
            raise PluginError(
                f"the signature of {base.__module__}.{base.__qualname__} cannot be read: {said_by(error)}"
            ) from error
        found = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        for parameter in found:
            if parameter.name not in hints:
                raise PluginError(
                    f"{base.__module__}.{base.__qualname__}: argument '{parameter.name}' has no annotation"
                )
            argument = Argument(parameter.name, hints[parameter.name], parameter.default)
            arguments.setdefault(argument.key, argument)
        if not (issubclass(base, Contract) and any(p.kind is p.VAR_KEYWORD for p in parameters)):
            break
    return arguments


def strip(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """`Annotated[X, a, b]` to (X, (a, b)); anything else to (itself, ())."""
    if typing.get_origin(annotation) is Annotated:
        inner, outer = strip(annotation.__origin__)
        return inner, (*outer, *annotation.__metadata__)
    return annotation, ()


def members_of(annotation: Any) -> tuple[Any, ...]:
    """The members of a union; of anything else, itself."""
    if typing.get_origin(annotation) in (Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def is_contract(annotation: Any) -> bool:
    """Whether the annotation is a slot's contract."""
    return isinstance(annotation, type) and issubclass(annotation, Contract)


def is_record(annotation: Any) -> bool:
    """Whether the annotation is a dataclass of options."""
    return isinstance(annotation, type) and is_dataclass(annotation) and not is_contract(annotation)


def is_named(annotation: Any) -> bool:
    """Whether the annotation is a dataclass of options with a `name`, which tells one of several from the others."""
    return is_record(annotation) and "name" in arguments_of(annotation)


def item_of(annotation: Any) -> Any:
    """The element type of `tuple[X, ...]`, `list[X]` or `Sequence[X]`; None for anything else."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return args[0]
    return args[0] if origin in (list, Sequence) else None


def fixed_of(annotation: Any) -> tuple[Any, ...] | None:
    """The element types of `tuple[X, Y]`; None for anything else."""
    args = typing.get_args(annotation)
    return args if typing.get_origin(annotation) is tuple and Ellipsis not in args else None


def values_of(annotation: Any) -> Any:
    """The value type of `dict[str, X]` or `Mapping[str, X]`; None for anything else."""
    return typing.get_args(annotation)[1] if typing.get_origin(annotation) in (dict, Mapping) else None


def is_leaf(annotation: Any) -> bool:
    """Whether the annotation is one plain value."""
    inner, _ = strip(annotation)
    if typing.get_origin(inner) in (Union, types.UnionType):
        return all(is_leaf(member) for member in members_of(inner))
    structured = (item_of(inner), fixed_of(inner), values_of(inner))
    return not (is_contract(inner) or is_record(inner) or inner is Path or any(s is not None for s in structured))


def describe(annotation: Any) -> str:
    """The annotation in words: "an integer of at least 1"."""
    inner, metadata = strip(annotation)
    if len(members_of(inner)) > 1:
        words = " or ".join(dict.fromkeys(describe(member) for member in members_of(inner)))
    elif is_contract(inner):
        words = with_article(inner.kind)
    elif is_record(inner):
        words = f"a mapping ({inner.__name__})"
    elif (item := item_of(inner)) is not None:
        words = f"a list, each {describe(item)}"
    elif (fixed := fixed_of(inner)) is not None:
        words = f"a list of {len(fixed)}: " + ", ".join(describe(member) for member in fixed)
    elif (values := values_of(inner)) is not None:
        words = f"a mapping, each value {describe(values)}"
    else:
        words = _leaf_words(inner)
    limits = " and ".join(_limits(metadata))
    return f"{words} {limits}" if limits else words


def with_article(noun: str) -> str:
    """ "an encoder", "a core"."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


_WORDS: dict[Any, str] = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "text",
    Path: "a path",
    None: "null",
    type(None): "null",
}


def _leaf_words(annotation: Any) -> str:
    if typing.get_origin(annotation) is Literal:
        choices = typing.get_args(annotation)
        quoted = ", ".join(repr(choice) for choice in choices)
        return quoted if len(choices) == 1 else f"one of {quoted}"
    return _WORDS.get(annotation) or str(getattr(annotation, "__name__", annotation))


def _limits(metadata: tuple[Any, ...]) -> list[str]:
    words = []
    for item in metadata:
        match item:
            case at.Ge(ge=low):
                words.append(f"of at least {low}")
            case at.Gt(gt=low):
                words.append(f"above {low}")
            case at.Le(le=high):
                words.append(f"of at most {high}")
            case at.Lt(lt=high):
                words.append(f"below {high}")
            case at.MultipleOf(multiple_of=step):
                words.append(f"that is a multiple of {step}")
            case at.MinLen(min_length=low):
                words.append(f"with at least {low} element{'s' if low != 1 else ''}")
            case at.MaxLen(max_length=high):
                words.append(f"with at most {high} element{'s' if high != 1 else ''}")
            case at.Predicate(func=func):
                words.append(f"such that {getattr(func, '__name__', 'a condition')} holds")
            case at.GroupedMetadata():
                words += _limits(tuple(item))
    return words
