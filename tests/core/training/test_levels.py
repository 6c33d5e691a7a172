"""GNM's levels by themselves are parts of the whole."""

import pytest
import torch
from gnm_core import compose, load_spec

SPEC = {
    "dims": {"channels": 3, "size": 32, "grid": 4, "features": 12, "scene": 4, "what": 6, "background": 5},
    "model": {
        "use": "gnm",
        "core": {"use": "structdraw", "steps": 2, "interaction": [16], "decoder": [16]},
        "renderer": {
            "use": "separable",
            "glimpse": {"masks": True, "channels": [8], "kernels": [1, 3], "upscales": [4, 2], "use": "subpixel"},
            "background": {
                "use": "subpixel-background",
                "channels": [6],
                "kernels": [1, 3],
                "upscales": [16, 2],
            },
        },
        "head": [16],
    },
}


BY_EYE = {
    "glimpse_encoder": {"use": "mlp", "size": 8, "hidden": [16]},
    "background_encoder": {"use": "surroundings", "side": 4},
}
PAST_MASKS = {
    "glimpse_encoder": {"use": "mlp", "size": 8, "hidden": [16]},
    "background_encoder": {"use": "surroundings", "side": 4, "past": "masks", "fill": "far"},
}
SCENE = ("core.", "background_generator.", "background_summary.")
"""Parameters of the scene level."""


@pytest.fixture(params=[{}, BY_EYE, PAST_MASKS], ids=["from features", "from the picture", "past masks"])
def model(request: pytest.FixtureRequest) -> torch.nn.Module:
    torch.manual_seed(0)
    return compose(SPEC | {"model": SPEC["model"] | request.param})


def test_the_scene_level_has_the_divergences_of_the_whole(model: torch.nn.Module) -> None:
    image = torch.rand(3, 3, 32, 32)
    features = model.level_inputs("scene", image)
    torch.manual_seed(1)
    alone = model.level_terms("scene", features, 7)
    torch.manual_seed(1)
    whole = model.infer(image, mode=True, hard=True)
    torch.manual_seed(1)
    prior = model.head(model.core.infer(whole.features).feature_map)
    assert set(alone.kl) == set(model.terms(image, 7).kl)
    for name in ("where", "what"):
        posterior = getattr(whole.posterior, name)
        expected = torch.distributions.kl_divergence(posterior, getattr(prior, name)).flatten(1).sum(1)
        torch.testing.assert_close(alone.kl[name], expected, rtol=1e-4, atol=1e-4)


def test_the_symbolic_level_reaches_everything_but_the_scene_code(model: torch.nn.Module) -> None:
    image = torch.rand(3, 3, 32, 32)
    assert model.level_inputs("symbols", image) is None
    terms = model.level_terms("symbols", image, 7)
    (-terms.elbo + sum(terms.auxiliary.values())).mean().backward()
    still = {name for name, p in model.named_parameters() if p.grad is None}
    assert still
    assert all(name.startswith(SCENE) for name in still)


def test_the_scene_level_reaches_all_of_the_scene_code(model: torch.nn.Module) -> None:
    features = model.level_inputs("scene", torch.rand(3, 3, 32, 32)).detach()
    terms = model.level_terms("scene", features, 7)
    sum(terms.kl.values()).mean().backward()
    reached = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    wanted = {name for name, _ in model.named_parameters() if name.startswith(SCENE)}
    assert wanted <= reached


@pytest.mark.parametrize(
    ("spec", "levels"),
    [
        ("mnist-4-64-short", ["symbols", "scene", None]),
        ("mnist-4-64", ["symbols", "scene"]),
        ("mnist-4-64-cells", ["symbols", "scene", "prior"]),
    ],
)
def test_a_spec_trains_level_after_level(spec: str, levels: list[str | None]) -> None:
    stages = load_spec(spec).training().schedule()
    assert [stage.level for stage in stages] == levels
