"""What the elements of a list go by in a dotted path: `train.stages.prior.steps`."""

from collections.abc import Sequence


def element_names(names: Sequence[object]) -> list[str]:
    """Each element's own name, where no other has it and a path can hold it, else its number.

    Args:
        names: the name of each element; None, or anything but text, where it has none.
    """
    return [str(name) if _tells(name, names) else str(i) for i, name in enumerate(names)]


def keys_of(items: Sequence[object]) -> list[str]:
    """The same of a plain list, whose mappings may have a `name`."""
    return element_names([item.get("name") if isinstance(item, dict) else None for item in items])


def by_names(path: str, whole: object) -> str:
    """A dotted path with the names that elements of lists go by: `train.stages.2.steps` to `train.stages.prior.steps`.

    Args:
        path: into `whole`; from where nothing stands it stays as it is.
        whole: plain mappings and lists.
    """
    here, keys = whole, path.split(".")
    for i, key in enumerate(keys):
        if isinstance(here, list):
            names = keys_of(here)
            index = int(key) if _is_number(key) else names.index(key) if key in names else len(here)
            if index >= len(here):
                break
            keys[i], here = names[index], here[index]
        elif isinstance(here, dict) and key in here:
            here = here[key]
        else:
            break
    return ".".join(keys)


def _tells(name: object, names: Sequence[object]) -> bool:
    if not (isinstance(name, str) and name) or _is_number(name):
        return False
    # A path is cut at dots, its value follows an equals sign, and keys of Python's own words lose their underscore.
    return not ({".", "="} & {*name} or name.endswith("_")) and names.count(name) == 1


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit()
