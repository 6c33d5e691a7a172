"""What a plugin's author tests: the contract, by the kit; the rest, by hand."""

import pytest
from gnm_core import Dims, ScenePrior, SpecError
from gnm_core.testing import check_part
from gnm_student_t.prior import StudentTPrior


@pytest.mark.parametrize("dof", [2.5, 4.0, 30.0])
def test_the_prior_keeps_its_contract(dof: float) -> None:
    check_part(ScenePrior, StudentTPrior, Dims(size=32, features=8), dof=dof)


def test_two_degrees_of_freedom_are_too_few() -> None:
    with pytest.raises(SpecError, match=r"dof: 2 is out of range; expected a number above 2"):
        check_part(ScenePrior, StudentTPrior, dof=2)
