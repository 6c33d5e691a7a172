"""What differs between two resolved specs, by the paths that `--set` takes."""

from collections.abc import Iterator

from gnm_core.element_names import keys_of


def differences(ours: object, theirs: object, path: str = "") -> Iterator[tuple[str, object, object]]:
    """(path, value here, value there) of all that differs; `None` where a side has nothing.

    Elements of a list go by their names where all have one (`train.stages.prior.steps`), else, and where one is called
    otherwise, by their numbers as long as there are as many of them; a list of plain values is a value. So is a mapping
    below the spec itself that has other keys than its counterpart, as a part has that was chosen instead of another.

    Args:
        ours: a resolved spec, or what stands at `path` of it.
        theirs: the same of another one.
        path: where both stand; empty for whole specs.
    """
    if isinstance(ours, dict) and isinstance(theirs, dict) and (not path or ours.keys() == theirs.keys()):
        for key in dict.fromkeys([*ours, *theirs]):
            yield from differences(ours.get(key), theirs.get(key), _below(path, key))
    elif isinstance(ours, list) and isinstance(theirs, list) and (pairs := _pairs(ours, theirs)) is not None:
        for key, one, other in pairs:
            yield from differences(one, other, _below(path, key))
    elif ours != theirs or type(ours) is not type(theirs):
        yield path, ours, theirs


def _below(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _pairs(ours: list[object], theirs: list[object]) -> list[tuple[object, object, object]] | None:
    """(name or number, element here, element there); None where the lists are to be compared as values."""
    here, there = _named(ours), _named(theirs)
    if here and there and (len(here) != len(there) or here.keys() == there.keys()):
        # Their order is part of what a list says.
        if [name for name in here if name in there] != [name for name in there if name in here]:
            return None
        return [(name, here.get(name), there.get(name)) for name in dict.fromkeys([*here, *there])]
    if len(ours) != len(theirs) or not all(isinstance(item, dict) for item in [*ours, *theirs]):
        return None
    return [(number, one, other) for number, (one, other) in enumerate(zip(ours, theirs, strict=True))]


def _named(items: list[object]) -> dict[str, object]:
    """The elements by their names; empty where they go by their numbers."""
    keys = keys_of(items)
    named = all(isinstance(item, dict) and item.get("name") == key for item, key in zip(items, keys, strict=True))
    return dict(zip(keys, items, strict=True)) if named else {}
