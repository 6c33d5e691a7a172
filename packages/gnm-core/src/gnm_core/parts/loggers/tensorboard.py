"""TensorBoard's files, for those who like to watch there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gnm_core.contracts import Logger
from gnm_core.errors import RunError


class TensorBoard(Logger):
    """Writes numbers and pictures into the run's folder `tensorboard`; what was logged of later steps is hidden."""

    def __init__(self) -> None:
        self._writer: Any = None

    def open(self, run: Path, step: int, spec: Mapping[str, object]) -> None:
        """Open the files.

        Raises:
            RunError: TensorBoard is not installed.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise RunError(
                "--tensorboard needs TensorBoard, which is not installed: pip install 'gnm-core[tensorboard]'"
            ) from error
        self._writer = SummaryWriter(str(run / "tensorboard"), purge_step=step + 1)

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Write every number; `kl.scene` as `kl/scene`."""
        for name, value in values.items():
            self._writer.add_scalar(name.replace(".", "/"), value, step)

    def picture(self, step: int, pixels: np.ndarray) -> None:
        """Write a (height, width, 3) picture."""
        self._writer.add_image("picture", pixels, step, dataformats="HWC")

    def close(self) -> None:
        """Close the files."""
        self._writer.close()
