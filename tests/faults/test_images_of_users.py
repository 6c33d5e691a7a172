"""A model says what is wrong with the images that it is given."""

import subprocess
import sys
from dataclasses import fields, is_dataclass, replace
from importlib.metadata import version

import gnm_core
import numpy as np
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


@pytest.mark.parametrize("name", [*MODELS, "space", "genesis", "convdraw"])
def test_of_no_images_there_is_an_empty_result_and_nobody_can_tell(name: str) -> None:
    """Whatever is asked of none is what is asked of one, with no rows; the random state and the mode stay."""
    torch.manual_seed(0)
    model = gnm_core.compose({"dims": {"size": 32, "features": 8}, "model": name}).train()
    none, one = torch.ones(0, 1, 32, 32), torch.ones(1, 1, 32, 32)
    before, weights = torch.get_rng_state(), {key: value.clone() for key, value in model.state_dict().items()}
    empty = [model.reconstruct(none), model.objects(none), model.components(none), model.sample(0)]
    assert torch.equal(torch.get_rng_state(), before)
    assert model.training
    assert all(torch.equal(value, weights[key]) for key, value in model.state_dict().items())
    model.eval()
    for few, full in zip(
        empty, [model.reconstruct(one), model.objects(one), model.components(one), model.sample(1)], strict=True
    ):
        assert _shapes(few) == {key: (0, *shape[1:]) for key, shape in _shapes(full).items()}
    assert len(empty[0]) == len(list(empty[0])) == 0
    assert repr(empty[3]).startswith("Scene(0 scenes of 1 x 32 x 32")
    assert empty[0]._repr_png_() is None
    assert model.reconstruct(torch.ones(2, 1, 32, 32)).image.shape == (2, 1, 32, 32)


def _shapes(result: object) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor in a result, by its path."""
    if isinstance(result, Tensor):
        return {"": tuple(result.shape)}
    if not is_dataclass(result):
        return {}
    inner = {field.name: _shapes(getattr(result, field.name)) for field in fields(result)}
    return {f"{name}.{key}": shape for name, found in inner.items() for key, shape in found.items()}


@pytest.mark.parametrize("n", [-1, 2.0, True, "4", None])
def test_a_number_of_scenes_is_a_whole_number(n: object) -> None:
    model = gnm_core.compose({"dims": {"size": 32, "features": 8}, "model": "vae"})
    with pytest.raises(OptionError, match="n: must be a whole number of scenes, 0 or more, not"):
        model.sample(n)
    assert len(model.sample(n=np.int64(2))) == 2


def test_a_batch_is_taken_apart_by_whole_numbers_of_any_kind_and_by_nothing_else() -> None:
    scenes = gnm_core.Scene(torch.rand(3, 1, 8, 8))
    for one in (1, np.int64(1), torch.tensor(1), -2):
        assert torch.equal(scenes[one].image, scenes.image[1:2])
    for other, kind in ((torch.tensor([0, 2]), "Tensor"), ([0, 2], "list"), ("1", "str"), (1.0, "float")):
        with pytest.raises(TypeError, match=f"by a whole number or a slice, not by a {kind}"):
            scenes[other]
    assert len(scenes[:0]) == len(scenes[3:]) == 0
    with pytest.raises(IndexError, match="there is no number 0 in a batch of 0"):
        scenes[:0][0]


def test_scenes_without_objects_have_tables_without_rows() -> None:
    model = gnm_core.compose({"dims": {"size": 32, "features": 8}, "model": "gnm"})
    scenes = model.sample(2)
    bare = replace(scenes, objects=replace(scenes.objects, present=torch.zeros_like(scenes.objects.present)))
    full = scenes.to_dataframe()
    for none in (bare, scenes[:0]):
        table = none.to_dataframe()
        assert list(table.columns) == list(full.columns)
        assert len(table) == 0
    with pytest.raises(gnm_core.errors.EditError, match="there is no object 0; this scene has no objects"):
        bare[0].remove(0)
    with pytest.raises(gnm_core.errors.EditError, match="an edit is of one scene, and here are 0"):
        scenes[:0].remove(0)


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
