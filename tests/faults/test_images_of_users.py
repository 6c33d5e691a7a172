"""A model says what is wrong with the images that it is given."""

import subprocess
import sys
from importlib.metadata import version

import gnm_core
import pytest
import torch
from gnm_core.errors import OptionError
from torch import Tensor

MODELS = ["gnm", "vae"]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("method", ["objects", "reconstruct", "components"])
@pytest.mark.parametrize(
    ("image", "text"),
    [
        (torch.full((1, 1, 32, 32), 255.0), "holds values from 255 to 255; expected 0 to 1; divide by 255"),
        (torch.full((1, 1, 32, 32), float("nan")), "holds values from nan to nan"),
        (torch.full((1, 1, 32, 32), -0.1), "holds values from -0.1 to -0.1; expected 0 to 1"),
        (torch.zeros(1, 3, 32, 32), r"has shape \(1, 3, 32, 32\); this model takes \(B, 1, 32, 32\)"),
        (torch.zeros(1, 1, 64, 64), r"has shape \(1, 1, 64, 64\); this model takes \(B, 1, 32, 32\)"),
        (torch.zeros(32, 32), r"has shape \(32, 32\); this model takes \(B, 1, 32, 32\)"),
        (torch.zeros(1, 32, 32), r".*takes \(B, 1, 32, 32\); a single image becomes a batch by image\[None\]"),
        (torch.zeros(2, 32, 32, 1), r".*channels come first: image.permute\(0, 3, 1, 2\)"),
        (torch.zeros(2, 3, 32, 32), r".*RGB becomes grey by image.mean\(1, keepdim=True\)"),
        (torch.zeros(2, 1, 20, 40), r".*size=32, .* resizes"),
        (torch.zeros(2, 1, 32, 32) - 1, r".*; for values from -1 to 1 that is \(image \+ 1\) / 2"),
        (torch.zeros(1, 1, 32, 32, dtype=torch.uint8), "a tensor of torch.uint8; expected a tensor of floats"),
    ],
)
def test_wrong_images_are_refused_in_words(name: str, method: str, image: Tensor, text: str) -> None:
    model = gnm_core.compose({"dims": {"size": 32, "features": 8}, "model": name})
    with pytest.raises(OptionError, match=f"image: {text}"):
        getattr(model, method)(image)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("method", ["objects", "reconstruct", "components"])
def test_a_model_goes_where_it_is_asked_to_and_takes_the_images_along(name: str, method: str) -> None:
    model = gnm_core.compose({"dims": {"size": 32, "features": 8}, "model": name}).eval()
    image = torch.ones(2, 1, 32, 32)
    with torch.no_grad():
        here, asked = getattr(model, method)(image), getattr(model, method)(image, device="cpu")
        assert repr(here) == repr(asked)
        with pytest.raises(OptionError, match=r"device: 'toaster' cannot be used: .*toaster"):
            getattr(model, method)(image, device="toaster")
    if not torch.cuda.is_available():
        with pytest.raises(OptionError, match="device: 'cuda' cannot be used"):
            getattr(model, method)(image, device="cuda")


@pytest.mark.parametrize("name", MODELS)
def test_right_images_and_none_at_all_are_taken(name: str) -> None:
    model = gnm_core.compose({"dims": {"size": 32, "features": 8}, "model": name})
    with torch.no_grad():
        assert model.reconstruct(torch.ones(2, 1, 32, 32)).image.shape == (2, 1, 32, 32)


def test_the_package_states_its_version_and_runs_as_a_module() -> None:
    assert gnm_core.__version__ == version("gnm-core")
    done = subprocess.run(
        [sys.executable, "-m", "gnm_core", "--version"], capture_output=True, text=True, check=True, timeout=1200
    )
    assert done.stdout == f"gnm {version('gnm-core')}\n"


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("method", ["objects", "reconstruct", "components"])
def test_doubles_as_numpy_makes_them_are_as_good_as_floats(name: str, method: str) -> None:
    model = gnm_core.compose({"dims": {"size": 32, "features": 8}, "model": name}).eval()
    image = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        torch.manual_seed(0)
        floats = getattr(model, method)(image)
        torch.manual_seed(0)
        doubles = getattr(model, method)(image.double())
    assert repr(doubles) == repr(floats)
