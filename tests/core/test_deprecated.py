"""Old names that plugins may use work for one version, and say what they are now."""

from collections.abc import Sequence
from importlib import import_module
from typing import cast

import gnm_core
import gnm_core.moved
import gnm_data.moved
import gnm_render.moved
import pytest
import torch
from gnm_core.deprecated import Moved
from gnm_core.testing import check_part

MOVED = [
    ("gnm_core", "Subject", "gnm_core.evaluation.context", "EvaluationContext"),
    ("gnm_core", "View", "gnm_core.evaluation.context", "EvaluationBatch"),
    ("gnm_core", "Handicap", "gnm_core.contracts", "CurriculumState"),
    ("gnm_core.contracts", "Handicap", "gnm_core.contracts", "CurriculumState"),
    ("gnm_core.evaluation.context", "Subject", "gnm_core.evaluation.context", "EvaluationContext"),
    ("gnm_core.evaluation.context", "View", "gnm_core.evaluation.context", "EvaluationBatch"),
    ("gnm_core.subject", "Subject", "gnm_core.evaluation.context", "EvaluationContext"),
    ("gnm_core.subject", "View", "gnm_core.evaluation.context", "EvaluationBatch"),
    ("gnm_core.subject", "Skip", "gnm_core.evaluation.context", "Skip"),
    ("gnm_core.contracts", "Metric", "gnm_core.evaluation.context", "Metric"),
    ("gnm_core.training.checkpoint", "load_run", "gnm_core.runs.checkpoint", "load_run"),
    ("gnm_core.training.checkpoint", "require_same_model", "gnm_core.runs.same_model", "require_same_model"),
    ("gnm_core.training.spec", "Stage", "gnm_core.schema", "Stage"),
    ("gnm_core.training.randomness", "seed_step", "gnm_core.randomness", "seed_from"),
    ("gnm_core.likelihood", "gaussian_log_likelihood", "gnm_core.distributions", "gaussian_log_likelihood"),
    ("gnm_core.metrics.detection", "iou", "gnm_core.evaluation.metrics.detection", "iou"),
    ("gnm_core.metrics.intervals", "share", "gnm_core.evaluation.metrics.intervals", "share"),
    ("gnm_core.evaluation.curves", "charts", "gnm_core.evaluation.report.curves", "charts"),
    ("gnm_core.evaluation.tables", "write_csv", "gnm_core.evaluation.report.tables", "write_csv"),
    ("gnm_core.evaluation.report", "write_report", "gnm_core.evaluation.report.html", "write_report"),
    ("gnm_core.evaluation.report", "REASONS", "gnm_core.evaluation.report.failures", "REASONS"),
    ("gnm_data.judges.tally", "tally", "gnm_data.judges.summary", "summarise"),
    ("gnm_data.judges.digit_judge", "Opinion", "gnm_data.judges.digit_judge", "RuleVerdict"),
    ("gnm_data.judges.reading", "fill", "gnm_data.judges.reading", "assign"),
    ("gnm_render.renderers.claims", "cover", "gnm_render.renderers.occlusion", "apply_mask"),
]
MODULES = gnm_core.moved.MOVED | gnm_data.moved.MOVED | gnm_render.moved.MOVED


@pytest.mark.parametrize(("module", "name", "home", "new"), MOVED, ids=[f"{m}.{n}" for m, n, _, _ in MOVED])
def test_an_old_name_is_the_new_one_and_says_so(module: str, name: str, home: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"{module}.* is now {home}.*; the old name goes with version 0\.2"):
        found = getattr(import_module(module), name)
    assert found is getattr(import_module(home), new)


@pytest.mark.parametrize("module", sorted({module for module, *_ in MOVED}))
def test_a_name_that_never_was_is_no_attribute(module: str) -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        import_module(module).nonsense  # noqa: B018


@pytest.mark.parametrize(("old", "moved"), MODULES.items(), ids=MODULES)
def test_every_module_that_has_moved_is_found_under_its_old_path(old: str, moved: Moved) -> None:
    module, home = import_module(old), import_module(moved.home)
    public = [name for name, value in vars(home).items() if getattr(value, "__module__", "") == moved.home]
    for name in {*public, *moved.names} - {*moved.names.values()}:
        with pytest.warns(DeprecationWarning, match="the old name goes with version"):
            assert getattr(module, name) is not None


def test_what_never_was_is_no_module() -> None:
    for name in ("gnm_core.metrics.nonsense", "gnm_core.nonsense", "gnm_data.judges.nonsense"):
        with pytest.raises(ModuleNotFoundError, match=name):
            import_module(name)


def test_a_metric_written_against_the_old_names_still_measures() -> None:
    with pytest.warns(DeprecationWarning, match=r"gnm_core\.Subject is now"):
        old = gnm_core.Subject

    class Sum(gnm_core.Metric):
        def measure(self, subject: old, seen: list[object]) -> gnm_core.Measurement:  # type: ignore[valid-type]
            return gnm_core.Measurement((gnm_core.Value("sum", float(subject.sample(2).sum())),))

    check_part(gnm_core.Metric, Sum)


def test_a_metric_that_sees_batches_under_the_old_names_still_measures() -> None:
    with pytest.warns(DeprecationWarning, match=r"Empty\.see is now update"):

        class Empty(gnm_core.Metric):
            images = 8

            def see(self, view: gnm_core.EvaluationBatch) -> int:
                return int((~view.objects.present.any(1)).sum())

            def measure(self, subject: gnm_core.EvaluationContext, seen: Sequence[int]) -> gnm_core.Measurement:
                return gnm_core.Measurement((gnm_core.Value("empty", float(sum(seen))),))

    check_part(gnm_core.Metric, Empty)


def test_a_metric_may_build_on_one_of_ours_under_either_name() -> None:
    batch = gnm_core.EvaluationBatch(gnm_core.Batch(torch.zeros(2, 1, 16, 16)), cast(gnm_core.Model, torch.nn.Module()))

    class Brightness(gnm_core.Metric):
        def update(self, batch: gnm_core.EvaluationBatch) -> int:
            return len(batch.image)

        def measure(self, context: gnm_core.EvaluationContext, updates: Sequence[int]) -> gnm_core.Measurement:
            return gnm_core.Measurement(())

    with pytest.warns(DeprecationWarning, match=r"Old\.see is now update"):

        class Old(Brightness):
            def see(self, view: gnm_core.EvaluationBatch) -> int:
                return 1 + cast(int, super().see(view))  # type: ignore[misc]

    assert Brightness().update(batch) == 2
    with pytest.warns(DeprecationWarning, match=r"Brightness\.see is now update"):
        assert Old().update(batch) == 3


def test_what_plugins_are_written_against_is_where_it_was() -> None:
    for name in ("Metric", "Skip", "EvaluationContext", "EvaluationBatch", "load_run", "Run", "CheckedSpec"):
        assert getattr(gnm_core, name).__name__ == name
