"""Batches as Parquet columns, and back.

`index` is the image's number in its source, `image` and `instances` are PNG, everything else has the type and, per
row, the shape of the tensor that it came from: `boxes` is a list of N lists of 4 floats.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import torch
from einops import rearrange
from gnm_core.errors import DataError
from gnm_core.results import Batch, Truth
from torch import Tensor

from gnm_data.storage import png

INDEX, IMAGE, INSTANCES = "index", "image", "instances"
EXTRA = "extra/"
"""Prefix of the columns that hold `Truth.extra`."""
TYPED = ("present", "labels", "boxes", "visible_boxes", "depth")
"""Fields of `Truth` that are stored as typed columns, those that a data set knows."""


def to_table(start: int, batch: Batch) -> pa.Table:
    """Images `start`, `start + 1` ... as rows.

    Raises:
        DataError: an image leaves [0, 1], or something has a type that the format cannot hold.
    """
    columns = {
        INDEX: pa.array(np.arange(start, start + len(batch.image), dtype=np.int64)),
        IMAGE: _pictures(_quantised(start, batch.image)),
    }
    if batch.truth is not None:
        columns |= {name: _tensor(name, value) for name, value in _typed(batch.truth)}
        if batch.truth.instances is not None:
            columns[INSTANCES] = _pictures(_instance_maps(batch.truth.instances, batch.image))
    return pa.table(columns)


def to_batch(pixels: np.ndarray, instances: np.ndarray | None, typed: Mapping[str, np.ndarray]) -> Batch:
    """The batch that was stored.

    Args:
        pixels: (B, H, W, C) uint8.
        instances: (B, H, W, 1) uint8, where stored.
        typed: the typed columns as arrays with B first; empty where no truth was stored.
    """
    image = rearrange(torch.from_numpy(pixels), "b h w c -> b c h w").contiguous().float().div_(255)
    if not typed:
        return Batch(image)
    tensors = {name: torch.from_numpy(array) for name, array in typed.items()}
    return Batch(
        image,
        Truth(
            present=tensors["present"],
            labels=tensors["labels"],
            boxes=tensors["boxes"],
            visible_boxes=tensors.get("visible_boxes"),
            instances=None if instances is None else torch.from_numpy(instances[..., 0]),
            depth=tensors.get("depth"),
            extra={name.removeprefix(EXTRA): value for name, value in tensors.items() if name.startswith(EXTRA)},
        ),
    )


def to_array(column: pa.Array) -> np.ndarray:
    """A typed column as an array, its rows first."""
    shape = [len(column)]
    while pa.types.is_fixed_size_list(column.type):
        shape.append(column.type.list_size)
        column = column.flatten()
    return np.array(column.to_numpy(zero_copy_only=False)).reshape(shape)


def empty_array(kind: pa.DataType) -> np.ndarray:
    """No rows of a typed column."""
    shape = [0]
    while pa.types.is_fixed_size_list(kind):
        shape.append(kind.list_size)
        kind = kind.value_type
    return np.empty(shape, kind.to_pandas_dtype())


def difference(expected: pa.Schema, found: pa.Schema) -> str:
    """What tells two schemas apart, in words."""
    ours, theirs = ({field.name: str(field.type) for field in schema} for schema in (expected, found))
    return "; ".join(
        f"{name} is {theirs.get(name, 'absent')}, expected {ours.get(name, 'none')}"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    )


def _typed(truth: Truth) -> Iterator[tuple[str, Tensor]]:
    for name in TYPED:
        value = getattr(truth, name)
        if value is not None:
            yield name, value
    for name in sorted(truth.extra):
        yield EXTRA + name, truth.extra[name]


def _quantised(start: int, image: Tensor) -> np.ndarray:
    """(B, C, H, W) in [0, 1] → (B, H, W, C) uint8, rounded to the nearest of 256 levels."""
    if image.ndim != 4 or image.shape[1] not in png.CHANNELS:
        raise DataError(f"images are {tuple(image.shape)}; a PNG holds (B, C, H, W) with C of 1, 3 or 4")
    # NaN fails both comparisons.
    sound = ((image >= 0) & (image <= 1)).flatten(1).all(1)
    if not bool(sound.all()):
        raise DataError(f"image {start + int((~sound).int().argmax())} holds values outside [0, 1]")
    return rearrange((image * 255).round().to(torch.uint8), "b c h w -> b h w c").contiguous().cpu().numpy()


def _instance_maps(instances: Tensor, image: Tensor) -> np.ndarray:
    expected = (len(image), *image.shape[2:])
    if instances.dtype != torch.uint8 or instances.shape != expected:
        raise DataError(f"instances are {instances.dtype} {tuple(instances.shape)}, expected torch.uint8 {expected}")
    return rearrange(instances, "b h w -> b h w 1").contiguous().cpu().numpy()


def _pictures(pixels: np.ndarray) -> pa.Array:
    return pa.array([png.encode(picture) for picture in pixels], pa.binary())


def _tensor(name: str, value: Tensor) -> pa.Array:
    try:
        array = value.detach().cpu().contiguous().numpy()
    except TypeError as error:
        raise DataError(f"{name} is {value.dtype}, which Parquet cannot hold") from error
    column = pa.array(array.reshape(-1))
    for length in reversed(array.shape[1:]):
        column = pa.FixedSizeListArray.from_arrays(column, length)
    return column
