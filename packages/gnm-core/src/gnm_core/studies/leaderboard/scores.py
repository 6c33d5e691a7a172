"""What each variant of a study has reached: over its seeds, or over the scenes of a single one."""

from collections.abc import Sequence
from dataclasses import dataclass

from gnm_core.errors import RunError
from gnm_core.evaluation import Evaluation, load_evaluation, mean_of_few
from gnm_core.results import Value
from gnm_core.studies.folder import StudyFolder
from gnm_core.studies.planned import PlannedRun


@dataclass(frozen=True)
class Scored:
    """One variant."""

    title: str
    runs: tuple[PlannedRun, ...]
    """Those that have been measured, one a seed."""
    begun: tuple[PlannedRun, ...]
    """Those that have been trained at all."""
    missing: int
    """Runs that have not."""
    values: dict[str, Value]
    """By name; the interval is over seeds where there are several, else the evaluation's own."""
    steps: tuple[int, ...]
    """Of each run."""
    core_minutes: float | None
    """Processor time of its trainings, on average; None where nobody noted it."""


def scores(folder: StudyFolder) -> list[Scored]:
    """Every variant, the best by the first metric first; those without numbers last."""
    variants: dict[str, list[PlannedRun]] = {}
    for planned in folder.planned:
        if planned.measures is not None:
            variants.setdefault(planned.title, []).append(planned)
    scored = [_scored(folder, title, runs) for title, runs in variants.items()]
    first = next((name for one in scored for name in one.values), "")

    def key(one: Scored) -> tuple[bool, float]:
        value = one.values.get(first)
        if value is None:
            return True, 0.0
        return False, value.value if value.higher_is_better is False else -value.value

    return sorted(scored, key=key)


def _scored(folder: StudyFolder, title: str, runs: Sequence[PlannedRun]) -> Scored:
    from gnm_core.runs.summary import summary_of

    found: list[tuple[PlannedRun, Evaluation]] = []
    for planned in runs:
        try:
            found.append((planned, load_evaluation(folder.run(planned))))
        except RunError:
            continue
    asked = folder.study.evaluate.metrics  # in this order, whichever was taken first
    outcomes = [e.metrics[metric] for metric in asked for _, e in found if metric in e.metrics]
    names = list(dict.fromkeys(value.name for outcome in outcomes for value in outcome.values))
    values = {name: _over_seeds([v for _, e in found if (v := e.value(name)) is not None]) for name in names}
    minutes = [summary_of(folder.run(planned)).core_minutes for planned, _ in found]
    known = [spent for spent in minutes if spent is not None]
    return Scored(
        title,
        tuple(planned for planned, _ in found),
        tuple(planned for planned in runs if (folder.run(planned) / "spec.yaml").exists()),
        len(runs) - len(found),
        values,
        tuple(e.step for _, e in found),
        sum(known) / len(known) if known else None,
    )


def _over_seeds(values: Sequence[Value]) -> Value:
    one = values[0]
    if len(values) == 1:
        return one
    return mean_of_few(one.name, [value.value for value in values], one.unit, one.higher_is_better)


def names_of(scored: Sequence[Scored]) -> list[str]:
    """Names of all values, in the order in which they were taken."""
    return list(dict.fromkeys(name for one in scored for name in one.values))


def interval_of(scored: Sequence[Scored]) -> str:
    """What the intervals are over, in words."""
    several = [one for one in scored if len(one.runs) > 1]
    if not several:
        return "Each variant is a single run: 95 % intervals are over scenes or images, and say nothing of other seeds."
    if len(several) < len([one for one in scored if one.runs]):
        return "95 % intervals are over seeds (Student's), and over scenes or images where there is one seed so far."
    return "95 % intervals are over seeds (Student's)."
