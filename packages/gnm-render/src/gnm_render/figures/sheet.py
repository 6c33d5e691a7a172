"""Pictures in rows and columns, with captions."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from gnm_core.diagnosis.caption import INK as NOTE
from gnm_core.diagnosis.caption import captioned
from PIL import Image, ImageDraw

from gnm_render.figures.palette import FAINT, INK, PAPER
from gnm_render.figures.pixels import Pixels
from gnm_render.figures.text import font, wrap

MARGIN, GAP, GROUP_GAP, APART_GAP = 16, 6, 18, 44
TEXT, LINE = 20, 24
LABEL, LABEL_LINE, LABEL_ROOM = 16, 19, 120
"""Size of the text of a row's label, the height of its lines, and how wide it may be."""


@dataclass(frozen=True)
class Group:
    """Columns under one caption."""

    caption: str
    columns: Sequence[Sequence[Pixels | None]]
    """Pictures of one size, from the top down; None leaves a place empty."""
    apart: bool = False
    """Its rows have nothing to do with those of the columns before."""
    note: str = ""
    """What should be known of it; stands below the sheet, once."""


def sheet(groups: Sequence[Group], labels: Sequence[str] = ()) -> Pixels:
    """Lay groups out side by side.

    Args:
        groups: at least one picture among them; all pictures have the same size.
        labels: what the rows show, from the top down; written before them.
    """
    height, width = next(cell for g in groups for column in g.columns for cell in column if cell is not None).shape[:2]
    rows = max(len(column) for group in groups for column in group.columns)
    texts = [wrap(label, LABEL_ROOM, LABEL) for label in labels]
    gutter = ceil(max((font(LABEL).getlength(line) for lines in texts for line in lines), default=-GAP)) + GAP
    widths = [len(group.columns) * (width + GAP) - GAP for group in groups]
    captions = [wrap(group.caption, room, TEXT) for group, room in zip(groups, widths, strict=True)]
    top = MARGIN + LINE * max(map(len, captions)) + (GAP if any(captions) else 0)
    gaps = [0, *(APART_GAP if group.apart else GROUP_GAP for group in groups[1:])]
    size = (gutter + sum(widths) + sum(gaps) + 2 * MARGIN, top + rows * (height + GAP) - GAP + MARGIN)
    picture = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(picture)
    for j, lines in enumerate(texts):
        middle = top + j * (height + GAP) + height / 2
        for i, line in enumerate(lines):
            y = middle + LABEL_LINE * (i - (len(lines) - 1) / 2)
            draw.text((MARGIN + gutter - GAP, y), line, fill=INK, font=font(LABEL), anchor="rm")
    x = MARGIN + gutter
    for group, room, gap, lines in zip(groups, widths, gaps, captions, strict=True):
        if group.apart and gap:
            draw.line((x + gap // 2, MARGIN, x + gap // 2, size[1] - MARGIN), fill=FAINT, width=2)
        x += gap
        for i, line in enumerate(lines):
            y = top - GAP - LINE * (len(lines) - i)
            draw.text((x + room / 2, y), line, fill=INK, font=font(TEXT), anchor="ma")
        for i, column in enumerate(group.columns):
            for j, cell in enumerate(column):
                if cell is not None:
                    picture.paste(Image.fromarray(cell), (x + i * (width + GAP), top + j * (height + GAP)))
        x += room
    notes = dict.fromkeys(group.note for group in groups if group.note)
    return captioned(np.asarray(picture), " ".join(notes), NOTE)
