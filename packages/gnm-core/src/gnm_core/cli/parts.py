"""`gnm parts`: what a spec can name. Reads source texts only; no part is imported."""

import gc
from collections.abc import Iterator
from typing import Any

import click

from gnm_core.class_source import Unreadable
from gnm_core.cli.completing import kinds, names_of_kind
from gnm_core.cli.layout import paragraphs, wrapped
from gnm_core.cli.output import print_json
from gnm_core.errors import GnmError
from gnm_core.plugins import installed
from gnm_core.registry import Entry
from gnm_core.signatures import Option, Signature, signature_of
from gnm_core.suggestions import did_you_mean


@click.command()
@click.argument("kind", required=False, shell_complete=kinds)
@click.argument("name", required=False, shell_complete=names_of_kind)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.option("--schema", is_flag=True, help="Write the JSON Schema of specs, for an editor.")
def parts(kind: str | None, name: str | None, as_json: bool, schema: bool) -> None:
    """List the parts that a spec can name: all, those of one KIND, or one in full.

    \b
    gnm parts
    gnm parts core structdraw
    gnm parts --schema > gnm.schema.json

    The schema is of everything that is installed; an editor that knows it completes specs and marks mistakes.
    """
    if schema:
        _print_schema(kind)
        return
    gc.disable()  # syntax trees by the thousand and no garbage among them: searching takes a third of the time
    try:
        entries = _selected(kind, name)
        if as_json:
            print_json([_as_data(entry) for entry in entries])
        else:
            click.echo("\n".join(_listed(entries) if name is None else _shown(entries[0])))
    finally:
        gc.freeze()
        gc.enable()


def _print_schema(kind: str | None) -> None:
    if kind is not None:
        raise click.UsageError("--schema is of whole specs: give no KIND")
    from gnm_core.spec.json_schema import spec_schema

    found = spec_schema(installed())
    for cause in found.left_out:
        click.echo(f"gnm: not in the schema: {cause}", err=True)
    print_json(found.schema, indent=1)


def _selected(kind: str | None, name: str | None) -> list[Entry]:
    registry = installed()
    if kind is None:
        return [entry for known in registry.kinds for entry in registry.of_kind(known)]
    if kind not in registry.kinds:
        near = did_you_mean(kind, registry.kinds) or f"kinds: {', '.join(registry.kinds)}"
        raise GnmError(f"there is no kind of part '{kind}'; {near}")
    if name is None:
        return registry.of_kind(kind)
    entry = registry.find(kind, name)
    if entry is None:
        names = [known.name for known in registry.of_kind(kind)]
        raise GnmError(f"no {kind} is named '{name}'; {did_you_mean(name, names) or 'known: ' + ', '.join(names)}")
    return [entry]


def _as_data(entry: Entry) -> dict[str, Any]:
    data: dict[str, Any] = {
        "kind": entry.kind,
        "name": entry.name,
        "package": entry.provider.distribution,
        "version": entry.provider.version,
        "target": _target(entry),
    }
    try:
        found = signature_of(entry.target)
    except Unreadable as error:
        return {**data, "error": str(error)}
    options = [
        {
            "name": o.name,
            "type": o.type,
            "required": o.default is None,
            "default": o.default,
            "slot": o.slot,
            "help": o.help,
        }
        for o in found.options
    ]
    return {**data, "contracts": list(found.contracts), "summary": found.summary, "doc": found.doc, "options": options}


def _listed(entries: list[Entry]) -> Iterator[str]:
    """The lines of the list."""
    kind = None
    for entry in entries:
        if entry.kind != kind:
            yield ("" if kind is None else "\n") + click.style(entry.kind, bold=True)
            kind = entry.kind
        yield f"  {click.style(entry.name, fg='cyan')} ({entry.provider})"
        try:
            found = signature_of(entry.target)
        except Unreadable as error:
            yield wrapped(f"cannot be read: {error}", "    ")
            continue
        yield wrapped(found.summary, "    ")
        wide = max((len(option.name) for option in found.options), default=0)
        for option in found.options:
            yield wrapped(_terms(option), f"      {option.name:<{wide}}  ")


def _terms(option: Option) -> str:
    return f"{option.type}; {'required' if option.default is None else f'default {option.default}'}"


def _shown(entry: Entry) -> Iterator[str]:
    """The lines about one part."""
    try:
        found = signature_of(entry.target)
    except Unreadable as error:
        raise GnmError(f"{entry}: {error}") from None
    yield click.style(f"{entry.kind} {entry.name}", bold=True)
    yield wrapped(f"{entry.provider}, {_target(entry)}")
    if found.contracts:
        yield wrapped(f"{' and '.join(found.contracts)}: {found.describes}")
    yield ""
    yield paragraphs(_without_args(found))
    if found.options:
        yield "\n" + click.style("Options", bold=True)
    for option in found.options:
        yield wrapped(_terms(option), f"  {option.name}  ", 6)
        if option.help:
            yield wrapped(option.help, "      ")
    yield "\n" + click.style("In a spec", bold=True)
    needed = "".join(f", {option.name}: ..." for option in found.options if option.default is None)
    yield wrapped(f"{entry.kind}: {{use: {entry.name}{needed}}}" if needed else f"{entry.kind}: {entry.name}", "  ", 4)


def _without_args(found: Signature) -> str:
    """The docstring, without the section that the list of options replaces."""
    lines, skipping = [], False
    for line in found.doc.splitlines():
        if line.strip() in ("Args:", "Attributes:"):
            skipping = True
        elif skipping and line and not line.startswith(" "):
            skipping = False
        if not skipping:
            lines.append(line)
    return "\n".join(lines).strip()


def _target(entry: Entry) -> str:
    """`module:Class`."""
    target = entry.target
    return target if isinstance(target, str) else f"{target.__module__}:{target.__qualname__}"
