"""A core with a code in every cell: exact distributions, a causal prior, and codes that its prior alone can learn."""

import pytest
import torch
from gnm_core import Dims, OptionError, compose
from gnm_core.contracts import Core
from gnm_core.distributions import divergence, log_prob
from gnm_core.gnm.inference import scene_divergence, symbols_given
from gnm_core.layers.standardise import Standardise
from gnm_core.parts.cores.cells import Cells
from gnm_core.parts.cores.structdraw import StructDRAW
from gnm_core.parts.priors.autoregressive import AutoregressivePrior
from gnm_core.quantised_distributions import QuantisedNormal, levels_like, nearest
from gnm_core.testing import check_part
from torch import Tensor

DIMS = Dims(features=6, grid=2, scene=3)
N = 40_000


@pytest.fixture(params=[False, True], ids=["plain", "gated"])
def core(request: pytest.FixtureRequest) -> Cells:
    torch.manual_seed(0)
    core = Cells(DIMS, levels=4, width=16, heads=2, prior=2, hidden=8, gated=request.param)
    with torch.no_grad():
        for parameter in core.parameters():  # a prior that says something
            parameter.add_(0.3 * torch.randn_like(parameter))
    return core.eval()


def features(batch: int) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(batch, 6, 2, 2)


def every_code(levels: int, numbers: int) -> Tensor:
    return torch.cartesian_prod(*[levels_like(torch.zeros(()), levels)] * numbers)


def test_a_posterior_is_a_distribution_over_levels() -> None:
    q = QuantisedNormal(torch.tensor([0.3, -1.1, 0.0]), torch.tensor([0.2, 0.05, 3.0]), 4)
    codes = every_code(4, 3)
    masses = torch.stack([q.log_prob(code) for code in codes]).exp()
    torch.testing.assert_close(masses.sum(), torch.tensor(1.0))
    counts = torch.zeros(64)
    torch.manual_seed(0)
    drawn = nearest(q.sample((N,)), 4) @ torch.tensor([16, 4, 1])
    counts.index_add_(0, drawn, torch.ones(N))
    assert ((counts / N - masses).abs() <= 5 * (masses / N).sqrt() + 1e-4).all()


def test_a_sample_is_a_level_and_moves_with_its_location() -> None:
    location = torch.tensor([0.31, -0.4], requires_grad=True)
    z = QuantisedNormal(location, torch.tensor([0.1, 0.1]), 5).rsample()
    torch.testing.assert_close(z, levels_like(z, 5)[nearest(z, 5)])
    z.sum().backward()
    torch.testing.assert_close(location.grad, torch.ones(2))


def test_a_cells_prior_is_a_distribution_over_all_codes(core: Cells) -> None:
    prior = core.generate(1).prior[2]
    masses = torch.cat([prior.log_prob(code[None]) for code in every_code(4, 3)]).exp()
    torch.testing.assert_close(masses.sum(), torch.tensor(1.0))


def test_generated_codes_follow_the_prior(core: Cells) -> None:
    codes = core.prior.sample(N)
    first = core.generate(1, codes[:1]).prior[0]  # the first cell depends on nothing
    masses = torch.cat([first.log_prob(code[None]) for code in every_code(4, 3)]).exp().detach()
    counts = torch.zeros(64).index_add_(0, nearest(codes[:, 0], 4) @ torch.tensor([16, 4, 1]), torch.ones(N))
    assert ((counts / N - masses).abs() <= 5 * (masses / N).sqrt() + 1e-4).all()
    # and the entropy of the others: codes are as likely as a sample of their own distributions
    some = codes[:2000]
    again = core.generate(len(some), some)
    given = torch.stack([log_prob(p, z) for p, z in zip(again.prior, some.unbind(1), strict=True)], 1)
    fresh = torch.stack([log_prob(p, p.sample()) for p in again.prior], 1)
    gap = (given - fresh).mean(0) / ((given - fresh).std(0) / len(some) ** 0.5)
    assert (gap.abs() < 5).all()


