"""Conformance kit for authors of parts: laws that every part of a kind obeys, one check each.

In a plugin's tests:

    from gnm_core import Dims, ScenePrior
    from gnm_core.testing import Check, parametrize_checks

    @parametrize_checks(ScenePrior, StudentTPrior, Dims(size=32, features=8), dof=5.0)
    def test_student_t_keeps_the_contract(check: Check) -> None:
        check()

`check_part` tries all of them at once; `gnm check PACKAGE` does so for every part of a package, without pytest.
"""

from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.check import Check, check_part, checks_of, parametrize_checks
from gnm_core.testing.contracts_of import contracts_of
from gnm_core.testing.exercises import EXERCISES, Exercise, Outputs
from gnm_core.testing.experiments import EXPERIMENTS, Experiment
from gnm_core.testing.law import law
from gnm_core.testing.require import ConformanceError, require

__all__ = [
    "EXERCISES",
    "EXPERIMENTS",
    "Bench",
    "Check",
    "ConformanceError",
    "Exercise",
    "Experiment",
    "NotHere",
    "Outputs",
    "check_part",
    "checks_of",
    "contracts_of",
    "law",
    "parametrize_checks",
    "require",
]
