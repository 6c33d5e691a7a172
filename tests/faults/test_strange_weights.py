"""`gnm import` of tensors that can be saved and are no weights: each is named, in words, and no run is begun."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from damage import endless, quietly
from gnm_core import compose
from gnm_core.cli import main
from gnm_core.gnm.published import published_names
from torch import Tensor

SPEC: dict[str, Any] = {
    "dims": {"channels": 1, "size": 16, "grid": 2, "features": 4, "scene": 3, "what": 4, "background": 2},
    "model": {
        "use": "gnm",
        "core": {"use": "structdraw", "steps": 1, "interaction": [4], "decoder": [4], "prior": "autoregressive"},
        "renderer": {
            "use": "separable",
            "glimpse": {"use": "subpixel", "channels": [4], "kernels": [1, 3], "upscales": [4, 1]},
            "background": {"use": "subpixel-background", "channels": [4], "kernels": [1, 3], "upscales": [4, 4]},
        },
        "head": [4],
    },
}
BIAS = "p_bg_decoder.p_bg_decoder.conv.0.bias"


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """All that the spec's model asks for, under its published names."""
    torch.manual_seed(5)
    model = compose(SPEC)
    ours = dict(model.named_parameters())
    return {theirs: ours[name].detach() for name, them in published_names(model) for theirs in them}


@pytest.fixture
def take(tmp_path: Path) -> Callable[[object], Result]:
    """Saves something as a `.pth` and imports it."""

    def run(content: object) -> Result:
        (tmp_path / "spec.yaml").write_text(json.dumps(SPEC))
        quietly(lambda: torch.save(content, tmp_path / "published.pth"))
        command = ["import", tmp_path / "published.pth", "--spec", tmp_path / "spec.yaml", "--out", tmp_path / "run"]
        return CliRunner().invoke(main, [str(word) for word in command])

    return run


def refused(result: Result, text: str, run: Path) -> None:
    assert result.exit_code == 2, result.output
    assert text in result.output
    assert "Traceback" not in result.output
    assert "fault of gnm itself" not in result.output
    assert len(result.output) < 20_000
    assert not run.exists()


STRANGE: dict[str, tuple[Callable[[Tensor], object], str]] = {
    "sparse": (lambda t: t.to_sparse(), "is sparse"),
    "sparse by rows": (lambda t: torch.eye(4).to_sparse_csr(), "is sparse"),
    "without values": (lambda t: t.to("meta"), "is without values (on the device 'meta')"),
    "quantised": (lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8), "is quantised"),
    "quantised by channels": (
        lambda t: torch.quantize_per_channel(t, torch.ones(len(t)), torch.zeros(len(t)), 0, torch.quint8),
        "is quantised",
    ),
    "nested": (lambda t: torch.nested.nested_tensor([t, t[:2]]), "is nested"),
    "float8": (lambda t: t.to(torch.float8_e4m3fn), "is of float8_e4m3fn"),
    "half": (lambda t: t.half(), "is of float16, expected float32"),
    "double": (lambda t: t.double(), "is of float64, expected float32"),
    "complex": (lambda t: t.to(torch.complex64), "is of complex64"),
    "whole numbers": (lambda t: t.long(), "is of int64, expected float32"),
    "truth values": (lambda t: t > 0, "is of bool, expected float32"),
    "infinity": (lambda t: torch.where(t == t[0], torch.inf, t), "numbers that are not finite"),
    "no number": (lambda t: torch.full_like(t, torch.nan), "numbers that are not finite"),
    "another shape": (lambda t: t[:, None].expand(-1, 3), "shape of"),
    "no numbers": (lambda t: t[:0], "shape of"),
    "a list": (lambda t: t.tolist(), "missing: "),
    "nothing": (lambda t: None, "missing: "),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_what_is_no_weight_is_named(
    kind: str, weights: dict[str, Tensor], take: Callable[[object], Result], tmp_path: Path
) -> None:
    make, text = STRANGE[kind]
    strange = quietly(lambda: make(weights[BIAS]))
    result = take(weights | {BIAS: strange})
    refused(result, text, tmp_path / "run")
    assert BIAS in result.output


def itself() -> dict[str, Any]:
    holder: dict[str, Any] = {}
    holder["model"] = holder
    return holder


def deep(levels: int) -> Any:
    holder: Any = {}
    for _ in range(levels):
        holder = {"model": holder}
    return holder


def ring() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


CONTAINERS: dict[str, tuple[Callable[[], object], str]] = {
    "itself": (itself, "no weights within"),
    "itself under no usual name": (endless, "holds no weights (found: self)"),
    "a list in itself": (ring, "holds a list"),
    "very deep": (lambda: deep(300), "no weights within"),
    "a bare tensor": (lambda: torch.zeros(3), "holds a Tensor"),
    "a number": (lambda: 3, "holds a int"),
    "names that are no texts": (lambda: {3: torch.zeros(2), None: torch.ones(1)}, "unknown: 3"),
    "control characters": (lambda: {"\x1b[31mred\n" * 9: torch.zeros(2)}, "\\x1b[31mred"),
    "a name of megabytes": (lambda: {"x" * 3_000_000: torch.zeros(2)}, "unknown: xxx"),
    "very many": (lambda: {f"w{i}": torch.zeros(1) for i in range(20_000)}, "unknown: w0"),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_what_holds_no_weights_says_so(kind: str, take: Callable[[object], Result], tmp_path: Path) -> None:
    make, text = CONTAINERS[kind]
    refused(take(make()), text, tmp_path / "run")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_is_refused_and_waited_for_by_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pth")
    (tmp_path / "spec.yaml").write_text(json.dumps(SPEC))
    command = ["import", tmp_path / "pipe.pth", "--spec", tmp_path / "spec.yaml", "--out", tmp_path / "run"]
    result = CliRunner().invoke(main, [str(word) for word in command])
    refused(result, "a pipe, where a file is expected", tmp_path / "run")
