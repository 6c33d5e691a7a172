"""The conformance kit for authors of parts, on the four models."""

import pytest
from gnm_core import Dims, Model
from gnm_core.testing import check_part

from .small import SPECS

DIMS = Dims(size=32, grid=4, features=8, scene=5, what=5, background=4)


@pytest.mark.parametrize("name", SPECS)
def test_the_model_keeps_its_contract(name: str) -> None:
    options = {key: value for key, value in SPECS[name]["model"].items() if key != "use"}
    check_part(Model, name, DIMS, **options)
