"""Build a data set on disk: resumable at any moment, the same bytes however many processes make it."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import filelock
import pyarrow as pa
from gnm_core.contracts import Data
from gnm_core.errors import DataError, OptionError

from gnm_data.splits import SPLITS
from gnm_data.storage.columns import to_table
from gnm_data.storage.files import TEMPORARY
from gnm_data.storage.manifest import (
    BUILDING,
    MANIFEST,
    Manifest,
    Piece,
    Plan,
    Recipe,
    Shard,
    Split,
    holds_data_set,
    read_manifest,
    read_plan,
    read_record,
    record_path,
    write_manifest,
    write_plan,
    write_record,
)
from gnm_data.storage.shard import intact, rows_per_group
from gnm_data.storage.source import completed
from gnm_data.storage.worker import Maker, Work, make_here, make_in_processes, one_thread

LOCK = ".lock"


@dataclass(frozen=True)
class Built:
    """What a build did."""

    split: Split
    """The split as it now is."""
    made: int
    """Shards made by this call; the others were there, and sound."""


def build(
    source: Callable[[], Data],
    recipe: Recipe,
    folder: Path,
    *,
    count: int | None = None,
    shard_size: int = 1000,
    processes: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Built:
    """Store the first `count` images of a source; go on where an earlier call was stopped; mend what is damaged.

    Shards that are there and sound are kept. A larger `count` than last time makes the missing images only.

    Args:
        source: opens the data set at the split to store; picklable when `processes` > 1.
        recipe: what the source is made from.
        folder: where to; new, empty, or with an earlier build of the same recipe.
        count: number of images; all of the split by default.
        shard_size: images in a file.
        processes: how many work at once. More than one are started afresh (spawn), so a script that calls this
            needs its `if __name__ == "__main__"`.
        progress: called with the images that are done and their total number.

    Raises:
        OptionError: `count`, `shard_size` or `processes` is out of range.
        DataError: the folder holds something else, another build is at work in it, or a file cannot be written.
    """
    with one_thread():
        data = source()
        plan, schema = _planned(data, recipe, count, shard_size)
    if processes < 1:
        raise OptionError("processes", f"{processes} is less than 1")
    _refuse_strangers(folder)
    with _locked(folder, plan.split):
        manifest = _agreed_manifest(folder, plan)
        known = _known_shards(folder, plan, manifest)
        kept = [piece for piece in plan.pieces if _is_sound(folder, piece, known.get(piece.file))]
        missing = [piece for piece in plan.pieces if piece not in kept]
        if missing or plan.split not in manifest.splits:
            _reopen(folder, plan, manifest, [known[piece.file] for piece in kept])
            made = _counter(sum(piece.rows for piece in kept), plan.count, progress)
            opened = source if processes > 1 else lambda: data
            _make_missing(Maker(Work(opened, folder, plan, schema), made), missing, processes)
            manifest = _close(folder, plan, manifest)
        _tidy(folder, plan)
        return Built(manifest.splits[plan.split], len(missing))


def _planned(data: Data, recipe: Recipe, count: int | None, shard_size: int) -> tuple[Plan, pa.Schema]:
    count = len(data) if count is None else count
    if not 1 <= count <= len(data):
        raise OptionError("count", f"{count} is out of range: the {data.split} split has 1 to {len(data)} images")
    if shard_size < 1:
        raise OptionError("shard_size", f"{shard_size} is less than 1")
    first = data.batch([0])
    channels, height, width = first.image.shape[1:]
    image = (channels, height, width)
    plan = Plan(recipe, image, tuple(data.classes), rows_per_group(image), data.split, count, shard_size)
    return plan, to_table(0, first).schema


def _refuse_strangers(folder: Path) -> None:
    """Never write among files that are not ours."""
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: is not a folder")
    if holds_data_set(folder) or not folder.exists():
        return
    splits = [folder / split for split in SPLITS if (folder / split).is_dir()]
    found = [path for place in (folder, *splits) for path in place.iterdir()]
    strangers = [path for path in found if path not in splits and not _negligible(path)]
    if strangers:
        raise DataError(f"{folder}: holds other files ({strangers[0].name}, …); give a new or empty folder")


def _negligible(path: Path) -> bool:
    """Leftovers of our own, and hidden files (of a system, or the lock), which are in nobody's way."""
    return path.suffix == TEMPORARY or (path.name.startswith(".") and path.is_file())


@contextmanager
def _locked(folder: Path, split: str) -> Iterator[None]:
    """Hold the folder; the lock ends with the process, however that ends."""
    try:
        (folder / split).mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / LOCK, timeout=0)
        with lock:
            yield
    except filelock.Timeout:
        raise DataError(f"{folder}: another build is at work here; wait for it, or give another folder") from None
    except OSError as error:
        raise DataError(f"{error.filename or folder}: cannot be written: {error.strerror or error}") from error


