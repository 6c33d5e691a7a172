"""`base: mnist-4.yaml`: a spec says only what it changes in another one."""

from pathlib import Path

from gnm_core.errors import Problem, SpecError
from gnm_core.registry import Registry
from gnm_core.spec.merging import Merging
from gnm_core.spec.nodes import Place, Scalar, Table, described
from gnm_core.spec.sources import locate
from gnm_core.spec.yaml import read_file

BASE = "base"
LONGEST = 16
"""Bases of bases."""


class Bases:
    """Puts a spec on top of its base, and that on its own.

    Args:
        registry: knows the shipped specs, and which class a part's name stands for.
        top: what stands at the top level of a spec.
    """

    def __init__(self, registry: Registry, top: type) -> None:
        self.registry, self.top = registry, top

    def unfold(self, node: Table, file: Path | None = None) -> Table:
        """The spec with everything that its bases say; `base` is gone.

        Args:
            node: a spec as it stands in its file.
            file: that file; None for what has none.

        Raises:
            SpecError: a base is missing, is no spec, or leads back to a spec that it is a base of.
        """
        chain, seen = [node], [file.resolve()] if file else []
        while (place := _base_of(chain[-1])) is not None:
            text, where = place
            path = locate(text, self.registry, where)
            if path.resolve() in seen:
                circle = " -> ".join(p.name for p in [*seen[seen.index(path.resolve()) :], path])
                raise _problem(f"goes in a circle: {circle}", where)
            if len(chain) > LONGEST:
                raise _problem(f"has more than {LONGEST} bases below it", where)
            seen.append(path.resolve())
            chain.append(read_file(path))
        whole, merging = chain.pop(), Merging(self.registry)
        while chain:
            merged = merging.merge(whole, chain.pop(), self.top)
            assert isinstance(merged, Table)
            whole = merged
        return Table({k: v for k, v in whole.nodes.items() if k != BASE}, whole.place, whole.keys)


def _base_of(node: Table) -> tuple[str, Place] | None:
    """What the spec names as its base, and where; None where it has none."""
    base = node.nodes.get(BASE, Scalar(None))
    if isinstance(base, Scalar) and base.value is None:
        return None
    if not (isinstance(base, Scalar) and isinstance(base.value, str) and base.value and "\0" not in base.value):
        raise _problem(f"{described(base)}; expected a spec file, or the name of a shipped spec", base.place)
    return base.value, base.place


def _problem(message: str, place: Place) -> SpecError:
    return SpecError([Problem(message, BASE, place.line, place.column, place.source)])
