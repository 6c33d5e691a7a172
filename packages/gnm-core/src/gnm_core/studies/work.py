"""One run of a study, from its beginning or from where it stopped: train, measure, draw; in a process of its own."""

from pathlib import Path
from typing import Any

from rich.console import Console

from gnm_core import failures
from gnm_core.errors import RunError
from gnm_core.spec.checked import load_spec
from gnm_core.studies.folder import StudyFolder, open_study
from gnm_core.studies.measures import measure
from gnm_core.studies.planned import PlannedRun
from gnm_core.training import loop
from gnm_core.training.device import Settings
from gnm_core.training.initial_weights import origin_of
from gnm_core.training.progress import PlainDisplay
from gnm_core.training.resume_checks import changes


def work(root: Path, name: str) -> int:
    """Do what is left of one run.

    Args:
        root: the study's folder.
        name: the run's.

    Returns:
        0 when it is trained and measured, or 128 + N where signal N stopped it, saved.

    Raises:
        GnmError: it fails.
    """
    folder = open_study(root)
    planned = folder.named(name)
    folder.note_failure(planned, "")
    try:
        return _work(folder, planned)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whoever waits for this process reads it there
        folder.note_failure(planned, str(failures.told(error)))
        raise


def _work(folder: StudyFolder, planned: PlannedRun) -> int:
    console = Console(width=200)
    received = _train(folder, planned, PlainDisplay(console))
    if received is not None:
        return 128 + received
    if planned.measures is not None and planned.measures.metrics:
        measure(folder.run(planned), planned.measures, console)
    folder.mark_done(planned)
    return 0


def _train(folder: StudyFolder, planned: PlannedRun, display: PlainDisplay) -> int | None:
    """Train what is left of the budget; the signal that stopped it."""
    run, budget = folder.run(planned), planned.budget
    limits: dict[str, Any] = {
        "threads": folder.study.threads,
        "steps": budget.steps,
        "core_minutes": budget.core_minutes,
    }
    spec = planned.spec(folder.study)
    if (run / "spec.yaml").exists():
        then = load_spec(run / "spec.yaml", recorded=True)
        changed = changes(then, spec)
        if changed:
            raise RunError(
                f"{run} was begun by another spec than the study's now; remove it, or give the study another folder\n  "
                + "\n  ".join(changed[:10])
            )
        settings = Settings(**(loop.remembered_settings(run) | limits))
        return loop.resume(run, settings, display).received
    first = folder.study.first
    origin = None
    if first is not None and (planned.begins_with is not None or first.run is not None):
        source = first.run or str(folder.run(folder.named(planned.begins_with or "")))
        origin, _ = origin_of(source, first.only)
    return loop.start(spec, run, Settings(**limits), display, origin).received
