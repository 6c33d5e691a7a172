"""Old names that plugins may use work for one version, and say what they are now."""

from importlib import import_module

import gnm_core
import pytest
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
    ("gnm_core.training.spec", "Stage", "gnm_core.schema", "Stage"),
]


@pytest.mark.parametrize(("module", "name", "home", "new"), MOVED, ids=[f"{m}.{n}" for m, n, _, _ in MOVED])
def test_an_old_name_is_the_new_one_and_says_so(module: str, name: str, home: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=rf"{module}.* is now {home}.*; the old name goes with version 0\.2"):
        found = getattr(import_module(module), name)
    assert found is getattr(import_module(home), new)


@pytest.mark.parametrize("module", sorted({module for module, *_ in MOVED}))
def test_a_name_that_never_was_is_no_attribute(module: str) -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        import_module(module).nonsense  # noqa: B018


def test_a_metric_written_against_the_old_names_still_measures() -> None:
    with pytest.warns(DeprecationWarning, match=r"gnm_core\.Subject is now"):
        old = gnm_core.Subject

    class Sum(gnm_core.Metric):
        def measure(self, subject: old, seen: list[object]) -> gnm_core.Measurement:  # type: ignore[valid-type]
            return gnm_core.Measurement((gnm_core.Value("sum", float(subject.sample(2).sum())),))

    check_part(gnm_core.Metric, Sum)


def test_what_plugins_are_written_against_is_where_it_was() -> None:
    for name in ("Metric", "Skip", "EvaluationContext", "EvaluationBatch", "load_run", "Run", "CheckedSpec"):
        assert getattr(gnm_core, name).__name__ == name
