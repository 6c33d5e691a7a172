"""Old names that plugins may use work for one version, and say what they are now."""

from importlib import import_module

import gnm_core
import pytest

MOVED = [
    ("gnm_core.subject", "Subject", "gnm_core.evaluation.context", "Subject"),
    ("gnm_core.subject", "View", "gnm_core.evaluation.context", "View"),
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


def test_what_plugins_are_written_against_is_where_it_was() -> None:
    for name in ("Metric", "Skip", "Subject", "View", "load_run", "Run", "CheckedSpec"):
        assert getattr(gnm_core, name).__name__ == name
