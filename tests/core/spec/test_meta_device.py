"""Constructors on the meta device cost next to nothing."""

import subprocess
import sys

import torch
from gnm_core.spec.meta_device import constructors_on_meta_device
from torch import nn

SPECS = (
    "mnist-4-64",
    "mnist-4-64-cells",
    "arrow-room-64",
    "genesis-mnist-4-64",
    "space-mnist-4-64",
    "vae-mnist-4-64",
)


def test_reading_a_spec_does_not_import_torchs_compiler() -> None:
    code = "import sys; from gnm_core import load_spec\nfor name in sys.argv[1:]: load_spec(name)\n"
    code += "print('torch._dynamo' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *SPECS], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_nothing_is_allocated_filled_or_drawn_and_values_elsewhere_are_as_ever() -> None:
    before = torch.random.get_rng_state()
    with constructors_on_meta_device():
        layer = nn.Linear(3, 4)
        nn.init.normal_(layer.weight)
        layer.bias.data.uniform_()
    assert layer.weight.is_meta
    assert torch.equal(before, torch.random.get_rng_state())
    with constructors_on_meta_device(), torch.device("cpu"):
        real = torch.empty(1000).normal_()
        nn.init.uniform_(real[:500])
    assert 0.7 < float(real[500:].std()) < 1.3
    assert 0 <= float(real[:500].min()) <= float(real[:500].max()) <= 1
