"""bf16 is taken where it is faster than float32, and nowhere else."""

import pytest
import torch
from gnm_core.training import device
from gnm_core.training.device import faster_precision

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("features", "machine", "where", "taken"),
    [
        ({"avx512_bf16"}, True, CPU, "float32"),
        ({"avx512_bf16", "amx_tile", "amx_bf16"}, True, CPU, "bf16"),
        (set(), False, CPU, "bf16"),
        ({"avx2"}, True, GPU, "bf16"),
    ],
)
def test_a_processor_without_matrix_tiles_trains_in_float32(
    features: set[str], machine: bool, where: torch.device, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "features", lambda: features)
    monkeypatch.setattr(device, "is_x86_64", lambda: machine)
    assert faster_precision("bf16", where) == taken
    assert faster_precision("float32", where) == "float32"
