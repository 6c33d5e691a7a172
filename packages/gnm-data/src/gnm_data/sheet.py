"""Many pictures on one sheet, with what is known about them."""

from math import ceil, sqrt

import numpy as np
from gnm_core.errors import DataError
from gnm_core.results import Batch, Truth
from PIL import Image, ImageColor, ImageDraw, ImageFont
from torch import Tensor

COLOURS = ("#ff5a4f", "#42d77d", "#4fa8ff", "#ffc53d", "#d16bff", "#3de0e0", "#ff8f3d", "#a6e22e", "#ff6fb5", "#9aa7ff")
"""Colours of objects, in turn."""
GAP = 4
"""Pixels between pictures."""
GREY = (70, 70, 70)


def contact_sheet(
    batch: Batch, classes: tuple[str, ...] = (), *, boxes: bool = False, masks: bool = False
) -> Image.Image:
    """The pictures of a batch in rows, as near to a square as can be; small ones enlarged, pixels kept sharp.

    Args:
        batch: one or more pictures.
        classes: name of each class of object, by label; without, boxes show the label.
        boxes: draw each object's amodal box and its class.
        masks: tint the pixels of each object.

    Raises:
        DataError: the pictures are neither grey nor RGB, or have no ground truth to draw.
    """
    truth = batch.truth
    if boxes and truth is None:
        raise DataError("these pictures have no boxes: the data set knows no ground truth")
    if masks and (truth is None or truth.instances is None):
        raise DataError("these pictures have no masks: the data set knows no instances")
    pictures = pixels(batch.image)
    side = pictures.shape[1]
    scale = max(1, round((256 if boxes else 128) / side))
    columns = ceil(sqrt(len(pictures)))
    step = side * scale + GAP
    sheet = Image.new("RGB", (columns * step - GAP, ceil(len(pictures) / columns) * step - GAP), GREY)
    if masks and truth is not None and truth.instances is not None:
        pictures = _tinted(pictures, truth.instances.numpy())
    for place, picture in enumerate(pictures):
        tile = Image.fromarray(picture).resize((side * scale, side * scale), Image.Resampling.NEAREST)
        if boxes and truth is not None:
            _draw_boxes(tile, truth, place, scale, classes)
        sheet.paste(tile, (place % columns * step, place // columns * step))
    return sheet


def pixels(image: Tensor) -> np.ndarray:
    """(B, C, H, W) in [0, 1] → (B, H, W, 3) uint8.

    Raises:
        DataError: C is neither 1 nor 3.
    """
    if image.shape[1] not in (1, 3):
        raise DataError(f"pictures of {image.shape[1]} channels cannot be shown; only of 1 (grey) or 3 (RGB)")
    shown = (image.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).expand(-1, -1, -1, 3)
    return np.ascontiguousarray(shown.numpy())


def _tinted(pictures: np.ndarray, instances: np.ndarray) -> np.ndarray:
    """Half the picture, half the colour of the object at each pixel."""
    palette = np.array([ImageColor.getrgb(colour) for colour in COLOURS])
    colour = palette[(instances.astype(np.int64) - 1) % len(COLOURS)]
    return np.where(instances[..., None] > 0, (pictures + colour) // 2, pictures).astype(np.uint8)


def _draw_boxes(tile: Image.Image, truth: Truth, place: int, scale: int, classes: tuple[str, ...]) -> None:
    """Outlines just outside the boxes, each with its class at the top-left corner."""
    draw = ImageDraw.Draw(tile)
    font = ImageFont.load_default(size=11)
    for thing in truth.present[place].nonzero()[:, 0].tolist():
        x0, y0, x1, y1 = (scale * float(edge) for edge in truth.boxes[place, thing])
        colour = COLOURS[thing % len(COLOURS)]
        draw.rectangle((x0 - 1, y0 - 1, x1, y1), outline=colour)
        label = int(truth.labels[place, thing])
        text = classes[label] if 0 <= label < len(classes) else str(label)
        draw.text((max(1, x0), y0 - 13 if y0 >= 13 else y1 + 1), text, fill=colour, font=font)
