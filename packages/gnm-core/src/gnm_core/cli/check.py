"""`gnm check`: try every law of their contracts on the parts of a package."""

from collections.abc import Iterator
from dataclasses import dataclass

import click

from gnm_core.cli.completing import kinds, names_of_kind, packages
from gnm_core.cli.layout import wrapped
from gnm_core.cli.output import print_json
from gnm_core.errors import GnmError
from gnm_core.plugins import installed
from gnm_core.registry import Entry
from gnm_core.suggestions import did_you_mean


@dataclass(frozen=True)
class Finding:
    """What came of one law on one part."""

    part: str
    contract: str
    law: str
    outcome: str
    """`kept`, `broken`, `silent` (it says nothing about the part) or `unbuilt`."""
    message: str = ""


@click.command()
@click.argument("package", shell_complete=packages)
@click.option("--kind", shell_complete=kinds, help="Parts of this kind only, such as prior.")
@click.option("--name", shell_complete=names_of_kind, help="The part of this name only.")
@click.option("--set", "overrides", multiple=True, metavar="OPTION=VALUE", help="An option of the parts; see --name.")
@click.option("--size", type=click.IntRange(8, 4096), default=32, show_default=True, help="Pixels a side.")
@click.option("--channels", type=click.IntRange(1, 64), default=1, show_default=True, help="Channels of images.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.pass_context
def check(
    ctx: click.Context,
    package: str,
    kind: str | None,
    name: str | None,
    overrides: tuple[str, ...],
    size: int,
    channels: int,
    as_json: bool,
) -> None:
    """Try every law of their contracts on the parts of PACKAGE, such as gnm-student-t; exit code 1 if one is broken.

    \b
    gnm check gnm-render
    gnm check gnm-core --kind prior --name mixture --set components=8

    A part that needs options is tried with --name and --set; in tests, with gnm_core.testing.parametrize_checks.
    """
    entries = _selected(package, kind, name)
    findings = []
    for entry in entries:
        for finding in _findings(entry, overrides, size, channels):
            findings.append(finding)
            if not as_json and finding.outcome in ("broken", "unbuilt"):
                click.echo(wrapped(f"{finding.part} as {finding.contract}: {finding.message}", hanging=4))
    if as_json:
        print_json([vars(finding) for finding in findings])
    else:
        click.echo("\n".join(_table(findings)))
    ctx.exit(1 if any(finding.outcome in ("broken", "unbuilt") for finding in findings) else 0)


def _selected(package: str, kind: str | None, name: str | None) -> list[Entry]:
    registry = installed()
    packages = list(dict.fromkeys(plugin.provider.distribution for plugin in registry.plugins))
    if package not in packages:
        near = did_you_mean(package, packages) or f"packages: {', '.join(packages)}"
        raise GnmError(f"no plugin comes from a package '{package}'; {near}")
    entries = [entry for entry in registry.parts.values() if entry.provider.distribution == package]
    chosen = [entry for entry in entries if kind in (None, entry.kind) and name in (None, entry.name)]
    if not chosen:
        told = ", ".join(f"{entry.kind} {entry.name}" for entry in entries) or "none"
        raise GnmError(f"{package} has no such part; its parts: {told}")
    return chosen


def _findings(entry: Entry, overrides: tuple[str, ...], size: int, channels: int) -> Iterator[Finding]:
    from dataclasses import replace

    import torch

    from gnm_core.errors import DataError, SpecError
    from gnm_core.spec.nodes import Scalar, Table, plain
    from gnm_core.spec.overrides import override
    from gnm_core.testing import ConformanceError, NotHere, checks_of, contracts_of
    from gnm_core.testing.bench import SMALL

    part = f"{entry.kind} {entry.name}"
    root = Table({entry.kind: Table({"use": Scalar(entry.name)})})
    override(root, [f"{entry.kind}.{text}" for text in overrides])
    said = root.nodes[entry.kind]
    options = {key: plain(node) for key, node in said.nodes.items() if key != "use"} if isinstance(said, Table) else {}
    for contract in contracts_of(entry.load()):
        checks = list(checks_of(contract, entry.name, replace(SMALL, size=size, channels=channels), options))
        try:
            with torch.device("meta"):
                checks[0].bench.build()
        except (SpecError, DataError) as error:
            yield Finding(part, contract.__name__, "", "unbuilt", " ".join(str(error).split()))
            continue
        for one in checks:
            try:
                one.try_it()
            except NotHere as why:
                yield Finding(part, contract.__name__, one.name, "silent", str(why))
            except ConformanceError as error:
                yield Finding(part, contract.__name__, one.name, "broken", str(error))
            else:
                yield Finding(part, contract.__name__, one.name, "kept")


def _table(findings: list[Finding]) -> Iterator[str]:
    rows = list(dict.fromkeys((finding.part, finding.contract) for finding in findings))
    wide = max(len(part) for part, _ in rows)
    deep = max(len(contract) for _, contract in rows)
    yield click.style(f"{'part':<{wide}}  {'contract':<{deep}}  kept  broken", bold=True)
    for part, contract in rows:
        mine = [finding.outcome for finding in findings if (finding.part, finding.contract) == (part, contract)]
        broken = "not built" if "unbuilt" in mine else str(mine.count("broken"))
        yield f"{part:<{wide}}  {contract:<{deep}}  {mine.count('kept'):>4}  {broken:>6}"
