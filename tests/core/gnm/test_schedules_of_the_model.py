"""What changes while a GNM trains: the temperature of presence, and the foreground's curricula."""

from dataclasses import replace

import pytest
import torch
from gnm_core import SymbolicLatents
from torch import Tensor

from .machines import machine, pictures


def test_presence_relaxes_by_the_temperature_of_its_step() -> None:
    model = machine(temperature={"from": 5, "to": 0.05, "until": 100})

    def certainty(step: int) -> Tensor:
        torch.manual_seed(5)
        return (model.infer(pictures(model, 50), step).latents.presence - 0.5).abs().mean()

    assert certainty(0) < certainty(50) < certainty(100)
    assert certainty(100) == certainty(5000)


def test_the_supplements_curriculum_makes_the_foreground_answer() -> None:
    model = machine(masks=True, curriculum={"use": "box-mask", "value": 0.9, "until": 20})
    image = pictures(model)

    def alpha(step: int) -> Tensor:
        return model.infer(image, step, mode=True).rendering.alpha

    latents = model.infer(image, 0, mode=True).latents
    torch.testing.assert_close(alpha(0), model.renderer(latents, torch.zeros(4, 2), box_mask=0.9).alpha)
    torch.testing.assert_close(alpha(19), alpha(0))
    torch.testing.assert_close(alpha(20), model.renderer(latents, torch.zeros(4, 2)).alpha)
    assert not torch.allclose(alpha(20), alpha(0))


def test_while_all_objects_are_there_the_picture_does_not_depend_on_their_presence() -> None:
    model = machine(True, curriculum={"use": "in-turn", "masks": 0, "absence": 2})
    latents, behind = model.infer_symbols(pictures(model), mode=True).latents, torch.zeros(4, 2)
    absent = replace(latents, presence=torch.zeros_like(latents.presence))
    assert torch.equal(model.render(latents, behind, 1).image, model.render(absent, behind, 1).image)
    assert not torch.equal(model.render(latents, behind, 2).image, model.render(absent, behind, 2).image)


def test_while_all_objects_are_there_nothing_but_its_own_divergence_moves_their_presence() -> None:
    model = machine(True, curriculum={"use": "in-turn", "masks": 0, "absence": 2})
    for step, moved in ((1, False), (2, True)):
        model.zero_grad()
        terms = model.level_terms("symbols", pictures(model), step)
        others = [value for name, value in terms.auxiliary.items() if name != "presence"]
        (sum(others) - terms.log_likelihood).mean().backward()
        gradient = model.head.presence.weight.grad
        assert (gradient is not None and bool(gradient.any())) == moved


def test_the_published_curriculum_covers_the_image_between_its_steps() -> None:
    options = {"use": "image-alpha", "alpha": 0.9, "presence": 0.4, "until": 20}
    model = machine(masks=True, curriculum=options)
    image = pictures(model)

    def seen(step: int) -> Tensor:
        return model.infer(image, step, mode=True).rendering

    for step in (1, 19):
        assert (seen(step).alpha == 0.9).all()
    for step in (0, 20):
        assert not (seen(step).alpha == 0.9).any()
    latents = model.infer(image, 1, mode=True).latents
    assert latents.presence.max() > 0.4, "the terms see presence as it was inferred"
    ceiled = SymbolicLatents(latents.presence.clamp(max=0.4), latents.where, latents.depth, latents.what)
    torch.testing.assert_close(seen(1).foreground, model.renderer(ceiled, torch.zeros(4, 2)).foreground)


@pytest.mark.parametrize("curriculum", ["box-mask", "image-alpha"])
def test_a_curriculum_touches_neither_dreams_nor_reconstructions_nor_weights(curriculum: str) -> None:
    helped, plain = machine(masks=True, curriculum=curriculum), machine(masks=True)
    image = pictures(plain)
    assert torch.equal(helped.reconstruct(image).image, plain.reconstruct(image).image)
    for method in (lambda m: m.sample(2).image, lambda m: m.log_weights(image), lambda m: m.terms(image, 500).elbo):
        torch.manual_seed(4)
        ours = method(helped)
        torch.manual_seed(4)
        assert torch.equal(ours, method(plain))
