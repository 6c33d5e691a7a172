"""Pictures in a folder."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Le, Lt

from gnm_core.contracts import Data
from gnm_core.dims import Dims
from gnm_core.errors import DataError, OptionError
from gnm_core.parts.data.annotations.known import Annotations, Seen
from gnm_core.parts.data.annotations.read import files_within, read_annotations
from gnm_core.parts.data.folder import Survey, chosen, survey
from gnm_core.parts.data.picture import MODES, Fit, Picture, colour_of, deepest_value, read_picture, stated_size
from gnm_core.results import Batch

TWELVE_BITS = 4096
SOME = 4
"""Pictures that are looked at to find out how deep and how large they are."""
MUCH_LARGER = 4
"""So many times the side of the model's square, and decoding takes longer than training."""
THREADS = 4
"""That decode, at most, unless more are asked for."""


class ImageFolder(Data):
    """Every picture under a folder, at any depth, fitted to a square of `dims.size`, grey or RGB by `dims.channels`.

    Where there are subfolders `train` and `test` (and maybe `validation`), they are the splits; without `validation`, a
    share of `train` is held back. Elsewhere a file's split depends on its path under the folder alone: adding pictures
    moves no other picture. Hidden files and folders are passed over, links to folders followed.
    Of animations and multi-page files the first picture counts; a camera's orientation is applied. The folder is read
    when it is first used, not before. Pictures are decoded by several threads, and kept at the model's size.

    Args:
        dir: the folder.
        annotations: what is known of the objects in the pictures, for measuring; training never looks at it. Each is a
            COCO file (`.json`), a table (`.csv`), or a folder of YOLO's text files. Picture names in it are paths under
            the subfolder that is called as it is (`train.json`: `dir/train`) where there is one, else under `dir`.
        names: the classes of the annotations, in their order; empty to take those that they name themselves.
        include: patterns of the pictures to read, such as `*.jpg` or `left/*`; empty for all.
        exclude: patterns of the pictures not to read.
        split: `train`, `validation` or `test`.
        fit: `crop` keeps the largest square about the centre, `pad` adds black, `stretch` distorts.
        validation: share of the pictures held back for validation.
        test: share of the pictures held back for the test.
        white: what is white in pictures of more than 8 bits: 4095 for 12 bits; 65535 when null.
        background: colour of transparent pixels, such as `white` or `#8040ff`.
        max_pixels: a picture with more pixels than this is refused, before it takes up memory.
        on_broken: `stop` at the first picture that cannot be read; `skip` reads all of a split once when it is opened
            and goes on without those that cannot be read.
        most_broken: largest share of a split that `skip` goes on without.
        cache: megabytes of fitted pictures that stay in memory.
        threads: threads that decode; as many as processors, but 4 at most, when null.

    Raises:
        OptionError: neither grey nor RGB, no such colour, or nothing would be left to train on.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        dir: Path,
        annotations: tuple[Path, ...] = (),
        names: tuple[str, ...] = (),
        include: tuple[str, ...] = (),
        exclude: tuple[str, ...] = (),
        split: Literal["train", "validation", "test"] = "train",
        fit: Fit = "crop",
        validation: Annotated[float, Ge(0), Le(1)] = 0.1,
        test: Annotated[float, Ge(0), Le(1)] = 0.1,
        white: Annotated[int, Ge(1), Le(65535)] | None = None,
        background: str = "black",
        max_pixels: Annotated[int, Gt(0), Le(10**12)] = 64_000_000,
        on_broken: Literal["stop", "skip"] = "stop",
        most_broken: Annotated[float, Ge(0), Lt(1)] = 0.05,
        cache: Annotated[int, Ge(0), Le(10**9)] = 512,
        threads: Annotated[int, Ge(1), Le(64)] | None = None,
    ) -> None:
        if dims.channels not in MODES:
            raise OptionError("dims", f"channels is {dims.channels}; a folder of pictures has 1 (grey) or 3 (RGB)")
        if validation + test >= 1 and test < 1:
            raise OptionError("validation", f"{validation:g} and test = {test:g} leave no picture to train on")
        self.dims, self.dir, self.split, self.fit = dims, Path(dir), split, fit
        self.annotations, self.names = tuple(Path(file) for file in annotations), tuple(names)
        self.include, self.exclude = tuple(include), tuple(exclude)
        self.background, self._background = background, colour_of(background)
        self.validation, self.test, self.white, self.max_pixels = validation, test, white, max_pixels
        self.on_broken, self.most_broken, self.cache = on_broken, most_broken, cache
        self.threads = threads
        self._fitted: dict[Path, np.ndarray] = {}
        self.seen: dict[Path, Seen] = {}
        """Size of every picture that has been read, and what the model's square shows of it."""

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """The split's files, by path; with `on_broken: skip`, those that can be read.

        Raises:
            DataError: the folder is missing, cannot be read, has no picture of this split, or too many are broken.
        """
        if self.on_broken == "stop":
            return self._listed
        if len(self.broken) > self.most_broken * len(self._listed):
            raise DataError(
                f"{self.dir}: {len(self.broken)} of {len(self._listed)} pictures of the {self.split} split cannot be "
                f"read, more than most_broken = {self.most_broken:g}:\n    " + "\n    ".join(self.broken.values())
            )
        return tuple(path for path in self._listed if path not in self.broken)

    @cached_property
    def broken(self) -> dict[Path, str]:
        """The split's files that cannot be read, and why; found by reading all of them."""
        with self._pool() as pool:
            found = zip(self._listed, pool.map(self._problem, self._listed), strict=True)
            return {path: problem for path, problem in found if problem is not None}

    def notes(self) -> tuple[str, ...]:
        """What is not read of the folder and its annotations, which pictures are skipped, what is kept in memory, and
        whether 16 bits look like fewer."""
        left_out = self._survey.left_out(files_within(self.annotations, self.dir))
        notes = [f"{self.dir}: {left_out}"] if left_out else []
        if passed := len(self._survey.pictures) - len(self._chosen):
            notes.append(f"{self.dir}: include and exclude leave out {passed:,} pictures")
        if self.on_broken == "skip" and self.files and self.broken:
            count = f"{len(self.broken)} of {len(self._listed)} pictures of the {self.split} split skipped"
            notes.append("\n    ".join([f"{self.dir}: {count}:", *self.broken.values()]))
        if self.white is None and (brightest := self._brightest_of_some()) is not None and brightest < TWELVE_BITS:
            notes.append(
                f"{self.dir}: pictures of 16 bits with no pixel above {brightest}, white being 65535: nearly black; "
                f"if they hold 12 bits, say data.white={TWELVE_BITS - 1}"
            )
        if self.cache and (kept := self._note_on_memory()):
            notes.append(kept)
        if self._annotated and (empty := sum(path in self.known.empty for path in self.files)):
            notes.append(
                f"{self.dir}: no annotation names {empty:,} of {len(self.files):,} pictures of the {self.split} split: "
                "they count as pictures without objects"
            )
        return tuple(notes)

    def _note_on_memory(self) -> str:
        """How many pictures are kept, where decoding takes its time; empty where it does not."""
        sides = [max(size) for size in map(stated_size, self._listed[:SOME]) if size is not None]
        each = self.dims.channels * self.dims.size**2
        room, count = self.cache * 1_000_000 // each, len(self.files)
        if count <= room and max(sides, default=0) < MUCH_LARGER * self.dims.size:
            return ""
        kept = f"{min(count, room):,} of {count:,} pictures stay in memory at {self.dims.size} px once they are decoded"
        used = f"{min(count, room) * each / 1e6:,.0f} MB"
        if count <= room:
            return f"{self.dir}: {kept} ({used}): the first epoch is slower than the others"
        all_of_it = f"all would need data.cache={count * each // 1_000_000 + 1}"
        return f"{self.dir}: {kept} ({used}), the others are decoded each time; {all_of_it}"

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the annotations' classes; none without annotations."""
        return self.known.classes if self.annotations else ()

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that have pictures."""
        there = {self._split_of(path) for path in self._chosen}
        return tuple(split for split in ("train", "validation", "test") if split in there)

    def __len__(self) -> int:
        """Number of pictures in this split."""
        return len(self.files)

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        """The pictures at `indices`.

        Raises:
            DataError: a file is not a picture, is broken or too large, or unknown to every annotation file; the text
                names it.
        """
        paths = [self.files[int(index)] for index in indices]
        image = torch.from_numpy(np.stack(self._pictures(paths))).float().div_(255)
        if not self._annotated:
            return Batch(image)
        return Batch(image, self.known.truth(paths, [self.seen[path] for path in paths], self.dims.size))

    def at(self, split: str) -> "ImageFolder":
        """The same folder at another split."""
        return ImageFolder(
            self.dims,
            dir=self.dir,
            annotations=self.annotations,
            names=self.names,
            include=self.include,
            exclude=self.exclude,
            split=split,  # type: ignore[arg-type]
            fit=self.fit,
            validation=self.validation,
            test=self.test,
            white=self.white,
            background=self.background,
            max_pixels=self.max_pixels,
            on_broken=self.on_broken,
            most_broken=self.most_broken,
            cache=self.cache,
            threads=self.threads,
        )

    @cached_property
    def known(self) -> Annotations:
        """What the annotations say, of all splits.

        Raises:
            DataError: they cannot be read, or do not fit the pictures.
        """
        return read_annotations(self.annotations, self.dir, self._survey.pictures, self.names)

    @cached_property
    def _annotated(self) -> bool:
        """Whether anything is known of this split's pictures: annotations may be of another one alone.

        Raises:
            DataError: something is, and nobody knows others.
        """
        if not self.annotations or len(self.unknown) == len(self.files):
            return False
        if self.unknown:
            more = f"; nor {len(self.unknown) - 1:,} others" if len(self.unknown) > 1 else ""
            raise DataError(f"{self.unknown[0]}: no annotation file knows this picture{more}")
        return any(path in self.known.pictures for path in self.files)

    @cached_property
    def unknown(self) -> tuple[Path, ...]:
        """The split's files that no annotation knows."""
        known = self.known
        return tuple(path for path in self.files if path not in known.pictures and path not in known.empty)

    @cached_property
    def _survey(self) -> Survey:
        return survey(self.dir)

    @cached_property
    def _chosen(self) -> tuple[str, ...]:
        return chosen(self._survey.pictures, self.include, self.exclude, self.dir)

    @cached_property
    def _listed(self) -> tuple[Path, ...]:
        """The split's files, whether they can be read or not."""
        pictures = self._chosen
        files = tuple(self.dir / path for path in pictures if self._split_of(path) == self.split)
        if not files:
            raise DataError(
                f"{self.dir}: none of its {len(pictures)} pictures falls into the {self.split} split; "
                f"add pictures or change the shares validation = {self.validation:g} and test = {self.test:g}"
            )
        return files

    def _split_of(self, path: str) -> str:
        folder, inside = path.split("/", 1)[0], "/" in path
        if inside and folder in ("test", "validation") and folder in self._split_folders:
            return folder
        share = int.from_bytes(hashlib.sha256(path.encode("utf-8", "surrogateescape")).digest()[:8]) / 2**64
        if self._split_folders:
            held_back = 0 if "validation" in self._split_folders else self.validation
            return "validation" if share < held_back else "train"
        if share < self.test:
            return "test"
        return "validation" if share < self.test + self.validation else "train"

    @cached_property
    def _split_folders(self) -> tuple[str, ...]:
        """The subfolders that are splits; none unless there are `train` and `test`."""
        found = tuple(name for name in ("train", "validation", "test") if (self.dir / name).is_dir())
        return found if {"train", "test"} <= set(found) else ()

    def _brightest_of_some(self) -> int | None:
        """The brightest pixel of the first few pictures; None where one has 8 bits, or cannot be read."""
        found = [deepest_value(path, self.max_pixels) for path in self._listed[:SOME]]
        return None if None in found else max(value for value in found if value is not None)

    def _problem(self, path: Path) -> str | None:
        """Why a picture cannot be read; None where it can."""
        try:
            self._keep(path, self._read(path))
        except DataError as error:
            return str(error)
        return None

    def _pictures(self, paths: Sequence[Path]) -> list[np.ndarray]:
        """(C, H, W) uint8 of each; those that are not in memory are decoded side by side."""
        missing = [path for path in dict.fromkeys(paths) if path not in self._fitted]
        if len(missing) > 1:
            with self._pool() as pool:
                read = dict(zip(missing, pool.map(self._read, missing), strict=True))
        else:
            read = {path: self._read(path) for path in missing}
        found = {path: picture.pixels for path, picture in read.items()}
        for path, picture in read.items():
            self._keep(path, picture)
        return [found[path] if path in found else self._fitted[path] for path in paths]

    def _read(self, path: Path) -> Picture:
        return read_picture(
            path,
            self.dims,
            fit=self.fit,
            max_pixels=self.max_pixels,
            white=self.white,
            background=self._background,
        )

    def _keep(self, path: Path, picture: Picture) -> None:
        self.seen[path] = Seen(picture.width, picture.height, picture.frame)
        if (len(self._fitted) + 1) * picture.pixels.nbytes <= self.cache * 1_000_000:
            self._fitted[path] = picture.pixels

    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads or min(THREADS, os.cpu_count() or 1))