def _agreed_manifest(folder: Path, plan: Plan) -> Manifest:
    """The manifest that is there, or an empty one.

    Raises:
        DataError: the folder was made from something else.
    """
    manifest = Manifest(plan.recipe, plan.image, plan.classes, plan.group)
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        _require_same(folder, plan, asdict(manifest))
    for split in SPLITS:
        other = read_plan(folder, split)
        if other is not None:
            _require_same(folder, plan, asdict(other))
        if other is not None and split == plan.split:
            _require_same_cut(folder, plan, other.count, other.shard_size)
    if plan.split in manifest.splits:
        there = manifest.splits[plan.split]
        _require_same_cut(folder, plan, there.count, there.shard_size)
    return manifest


def _require_same(folder: Path, plan: Plan, there: Mapping[str, Any]) -> None:
    names = ("recipe", "image", "classes", "group")
    both = [{**content, "recipe": completed(content["recipe"])} for content in (there, asdict(plan))]
    # As JSON, where a tuple is a list.
    pair = [json.loads(json.dumps({name: content[name] for name in names})) for content in both]
    _refuse(folder, _differences(*pair))


def _require_same_cut(folder: Path, plan: Plan, count: int, shard_size: int) -> None:
    there, here = {"shard_size": shard_size}, {"shard_size": plan.shard_size}
    if plan.count < count:
        there, here = {**there, "count": count}, {**here, "count": plan.count}
    _refuse(folder, _differences(there, here))


def _refuse(folder: Path, differences: list[str]) -> None:
    if differences:
        raise DataError(
            "\n    ".join((f"{folder}: holds another data set; give another folder. What differs:", *differences))
        )


def _differences(there: Any, here: Any, path: str = "") -> list[str]:
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        names = [*there, *(name for name in here if name not in there)]
        return [
            line
            for name in names
            for line in _differences(there.get(name), here.get(name), f"{path}.{name}" if path else str(name))
        ]
    return [] if there == here else [f"{path.removeprefix('recipe.')}: {there} there, {here} asked for"]


def _known_shards(folder: Path, plan: Plan, manifest: Manifest) -> dict[str, Shard]:
    """What is written down about shards of this split, by the manifest or beside them."""
    known = {shard.file: shard for shard in manifest.splits[plan.split].shards} if plan.split in manifest.splits else {}
    for piece in plan.pieces:
        record = read_record(folder, piece.file)
        if record is not None:
            known[piece.file] = record
    return known


def _is_sound(folder: Path, piece: Piece, shard: Shard | None) -> bool:
    return shard is not None and shard.rows == piece.rows and shard.file == piece.file and intact(folder, shard)


def _reopen(folder: Path, plan: Plan, manifest: Manifest, sound: list[Shard]) -> None:
    """Mark the split as unfinished, with what is known of its shards beside them."""
    for stale in (*folder.glob(f"*{TEMPORARY}"), *(folder / plan.split).glob(f"*{TEMPORARY}")):
        stale.unlink(missing_ok=True)
    write_plan(folder, plan)
    for shard in sound:
        write_record(folder, shard)
    if plan.split in manifest.splits:
        write_manifest(folder, _without(manifest, plan.split))


def _make_missing(maker: Maker, missing: list[Piece], processes: int) -> None:
    if not missing:
        return
    try:
        maker.made(0)
        if processes == 1 or len(missing) == 1:
            make_here(maker, missing)
        else:
            make_in_processes(maker, missing, processes)
    except DataError as error:
        raise DataError(f"{error}\n    Finished shards are kept: repeat the command to go on.") from error


def _counter(done: int, total: int, progress: Callable[[int, int], None]) -> Callable[[int], None]:
    def made(images: int) -> None:
        nonlocal done
        done += images
        progress(done, total)

    return made


def _close(folder: Path, plan: Plan, manifest: Manifest) -> Manifest:
    """Take the records into the manifest: from here on the split is finished."""
    records = [(piece, read_record(folder, piece.file)) for piece in plan.pieces]
    lost = [piece.file for piece, record in records if record is None or not (folder / piece.file).is_file()]
    if lost:
        raise DataError(f"{folder}: {', '.join(lost)} vanished while building; repeat the command")
    shards = tuple(record for _, record in records if record is not None)
    split = Split(plan.count, plan.shard_size, shards)
    manifest = replace(manifest, splits={**_without(manifest, plan.split).splits, plan.split: split})
    write_manifest(folder, manifest)
    return manifest


def _tidy(folder: Path, plan: Plan) -> None:
    """Remove what only an unfinished split needs. The plan goes last: until then the records count."""
    for piece in plan.pieces:
        record_path(folder, piece.file).unlink(missing_ok=True)
    (folder / plan.split / BUILDING).unlink(missing_ok=True)


def _without(manifest: Manifest, split: str) -> Manifest:
    return replace(manifest, splits={name: there for name, there in manifest.splits.items() if name != split})