def test_no_cell_of_the_prior_sees_itself_or_a_later_one(core: Cells) -> None:
    codes = core.prior.sample(8)
    before = core.prior(codes)
    changed = codes.clone()
    changed[:, 2] = -changed[:, 2]
    after = core.prior(changed)
    torch.testing.assert_close(after[:, :2], before[:, :2])
    torch.testing.assert_close(after[:, 2, 0], before[:, 2, 0])  # nor a number itself
    assert not torch.allclose(after[:, 2, 1:], before[:, 2, 1:])
    assert not torch.allclose(after[:, 3], before[:, 3])


def test_the_divergence_is_its_monte_carlo_estimate(core: Cells) -> None:
    q = core.infer(features(1)).posterior
    assert q is not None
    many = [QuantisedNormal(p.location.expand(N, -1), p.scale.expand(N, -1), 4) for p in q]
    codes = torch.stack([p.sample() for p in many], 1)
    prior = core.generate(N, codes).prior
    for q_l, p_l, z in zip(many, prior, codes.unbind(1), strict=True):
        close, plain = divergence(q_l, p_l, z), log_prob(q_l, z) - log_prob(p_l, z)
        error = (close - plain).std() / N**0.5
        assert (close.mean() - plain.mean()).abs() <= 5 * error + 1e-5
        assert close.std() <= plain.std() + 1e-6


def test_the_divergence_of_all_cells_at_once_is_that_of_each(core: Cells) -> None:
    drawing = core.infer(features(3))
    assert drawing.posterior is not None
    steps = zip(drawing.posterior, drawing.prior, drawing.scene.unbind(1), strict=True)
    torch.testing.assert_close(scene_divergence(drawing), torch.stack([divergence(*step) for step in steps], 1))


