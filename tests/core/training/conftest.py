"""The toy plugin of these tests, installed as any plugin would be."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from gnm_core.plugins import installed

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def toy_plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The entry point in `toy-1.0.dist-info`, for this process and those that it starts."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    installed.cache_clear()
    yield
    sys.modules.pop("toy_training", None)
    installed.cache_clear()


@pytest.fixture
def toy_figure(toy_plugin: None) -> None:
    """The toy's figure instead of the installed one."""
    import toy_training

    toy_training.draw_with_toy_figure()


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors gain nothing from more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def toy() -> Callable[..., dict[str, Any]]:
    """Makes a spec of the toy model: `toy({...model options}, **train options)`."""

    def make(model: dict[str, Any] | None = None, data: dict[str, Any] | None = None, **train: Any) -> dict[str, Any]:
        steps = {} if "stages" in train else {"steps": 12}
        return {
            "dims": {"channels": 1, "size": 8, "grid": 2, "what": 4},
            "model": {"use": "toy", **(model or {})},
            "data": {"use": "toy", **(data or {})},
            "train": {**steps, "batch": 8, "checkpoint_every": 4, "picture_every": 0, "log_every": 5, **train},
        }

    return make
