"""What the packages of this project offer, so that one that is not installed can be named.

Every package registers its parts at the hook; this table is written from there, never by hand (`make offers`).
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from gnm_core.registry import Registry

TABLE = Path(__file__).with_name("offers.json")

Offers = Mapping[str, Mapping[str, list[str]]]
"""Distribution to kind to names."""


@cache
def offers() -> Offers:
    """The table, in the order in which the packages go."""
    table: Offers = json.loads(TABLE.read_text(encoding="utf-8"))
    return table


def our_packages() -> tuple[str, ...]:
    """The packages of this project, first things first: nobody can take a name from them."""
    return ("gnm-core", *offers())


def packages_with(kind: str, name: str) -> list[str]:
    """The packages of this project that have this part, installed or not."""
    return [package for package, kinds in offers().items() if name in kinds.get(kind, ())]


def offered_by(registry: Registry, packages: Iterable[str]) -> Offers:
    """What some packages offer, as they register it."""
    table: dict[str, dict[str, list[str]]] = {package: {} for package in packages}
    for entry in registry.parts.values():
        if entry.provider.distribution in table:
            table[entry.provider.distribution].setdefault(entry.kind, []).append(entry.name)
    return table


def text_of(table: Offers) -> str:
    """The table as its file has it: a line for each kind of each package."""
    blocks = []
    for package, kinds in table.items():
        lines = ",\n".join(f"    {json.dumps(kind)}: {json.dumps(sorted(names))}" for kind, names in kinds.items())
        blocks.append(f"  {json.dumps(package)}: {{\n{lines}\n  }}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"
