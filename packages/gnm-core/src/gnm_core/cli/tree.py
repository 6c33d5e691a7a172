"""Draws a composed model as a tree with columns."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gnm_core.dims import Dims
from gnm_core.inspection import Inspection, PartReport, Shape

ROOTS = ("model", "objective", "data", "train")


def print_tree(inspection: Inspection, dims: Dims) -> None:
    """Each part on a line: slot, part, package, parameters, output. In colour on a terminal, plain elsewhere."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 120)  # whoever reads a pipe wants whole lines
    ascii_only = console.options.ascii_only
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("part", no_wrap=True, overflow="ellipsis")
    table.add_column("package", no_wrap=True)
    table.add_column("parameters", no_wrap=True, justify="right")
    table.add_column("output", no_wrap=True)
    for label, part in _lines(inspection.parts, ascii_only):
        count = "" if part.parameters is None else f"{part.parameters:,}"
        table.add_row(label, str(part.provider), count, _shape(part.output, "x" if ascii_only else "×"))
    console.print(table)
    sizes = ", ".join(f"{name} {value}" for name, value in vars(dims).items())
    console.print(f"\n{inspection.parameters:,} parameters; {sizes}", soft_wrap=True)


def _shape(shape: Shape | None, times: str) -> str:
    """B first, as the contracts write it."""
    return "" if shape is None else times.join(["B", *map(str, shape[1:])] if len(shape) > 1 else map(str, shape))


def _lines(parts: tuple[PartReport, ...], ascii_only: bool) -> list[tuple[Text, PartReport]]:
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
    lines: list[tuple[Text, PartReport]] = []

    def draw(part: PartReport, slot: str, own: str, further: str) -> None:
        label = Text.assemble((own, "dim"), f"{slot}: ", (part.name, "bold"))
        if part.kind == "schedule":
            label.append("".join(f" {name} {value}" for name, value in part.options.items()), "dim")
        lines.append((label, part))
        children = below[part.path]
        for child in children:
            last = child is children[-1]
            inner = child.path.removeprefix(part.path + ".")
            draw(child, inner, further + (elbow if last else tee), further + ("   " if last else bar))

    for root in roots:
        draw(root, root.path, "", "")
    return lines
