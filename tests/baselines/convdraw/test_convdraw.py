"""The ConvDRAW core under the contract of every core."""

import torch
from gnm_core import compose


def test_the_core_works_in_gnm_and_structdraw_in_the_flat_model() -> None:
    dims = {"size": 64, "features": 16, "scene": 4}
    glimpse = {"use": "subpixel", "channels": [8, 8], "kernels": [1, 1, 3], "upscales": [4, 2, 1]}
    gnm = compose(
        {
            "dims": dims,
            "model": {
                "use": "gnm",
                "core": {"use": "convdraw", "steps": 2},
                "renderer": {"use": "separable", "glimpse": glimpse},
            },
        }
    )
    flat = compose({"dims": dims, "model": {"use": "convdraw", "core": "structdraw"}})
    for model in (gnm, flat):
        terms = model.terms(torch.rand(2, 1, 64, 64), 0)
        assert terms.elbo.isfinite().all()
        assert model.sample(2).image.shape == (2, 1, 64, 64)


def test_generating_from_inferred_codes_repeats_the_drawing() -> None:
    model = compose({"dims": {"size": 32, "features": 16, "scene": 4}, "model": "convdraw"})
    drawing = model.core.infer(model.encoder(torch.rand(3, 1, 32, 32)))
    again = model.core.generate(3, drawing.scene)
    torch.testing.assert_close(again.feature_map, drawing.feature_map)
    assert len(again.canvases) == model.core.steps
    for p, q in zip(again.prior, drawing.prior, strict=True):
        torch.testing.assert_close(p.mean, q.mean)


def test_a_cells_code_stays_with_its_cell() -> None:
    """The code is cell by cell: changing one cell's numbers changes the first step's input there alone."""
    core = compose({"dims": {"size": 32, "features": 16, "scene": 4}, "model": "convdraw"}).core
    code = torch.zeros(2, core.steps, core.code_size)
    code[1, :, :4] = 1.0  # cell (0, 0)
    first = core.generate(2, code).canvases[0]
    difference = (first[1] - first[0]).abs().sum(0)
    assert difference[0, 0] > 0
    assert difference[0, 0] == difference.max() or difference[:3, :3].max() == difference.max()