def test_the_prior_alone_learns_from_the_divergence_of_the_whole(core: Cells) -> None:
    seen = features(5)
    torch.manual_seed(2)
    whole = scene_divergence(core.infer(seen))
    torch.manual_seed(2)
    torch.testing.assert_close(core.prior_divergence(core.prior_inputs(seen)), whole)
    core.zero_grad()
    core.prior_divergence(core.prior_inputs(seen).detach()).mean().backward()
    reached = {name for name, p in core.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached == {name for name, _ in core.named_parameters() if name.startswith("prior.")}


def test_a_model_of_cells_has_a_level_for_its_prior() -> None:
    renderer = {
        "use": "separable",
        "glimpse": {"use": "subpixel", "channels": [8], "kernels": [1, 3], "upscales": [4, 2]},
    }
    model = {"use": "gnm", "renderer": renderer, "core": {"use": "cells", "width": 8, "heads": 2, "hidden": 4}}
    spec = {"dims": {"channels": 1, "size": 32, "grid": 2, "features": 6, "scene": 3, "what": 4}, "model": model}
    gnm = compose(spec)
    assert gnm.levels == ("symbols", "scene", "prior")
    image = torch.rand(3, 1, 32, 32)
    terms = gnm.level_terms("prior", gnm.level_inputs("prior", image), 0)
    assert set(terms.kl) == {"scene"}
    assert compose({**spec, "model": {**model, "core": "structdraw"}}).levels == ("symbols", "scene")


def test_a_core_of_two_maps_sees_f_x_before_the_crops_too() -> None:
    check_part(Core, "cells", maps=2, width=8, heads=2, hidden=4)
    glimpses = {"use": "mlp", "size": 8, "hidden": [8]}
    model = {
        "use": "gnm",
        "glimpse_encoder": glimpses,
        "renderer": {"use": "separable", "glimpse": glimpses},
        "core": {"use": "cells", "maps": 2, "width": 8, "heads": 2, "hidden": 4},
    }
    gnm = compose(
        {"dims": {"channels": 1, "size": 32, "grid": 2, "features": 6, "scene": 3, "what": 4}, "model": model}
    )
    image = torch.rand(3, 1, 32, 32)
    seen = gnm.infer_symbols(image, mode=True, hard=True).features
    torch.testing.assert_close(seen[:, :6], gnm.encoder(image))
    inputs = gnm.level_inputs("scene", image)
    torch.testing.assert_close(gnm.level_inputs("prior", image), gnm.eval().core.prior_inputs(seen))
    assert set(gnm.level_terms("scene", inputs, 0).kl) == {"scene", "presence", "where", "depth", "what"}
    exact = symbols_given(gnm.head, gnm.core, seen)  # a drawing of both maps as they were says what the posterior says
    posterior = gnm.infer_symbols(image, mode=True, hard=True).posterior
    assert sum(kl.sum() for kl in posterior.divergence(exact, posterior.mean).values()) < 1e-3


def test_a_width_that_its_heads_do_not_share_is_refused() -> None:
    with pytest.raises(OptionError, match="heads"):
        Cells(DIMS, width=10, heads=4)


def test_the_map_after_a_step_has_the_cells_up_to_it_and_the_mean_map_elsewhere(core: Cells) -> None:
    drawing = core.infer(features(2))
    order = torch.arange(core.steps).view(core.grid, core.grid)
    assert len(drawing.canvases) == core.steps
    assert drawing.canvases[-1] is drawing.canvases[core.steps - 1] is drawing.feature_map
    for step, canvas in enumerate(drawing.canvases):
        written = order <= step
        assert torch.equal(canvas[..., written], drawing.feature_map[..., written])
        assert torch.equal(canvas[..., ~written], core.standard.mean[:, None].expand_as(canvas[..., ~written]))
    assert [canvas.shape for canvas in drawing.canvases[1:3]] == [drawing.feature_map.shape] * 2
    with pytest.raises(IndexError):
        drawing.canvases[core.steps]


def test_the_maps_of_a_drawing_stay_as_they_were_while_the_core_learns_on(core: Cells) -> None:
    core.train()
    drawing = core.infer(features(4))
    first = drawing.canvases[0]
    core.infer(features(4) + 7)  # moves the mean map
    assert torch.equal(drawing.canvases[0], first)


# Standard units


def test_standard_maps_have_no_mean_and_unit_deviation_from_the_first_batch_on() -> None:
    layer = Standardise(3)
    torch.manual_seed(0)
    scale, shift = torch.tensor([5.0, 0.1, 100.0])[:, None, None], torch.tensor([-3.0, 0.0, 700.0])[:, None, None]
    for _ in range(3):
        standard = layer(scale * torch.randn(64, 3, 4, 4) + shift)
        assert standard.mean((0, 2, 3)).abs().max() < 0.1
        assert (standard.std((0, 2, 3)) - 1).abs().max() < 0.1


def test_standard_maps_come_back_and_evaluation_changes_no_statistics() -> None:
    layer = Standardise(3)
    layer(7 * torch.randn(8, 3, 4, 4) + 1)
    layer.eval()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    maps = torch.randn(8, 3, 4, 4)
    torch.testing.assert_close(layer.inverse(layer(maps)), maps, rtol=1e-4, atol=1e-4)
    assert all(torch.equal(before[name], value) for name, value in layer.state_dict().items())


def test_what_comes_out_for_one_picture_depends_on_no_other_in_its_batch(core: Cells) -> None:
    seen = features(4)
    alone = core.infer(seen[:1], mode=True).feature_map
    torch.testing.assert_close(core.infer(seen, mode=True).feature_map[:1], alone, rtol=1e-4, atol=1e-5)


def test_structdraw_draws_in_standard_units_if_asked() -> None:
    torch.manual_seed(0)
    dims = Dims(features=6, grid=2, scene=3)
    core = StructDRAW(dims, prior=AutoregressivePrior(dims, hidden=(8,)), steps=2, standardise=True)
    far = 50 * torch.randn(64, 6, 2, 2) + 300
    drawing = core.infer(far)  # the very first step
    assert (drawing.feature_map.mean((0, 2, 3)) - far.mean((0, 2, 3))).abs().max() < 50
    assert drawing.canvases[-1] is drawing.feature_map
    core.eval()
    check_part(Core, "structdraw", standardise=True, maps=2)
