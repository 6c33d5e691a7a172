"""Every spec of the baselines composes, and says what its name says."""

import pytest
from gnm_core import load_spec
from gnm_core.plugins import installed
from torch import device

DATA = ("mnist-4", "mnist-10", "mnist-4-10", "arrow-room")
CONVDRAW = tuple(f"convdraw-{steps}-{data}{beta}" for steps in (4, 8) for data in DATA for beta in ("", "-beta-10"))
NAMES = (
    *CONVDRAW,
    *(f"{model}-{data}{size}" for model in ("vae", "genesis", "space") for data in DATA for size in ("", "-64")),
    *(f"convdraw-4-{data}-64" for data in DATA),
)


def test_every_baseline_is_shipped_for_every_data_set() -> None:
    assert set(NAMES) <= installed().specs.keys()


@pytest.mark.parametrize("name", NAMES)
def test_it_composes(name: str) -> None:
    spec = load_spec(name)
    with device("meta"):
        model = spec.model()
    assert type(model).__name__.lower().removesuffix("model") == name.split("-", maxsplit=1)[0]
    assert spec.dims.size == (64 if name.endswith("-64") else 128)
    assert spec.dims.channels == (3 if "arrow-room" in name else 1)
    first = spec.training().schedule()[0]
    published = not name.endswith("-64") or "arrow-room" in name
    assert len(first.optimizer or ()) == (2 if name.startswith("space") and published else 1)
    if name.startswith("convdraw"):
        assert spec.objective() is not None
        assert model.core.steps == int(name.split("-")[1])
