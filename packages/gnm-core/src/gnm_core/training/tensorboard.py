"""TensorBoard's files, for those who like to watch there."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gnm_core.errors import RunError


class TensorBoard:
    """Writes records and pictures for TensorBoard.

    Args:
        folder: where.
        step: a resumed training's steps so far; what was logged of later steps is hidden.

    Raises:
        RunError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path, step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise RunError(
                "--tensorboard needs TensorBoard, which is not installed: pip install 'gnm-core[tensorboard]'"
            ) from error
        self._writer = SummaryWriter(str(folder), purge_step=step + 1)

    def add(self, record: Mapping[str, object]) -> None:
        """Write every number of a record, the weights under `weights/`."""
        step = record["step"]
        weights = record.get("weights")
        assert isinstance(weights, Mapping)
        for name, value in [*record.items(), *((f"weights/{name}", weight) for name, weight in weights.items())]:
            if isinstance(value, float):
                self._writer.add_scalar(name.replace(".", "/"), value, step)

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Write some numbers by name."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def picture(self, step: int, pixels: np.ndarray) -> None:
        """Write a (height, width, 3) picture."""
        self._writer.add_image("picture", pixels, step, dataformats="HWC")

    def close(self) -> None:
        """Close the files."""
        self._writer.close()
