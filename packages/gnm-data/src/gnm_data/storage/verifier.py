"""Is a data set on disk what its manifest says?"""

from collections.abc import Callable
from pathlib import Path

from gnm_data.splits import SPLITS
from gnm_data.storage.files import sha256_of
from gnm_data.storage.manifest import MANIFEST, Manifest, Plan, Shard, read_manifest, read_plan, read_record


def verify(folder: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> list[str]:
    """Read every byte of a data set.

    Args:
        folder: the data set's folder.
        progress: called with the shards that are done and their total number.

    Returns:
        What is wrong, one line a file; empty when all is well.

    Raises:
        DataError: the manifest is missing or damaged, or a newer version wrote it.
    """
    plans = [plan for split in SPLITS if (plan := read_plan(folder, split)) is not None]
    if plans and not (folder / MANIFEST).exists():
        return [_progress(folder, plan) for plan in plans]
    manifest = read_manifest(folder)
    # A plan beside a finished split is a leftover of a build that was killed while tidying up.
    unfinished = [plan for plan in plans if plan.split not in manifest.splits]
    problems = [_progress(folder, plan) for plan in unfinished]
    shards = [shard for split in manifest.splits.values() for shard in split.shards]
    for done, shard in enumerate(shards, 1):
        problem = size_problem(folder, shard) or _content_problem(folder, shard)
        if problem:
            problems.append(problem)
        progress(done, len(shards))
    return problems + _extra(folder, manifest, [plan.split for plan in unfinished])


def size_problem(folder: Path, shard: Shard) -> str | None:
    """What a look at the file's size alone tells: it is missing, truncated or too long."""
    path = folder / shard.file
    if not path.is_file():
        return f"{shard.file}: missing"
    size = path.stat().st_size
    if size < shard.size:
        return f"{shard.file}: truncated: {size:,} of {shard.size:,} bytes"
    if size > shard.size:
        return f"{shard.file}: too long: {size:,} bytes, expected {shard.size:,}"
    return None


def _content_problem(folder: Path, shard: Shard) -> str | None:
    try:
        found = sha256_of(folder / shard.file)
    except OSError as error:
        return f"{shard.file}: cannot be read: {error.strerror}"
    if found != shard.sha256:
        return f"{shard.file}: damaged: sha256 is {found[:12]}…, expected {shard.sha256[:12]}…"
    return None


def _extra(folder: Path, manifest: Manifest, unfinished: list[str]) -> list[str]:
    known = {shard.file for split in manifest.splits.values() for shard in split.shards}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("[!.]*.parquet")}
    found = {file for file in found if file.split("/")[0] not in unfinished}
    return [f"{file}: extra: the manifest does not know it" for file in sorted(found - known)]


def _progress(folder: Path, plan: Plan) -> str:
    done = sum((folder / piece.file).is_file() and read_record(folder, piece.file) is not None for piece in plan.pieces)
    return f"{plan.split}: unfinished: {done} of {len(plan.pieces)} shards; repeat the build command to go on"
