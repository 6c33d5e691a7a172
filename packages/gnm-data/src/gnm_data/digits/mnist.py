"""The original MNIST files."""

from pathlib import Path

import numpy as np
from gnm_core.errors import DataError

from gnm_data.digits.contract import Digits, DigitSource
from gnm_data.digits.idx import read_idx
from gnm_data.splits import Split

_VALIDATION = 6
"""One digit in so many of the training files is held out for validation."""


class MnistDigits(DigitSource):
    """MNIST's handwritten digits, from a folder with the four original files.

    `t10k` is the test split. Of the 60,000 training digits every sixth is held out for validation. Digits of 20 px are
    the original pixels.

    Args:
        dir: folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
            `t10k-labels-idx1-ubyte`, each plain or with `.gz`.
    """

    def __init__(self, *, dir: Path) -> None:
        self.dir = Path(dir)

    def read(self, split: Split) -> Digits:
        """All digits of a split, in the order of the files."""
        part = "t10k" if split == "test" else "train"
        images_path = self._find(f"{part}-images", "idx3-ubyte")
        labels_path = self._find(f"{part}-labels", "idx1-ubyte")
        images = read_idx(images_path, (None, 28, 28))
        labels = read_idx(labels_path, (None,))
        if len(images) != len(labels):
            raise DataError(
                f"{labels_path}: {len(labels):,} labels for the {len(images):,} images of {images_path.name}"
            )
        if labels.max() > 9:
            raise DataError(f"{labels_path}: label {labels.max()} at place {labels.argmax()}; expected 0 to 9")
        if not (inked := images.any((1, 2))).all():
            raise DataError(f"{images_path}: image {inked.argmin()} is blank")
        keep = np.full(len(labels), True)
        if part == "train":
            keep = (np.arange(len(labels)) % _VALIDATION == _VALIDATION - 1) == (split == "validation")
        if missing := set(range(10)) - set(labels[keep].tolist()):
            raise DataError(f"{labels_path}: no {min(missing)} among the digits for {split}; every class is needed")
        return Digits(images[keep], labels[keep].astype(np.int64))

    def _find(self, stem: str, ending: str) -> Path:
        """One of the four files, under any of the names that are in use."""
        names = [f"{stem}{joint}{ending}{packed}" for packed in ("", ".gz") for joint in ("-", ".")]
        for name in names:
            if (self.dir / name).is_file():
                return self.dir / name
        if not self.dir.is_dir():
            state = "not a folder" if self.dir.exists() else "no such folder"
            raise DataError(f"{self.dir}: {state}; expected a folder with the four files of MNIST")
        raise DataError(
            f"{self.dir / names[0]}: no such file, nor {names[0]}.gz; the digits come from MNIST's four files"
        )
