"""What others build on, a line each: public names, hooks, contracts, registering methods, parts with their options.

`python tests/surface.py` shows what has changed since `tests/surface.txt` was written; `--write` writes it anew, once
every change is in the changelog.
"""

import argparse
import hashlib
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path

import gnm_baselines
import gnm_core
import gnm_data
from gnm_core import hookspecs
from gnm_core.contract import Contract
from gnm_core.offers import our_packages
from gnm_core.plugins import installed
from gnm_core.registry import Register
from gnm_core.signatures import signature_of

ROOT = Path(__file__).parents[1]
RECORD, CHANGELOG = ROOT / "tests" / "surface.txt", ROOT / "CHANGELOG.md"
PACKAGES = {"": gnm_core, "gnm_data.": gnm_data, "gnm_baselines.": gnm_baselines}
"""What has public names, and how a name of theirs begins here."""
ENTRY = "changelog "
"""Begins a line that stands for an entry of the changelog that was there already."""


@dataclass(frozen=True)
class Change:
    """A line of the surface that is new or gone."""

    line: str
    gone: bool

    @property
    def names(self) -> list[str]:
        """What a changelog entry may call it: the names in front of its description."""
        said = re.split(r"[ .]", self.line.partition(":")[0].partition("(")[0])[1:]
        return [name for name in said if name and f"{name}." not in PACKAGES]

    def __str__(self) -> str:
        return f"{'-' if self.gone else '+'} {self.line}"


def surface() -> list[str]:
    """All of it, sorted."""
    return sorted({*_names(), *_hooks(), *_contracts(), *_methods(), *_parts()})


def recorded() -> tuple[list[str], set[str]]:
    """The surface as it was written down, and the changelog's entries that were there then."""
    lines = RECORD.read_text(encoding="utf-8").splitlines()
    entries = {line.removeprefix(ENTRY) for line in lines if line.startswith(ENTRY)}
    return [line for line in lines if not line.startswith((ENTRY, "#"))], entries


def changes(now: list[str], then: list[str]) -> list[Change]:
    """What is new, and what is gone."""
    new = [Change(line, False) for line in now if line not in set(then)]
    return new + [Change(line, True) for line in then if line not in set(now)]


def entries(changelog: str) -> dict[str, str]:
    """Checksum to text of each entry of the topmost version."""
    top = re.split(r"^## ", changelog, flags=re.MULTILINE)[1]
    texts = [" ".join(text.split()) for text in re.split(r"^- ", top, flags=re.MULTILINE)[1:]]
    return {hashlib.sha256(text.encode()).hexdigest()[:12]: text for text in texts}


def untold(found: list[Change], known: set[str], changelog: str) -> list[Change]:
    """The changes that no new entry of the changelog names."""
    new = " ".join(text for key, text in entries(changelog).items() if key not in known)
    return [change for change in found if not any(_named(name, new) for name in change.names)]


def _named(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def _names() -> Iterator[str]:
    for name, value in _offered():
        yield f"name {name}"
        if is_dataclass(value) and isinstance(value, type):
            for field in fields(value):
                required = field.default is MISSING and field.default_factory is MISSING
                yield f"field {name}.{field.name}: {field.type}{', required' if required else ''}"
        elif inspect.isfunction(value):
            yield f"function {name}{inspect.signature(value)}"


def _offered() -> Iterator[tuple[str, object]]:
    for package, module in PACKAGES.items():
        yield from ((f"{package}{name}", getattr(module, name)) for name in module.__all__)


def _hooks() -> Iterator[str]:
    for name, value in vars(hookspecs).items():
        if name.startswith("gnm_") and inspect.isfunction(value):
            yield f"hook {name}({', '.join(inspect.signature(value).parameters)})"


def _contracts() -> Iterator[str]:
    for label, contract in _offered():
        if not (isinstance(contract, type) and issubclass(contract, Contract)):
            continue
        for base in (base for base in contract.__mro__ if base.__module__.startswith("gnm_")):
            for name, annotation in vars(base).get("__annotations__", {}).items():
                yield f"contract {label}.{name}: {annotation}"
            for name, value in vars(base).items():
                if inspect.isfunction(value) and (not name.startswith("_") or name in {"__call__", "__len__"}):
                    needed = ", required" if getattr(value, "__isabstractmethod__", False) else ""
                    yield f"contract {label}.{name}{inspect.signature(inspect.unwrap(value))}{needed}"


def _methods() -> Iterator[str]:
    for name, value in vars(Register).items():
        if inspect.isfunction(value) and not name.startswith("_"):
            yield f"register {name}({', '.join(list(inspect.signature(value).parameters)[1:])})"


def _parts() -> Iterator[str]:
    for entry in installed().parts.values():
        if entry.provider.distribution in our_packages():
            yield f"part {entry.kind} {entry.name}"
            for option in signature_of(entry.target).options:
                default = "required" if option.default is None else f"default {option.default}"
                yield f"option {entry.kind} {entry.name} {option.name}: {option.type}; {default}"


def main() -> int:
    """Show what has changed, or write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the surface down as it is now")
    write = parser.parse_args().write
    changelog, now = CHANGELOG.read_text(encoding="utf-8"), surface()
    then, known = recorded() if RECORD.exists() else (now, set[str]())
    found = changes(now, then)
    missing = untold(found, known, changelog)
    for change in found:
        print(f"{change}{'   (in no new entry of CHANGELOG.md)' if change in missing else ''}")
    if missing or not write:
        return int(bool(missing))
    noted = [f"{ENTRY}{key}" for key in entries(changelog)]
    head = "# What others build on, as tests/surface.py wrote it down; docs/stability.md says what that promises."
    RECORD.write_text("\n".join([head, *now, *noted]) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
