"""Draws a composed model as a tree with columns."""

import textwrap

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from gnm_core.cli.layout import columns, plain_wanted, wrapped
from gnm_core.dims import Dims
from gnm_core.inspection import Inspection, PartReport, Shape


def print_tree(inspection: Inspection, dims: Dims) -> None:
    """Each part on a line: slot, part, package, parameters, output. In colour on a terminal, plain elsewhere."""
    console = Console(highlight=False, color_system=None if plain_wanted() else "auto")
    console.width = columns()
    ascii_only = console.options.ascii_only
    rows = [
        (
            (label, below),
            str(part.provider),
            "" if part.parameters is None else f"{part.parameters:,}",
            _shape(part.output, "x" if ascii_only else "×"),
        )
        for label, below, part in _lines(inspection.parts, ascii_only)
    ]
    titles = ("part", "package", "parameters", "output")
    wide = [max(len(label) for (label, _), *_ in rows)]
    wide += [max(len(title), *(len(str(row[i])) for row in rows)) for i, title in enumerate(titles) if i]
    # In a narrow terminal the tree gives way, never the numbers.
    wide[0] = max(20, min(wide[0], console.width - sum(wide[1:]) - 2 * 3))
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for title, width in zip(titles, wide, strict=True):
        justify: JustifyMethod = "right" if title == "parameters" else "left"
        table.add_column(title, no_wrap=True, overflow="ellipsis", width=width, justify=justify)
    for (label, below), *cells in rows:
        first, *rest = textwrap.wrap(label.plain, wide[0], subsequent_indent=below, break_on_hyphens=False)
        table.add_row(label[: len(first)], *cells)
        for line in rest:
            table.add_row(Text(line, "dim"))
    with console.capture() as capture:
        console.print(table)
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))
    sizes = ", ".join(f"{name} {value}" for name, value in vars(dims).items())
    print("\n" + wrapped(f"{inspection.parameters:,} parameters; {sizes}"))


def _shape(shape: Shape | None, times: str) -> str:
    """B first, as the contracts write it."""
    return "" if shape is None else times.join(["B", *map(str, shape[1:])] if len(shape) > 1 else map(str, shape))


def _lines(parts: tuple[PartReport, ...], ascii_only: bool) -> list[tuple[Text, str, PartReport]]:
    """Label, what stands before the rest of one that is too long, and part."""
    tee, elbow, bar = ("|- ", "`- ", "|  ") if ascii_only else ("├─ ", "└─ ", "│  ")
    by_path = {part.path: part for part in parts}
    below: dict[str, list[PartReport]] = {path: [] for path in by_path}
    roots = []
    for part in parts:
        parent = part.path
        while parent:
            parent = parent.rpartition(".")[0]
            if parent in by_path:
                below[parent].append(part)
                break
        else:
            roots.append(part)
    lines: list[tuple[Text, str, PartReport]] = []

    def draw(part: PartReport, slot: str, own: str, further: str) -> None:
        label = Text.assemble((own, "dim"), f"{slot}: ", (part.name, "bold"))
        if part.kind == "schedule":
            label.append("".join(f" {name} {value}" for name, value in part.options.items()), "dim")
        children = below[part.path]
        lines.append((label, further + (bar if children else "   ") + "  ", part))
        for child in children:
            last = child is children[-1]
            inner = child.path.removeprefix(part.path + ".")
            draw(child, inner, further + (elbow if last else tee), further + ("   " if last else bar))

    for root in roots:
        draw(root, root.path, "", "")
    return lines
