"""Where a spec stands: a file, or a name that an installed package ships a spec under."""

import os.path
from pathlib import Path

from gnm_core.errors import Problem, SpecError
from gnm_core.registry import Registry
from gnm_core.spec.nodes import Place
from gnm_core.suggestions import did_you_mean


def locate(source: str | Path, registry: Registry, place: Place | None = None) -> Path:
    """The file of a spec.

    Args:
        source: a path, or the name of a shipped spec. A file goes before a name.
        registry: knows the shipped specs.
        place: where a spec names it as its base; None where a person does.

    Raises:
        SpecError: there is neither such a file nor a shipped spec of this name.
    """
    text, path = str(source), Path(source)
    if place is not None:
        path = (place.folder or Path()) / os.path.expanduser(text)
    shipped = registry.specs.get(text)
    if shipped is not None and not os.path.isfile(path):
        return shipped.path
    if os.path.lexists(path):
        return path
    message, hint = "no such file", did_you_mean(path.name, _neighbours(path))
    if path.name == text and path.suffix not in (".yaml", ".yml"):
        message += ", nor does an installed package ship a spec of this name"
        hint = did_you_mean(text, [*_neighbours(path), *registry.specs])
    elif hint is None and (namesake := registry.specs.get(path.stem)):
        hint = f"{namesake.provider} ships a spec '{namesake.name}': name it without folder and ending"
    if place is None:
        raise SpecError([Problem(message, source=text, hint=hint)])
    raise SpecError([Problem(f"{text!r}: {message}", "base", place.line, place.column, place.source, hint)])


def _neighbours(path: Path) -> list[str]:
    try:
        return sorted(found.name for found in path.parent.glob("*.y*ml"))
    except (OSError, ValueError):
        return []
