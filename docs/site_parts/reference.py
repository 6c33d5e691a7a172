"""Writes docs/reference/: parts, specs and commands, as the registry of this environment has them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from gnm_core.class_source import Unreadable
from gnm_core.cli import main
from gnm_core.contracts import Contract
from gnm_core.plugins import installed
from gnm_core.registry import Entry
from gnm_core.signatures import Option, signature_of
from gnm_core.spec.json_schema import spec_schema
from sphinx.application import Sphinx


def write_reference(app: Sphinx) -> None:
    """Write every page; what is as it was is left alone, so that it is not built again."""
    folder = Path(app.confdir) / "reference"
    pages = {
        "parts.md": parts_index(),
        "specs.md": spec_keys(),
        "commands.md": commands(),
        "shipped-specs.md": shipped(),
    }
    pages |= {f"parts/{kind}.md": parts_of(kind) for kind in installed().kinds}
    for name, lines in pages.items():
        path, text = folder / name, "\n".join(lines) + "\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in (*folder.glob("*.md"), *folder.glob("parts/*.md")):
        if path.relative_to(folder).as_posix() not in pages:
            path.unlink()  # of a kind that is gone


def cell(text: str) -> str:
    """A text in a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


# Parts


def parts_index() -> Iterator[str]:
    """All parts on one page, with a line on each."""
    yield "# Parts\n\nEvery part that a spec can name, of the four packages of gnm, made from what they register.\n"
    for kind in installed().kinds:
        yield f"## [{kind}](parts/{kind}.md)\n\n{cell(_describes(kind))}.\n"
        yield "| name | package | |\n|---|---|---|"
        for entry in installed().of_kind(kind):
            link = f"[`{entry.name}`](parts/{kind}.md#{entry.name})"
            yield f"| {link} | {entry.provider.distribution} | {cell(_signature(entry).summary)} |"
        yield ""
    listed = "\n".join(f"parts/{kind}" for kind in installed().kinds)
    yield f"```{{toctree}}\n:hidden:\n\n{listed}\n```"


def _signature(entry: Entry) -> Any:
    return signature_of(entry.target)


def _describes(kind: str) -> str:
    found: dict[str, None] = {}
    for entry in installed().of_kind(kind):
        contract = next(c for c in entry.load().__mro__ if c is not Contract and "describes" in vars(c))
        found[contract.describes] = None
    return "; ".join(found)


def parts_of(kind: str) -> Iterator[str]:
    """The page of one kind."""
    yield f"# {kind}\n\n{cell(_describes(kind))}.\n"
    for entry in installed().of_kind(kind):
        yield from _part(entry)


def _part(entry: Entry) -> Iterator[str]:
    yield f"## {entry.name}\n"
    try:
        found = _signature(entry)
    except Unreadable as error:
        raise RuntimeError(f"{entry}: {error}") from error
    yield f"`{entry.target}` of {entry.provider.distribution}: {' and '.join(f'`{c}`' for c in found.contracts)}.\n"
    yield _prose(found.doc) + "\n"
    if found.options:
        yield "| option | type | default | |\n|---|---|---|---|"
        yield from (_option(option) for option in found.options)
        yield ""
    needed = "".join(f", {option.name}: ..." for option in found.options if option.default is None)
    said = f"{{use: {entry.name}{needed}}}" if needed else entry.name
    yield f"```yaml\n{entry.kind}: {said}\n```\n"


def _option(option: Option) -> str:
    kind = f"[{option.type}]({option.slot}.md)" if option.slot in installed().kinds else cell(option.type)
    default = "must be given" if option.default is None else f"`{option.default}`".replace("|", "\\|")
    return f"| `{option.name}` | {kind} | {default} | {cell(option.help)} |"


def _prose(doc: str) -> str:
    """A docstring without its arguments, which the table has; its other sections in words."""
    kept, skipping = [], False
    for line in doc.splitlines():
        if line.strip() in ("Args:", "Attributes:"):
            skipping = True
        elif skipping and line and not line.startswith(" "):
            skipping = False
        if not skipping:
            kept.append(line.strip() if not line.startswith(("* ", "- ")) else line)
    text = "\n".join(kept).strip().replace("*", "\\*").replace("<", "&lt;")
    return text.replace("\n\\* ", "\n* ").replace("Raises:\n", "\nRaises: ")


# Specs


def spec_keys() -> Iterator[str]:
    """The keys of a spec, from its JSON Schema."""
    schema = spec_schema(installed()).schema["$defs"]["whole"]
    yield "# Keys of a spec\n\nFrom the schema that `gnm parts --schema` writes; their use: [specs](../specs.md).\n"
    yield from _keys("At the top", schema)
    for key in ("dims", "train"):
        yield from _keys(f"`{key}`", schema["properties"][key])
    stages = schema["properties"]["train"]["properties"]["stages"]
    yield from _keys("`train.stages`, each", next(form for form in stages["anyOf"] if "properties" in form))


def _keys(title: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"## {title}\n\n{cell(schema.get('description', ''))}\n"
    yield "| key | type | default | |\n|---|---|---|---|"
    for key, said in schema["properties"].items():
        plain = "default" in said and not isinstance(said["default"], dict)  # mappings have a table of their own
        default = f"`{json.dumps(said['default'])}`" if plain else ""
        yield f"| `{key}` | {cell(_type(said))} | {cell(default)} | {cell(said.get('description', ''))} |"
    yield ""


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(form) for form in schema["anyOf"]))
    if "$ref" in schema:
        return "part: " + schema["$ref"].removeprefix("#/$defs/").replace("%20", " ")
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    words = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    limits = [f"{sign} {schema[name]:,}" for name, sign in words.items() if name in schema]
    kind = schema.get("type", "anything")
    return " ".join([" or ".join(kind) if isinstance(kind, list) else {"object": "mapping"}.get(kind, kind), *limits])


def shipped() -> Iterator[str]:
    """The specs that the packages ship, in full."""
    yield "# Shipped specs\n\nAs `gnm specs NAME` prints them.\n"
    for entry in installed().specs.values():
        yield f"## {entry.name}\n\nOf {entry.provider.distribution}.\n"
        yield f"```yaml\n{entry.path.read_text(encoding='utf-8').rstrip()}\n```\n"


# Commands


def commands() -> Iterator[str]:
    """The help of every command."""
    yield "# Commands\n\nAs `gnm COMMAND --help` prints it.\n"
    yield from _help("gnm", main, None)


def _help(name: str, command: click.Command, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, max_content_width=80, terminal_width=80)
    yield f"## {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _help(inner, found, context)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", write_reference)
    return {"parallel_read_safe": True}
