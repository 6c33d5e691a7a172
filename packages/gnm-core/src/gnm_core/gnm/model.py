"""The Generative Neurosymbolic Machine: infer, draw, render. Nothing here knows how it is trained."""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Le, MinLen
from einops import rearrange
from torch import Tensor, nn
from torch.distributions import Distribution, Normal

from gnm_core.completion import Completion
from gnm_core.contracts import (
    BackgroundEncoder,
    Core,
    Curriculum,
    Default,
    Encoder,
    GlimpseEncoder,
    LatentPrior,
    Model,
    PresencePrior,
    Renderer,
    Schedule,
)
from gnm_core.dims import Dims
from gnm_core.distributions import (
    bernoulli_log_mass,
    divergence,
    elementwise_divergence,
    log_prob,
    normal,
    per_image,
    relaxed_sample,
)
from gnm_core.errors import EditError, OptionError
from gnm_core.gnm.complete import complete
from gnm_core.gnm.depth import in_front
from gnm_core.gnm.structure_head import StructureHead
from gnm_core.gnm.where import to_image_frame, to_pixels
from gnm_core.latents import SymbolicDistribution, SymbolicLatents
from gnm_core.layers.boxes import cover, crop, tight_boxes
from gnm_core.layers.mlp import mlp
from gnm_core.likelihood import gaussian_log_likelihood
from gnm_core.results import Components, Drawing, Objects, Rendering, Scene, Terms

ENDLESS = 10**9
"""A training step by which every schedule has ended."""

Boxes = Literal["where", "shape"]
"""What the boxes of named objects are."""

Symbols = Literal["mode", "sample"]
"""What to take of a distribution over symbols."""


@dataclass(frozen=True)
class Sight:
    """What the symbolic level makes of a batch of images, with one sample (or the mean) of each posterior."""

    features: Tensor
    """(B, E, G, G): f^x, with what the crops of boxes and the background add to it: what the core sees."""
    posterior: SymbolicDistribution
    """q(z^s | f^x)."""
    where: Tensor
    """(B, G, G, 4): sample of z^where before its transform."""
    latents: SymbolicLatents
    """Sample of z^s."""
    background: Tensor | None
    """(B, Z): sample of z^b."""
    background_posterior: Normal | None
    """q(z^b | f^x)."""
    rendering: Rendering
    """The picture of the sample."""


@dataclass(frozen=True)
class Inference(Sight):
    """Everything that one pass over a batch of images yields: both levels."""

    drawing: Drawing
    """z^g, its priors and posteriors, and the feature map that it describes."""
    prior: SymbolicDistribution
    """p(z^s | f_L)."""
    background_prior: Normal | None
    """p(z^b | z^g)."""


@dataclass(frozen=True)
class _Finished:
    """Symbols that no longer learn, as the scene level finds them."""

    posterior: SymbolicDistribution
    features: Tensor
    background_posterior: Normal | None


class GNM(Model):
    """Generative Neurosymbolic Machine (Jiang and Ahn, NeurIPS 2020), in both variants of its paper.

    With a renderer that has masks and a background it is the model of Arrow Room; without, that of MNIST.

    Args:
        dims: sizes.
        encoder: f^x of the image.
        core: z^g and the feature map f_L.
        renderer: image of the symbolic map; its background decides whether there is a z^b.
        presence_prior: reference of the auxiliary KL of z^pres.
        where_prior: reference of z^where, before its transform.
        depth_prior: reference of z^depth.
        what_prior: reference of z^what.
        background_prior: reference of z^b.
        temperature: of the relaxed z^pres, at each training step.
        curriculum: early help for the foreground.
        glimpse_encoder: adds the crop of each sampled box to the features that z^what is read from, which makes its
            posterior q(z^what | x, z^where), as in SPACE; None for q(z^what | f^x), as published.
        sigma: standard deviation of the pixels' likelihood.
        absent: least weight of a cell's auxiliary KLs, which z^pres weighs. As published, a cell without an object may
            say anything, and the scene code then has to say it too; with more, it says what its references say.
        background_encoder: reads z^b past the objects, which makes its posterior q(z^b | x, z^pres, z^where); None for
            q(z^b | f^x), as published.
        boxes: what the boxes of objects are when they are named: z^where's own, as published, or tight about the shape
            that is painted in each.
        head: hidden channels of the head for z^s, shared by posterior and prior (64, 64 on MNIST; 128, 128 on Arrow
            Room).
        presence_scale: largest presence logit.
        background_posterior: hidden sizes of q(z^b | f^x) (Table 7).
        background_generator: hidden sizes of p(z^b | z^g) (Table 7).
    """

    levels: tuple[str, ...]
    """What trains by itself: the symbolic level, from images, without a scene code; the scene level above it; and where
    the core's prior can learn from finished posteriors, the prior."""

    def __init__(
        self,
        dims: Dims,
        *,
        encoder: Annotated[Encoder, Default("conv")],
        core: Annotated[Core, Default("structdraw")],
        renderer: Annotated[Renderer, Default("separable")],
        presence_prior: Annotated[PresencePrior, Default("bernoulli")],
        where_prior: Annotated[LatentPrior, Default("normal")],
        depth_prior: Annotated[LatentPrior, Default("standard-normal")],
        what_prior: Annotated[LatentPrior, Default("standard-normal")],
        background_prior: Annotated[LatentPrior, Default("standard-normal")],
        temperature: Annotated[Schedule, Default("linear", from_=1.0, to=0.5, since=1000, until=20000)],
        curriculum: Curriculum | None = None,
        glimpse_encoder: GlimpseEncoder | None = None,
        background_encoder: BackgroundEncoder | None = None,
        sigma: Annotated[float, Gt(0)] = 0.2,
        boxes: Boxes = "where",
        absent: Annotated[float, Gt(0), Le(1)] = 1e-5,
        head: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)] = (64, 64),
        presence_scale: Annotated[float, Gt(0)] = 8.8,
        background_posterior: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)] = (512, 256),
        background_generator: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)] = (128, 64),
    ) -> None:
        super().__init__()
        self.levels = ("symbols", "scene", *(("prior",) if core.separate_prior else ()))
        self.dims, self.sigma, self.absent = dims, sigma, absent
        self.boxes = boxes
        self.temperature, self.curriculum = temperature, curriculum
        self.encoder, self.core, self.renderer = encoder, core, renderer
        self.glimpse_encoder = glimpse_encoder
        self.presence_prior, self.where_prior = presence_prior, where_prior
        self.depth_prior, self.what_prior, self.background_prior = depth_prior, what_prior, background_prior
        self.head = StructureHead(dims.features, dims.what, head, presence_scale)
        self.background_posterior: nn.Module | None = None
        self.background_encoder: nn.Module | None = None
        self.background_generator: nn.Module | None = None
        if renderer.background is not None:
            # In this order, the one of runs made before: an optimiser's state knows parameters by their number.
            if background_encoder is None:
                flat = dims.features * dims.grid**2
                self.background_posterior = mlp([flat, *background_posterior, 2 * dims.background])
            code = core.steps * core.code_size
            self.background_generator = mlp([code, *background_generator, 2 * dims.background])
            if background_encoder is not None:
                self.background_encoder = background_encoder
                self.background_summary = nn.Linear(dims.background, dims.features)
        elif background_encoder is not None:
            raise OptionError("background_encoder", "reads a background, but the renderer has none")

    def infer(self, image: Tensor, step: int = 0, *, mode: bool = False, hard: bool = False) -> Inference:
        """(B, C, H, W) → one pass with a sample of every posterior.

        Args:
            image: pictures in [0, 1].
            step: training step, for the temperature and the curriculum.
            mode: take means instead of samples, and sigmoid(logits) for relaxed presence.
            hard: presence is 0 or 1 (its mode, or a Bernoulli sample) and there is no curriculum.
        """
        sight = self.see(image, step, mode=mode, hard=hard)
        drawing = self.core.infer(sight.features, mode=mode)
        return Inference(
            **vars(sight),
            drawing=drawing,
            prior=self.head(drawing.feature_map),
            background_prior=None if sight.background is None else self._p_background(drawing),
        )

    def see(self, image: Tensor, step: int = 0, *, mode: bool = False, hard: bool = False) -> Sight:
        """(B, C, H, W) → what the symbolic level makes of it; arguments as of `infer`."""
        encoded = features = self.encoder(image)
        posterior = self.head(encoded)
        logits = posterior.presence.logits
        if hard:
            presence = (logits > 0).to(logits.dtype) if mode else posterior.presence.sample()
        else:
            presence = logits.sigmoid() if mode else relaxed_sample(logits, self.temperature(step))
            if self.curriculum is not None and self.curriculum.at(step).present:
                presence = torch.ones_like(presence)  # here, or the auxiliary KLs that it weighs would drive it out
        where = posterior.where.mean if mode else posterior.where.rsample()
        boxes = to_image_frame(where)
        if self.glimpse_encoder is not None:
            features = features + self._look(image, boxes)
            posterior = replace(posterior, what=self.head(features).what)
        latents = SymbolicLatents(
            presence=presence,
            where=boxes,
            depth=posterior.depth.mean if mode else posterior.depth.rsample(),
            what=posterior.what.mean if mode else posterior.what.rsample(),
        )
        background, q_background = None, None
        if self.background_generator is not None:
            q_background = self._q_background(image, encoded, latents)
            background = q_background.mean if mode else q_background.rsample()
            features = self._with_background(features, q_background)
        rendering = self.render(latents, background, None if hard else step)
        return Sight(features, posterior, where, latents, background, q_background, rendering)

    def _look(self, image: Tensor, where: Tensor) -> Tensor:
        """What the crop of each box (B, G, G, 4) adds to the features of its cell: (B, E, G, G)."""
        assert self.glimpse_encoder is not None
        crops = crop(image, rearrange(where, "b h w d -> b (h w) d"), self.glimpse_encoder.size)
        seen = self.glimpse_encoder(rearrange(crops, "b n c h w -> (b n) c h w"))
        added: Tensor = rearrange(seen, "(b h w) e -> b e h w", h=where.shape[1], w=where.shape[2])
        return added

    def _q_background(self, image: Tensor, features: Tensor, latents: SymbolicLatents) -> Normal:
        """q(z^b | f^x), or q(z^b | x, z^pres, z^where)."""
        if self.background_encoder is None:
            assert self.background_posterior is not None
            parameters = self.background_posterior(features.flatten(1))
        else:
            where, presence = (rearrange(z.detach(), "b h w d -> b (h w) d") for z in (latents.where, latents.presence))
            parameters = self.background_encoder(image, cover(where, presence.squeeze(-1), self.dims.size))
        return normal(*parameters.chunk(2, dim=1))

    def _with_background(self, features: Tensor, posterior: Normal) -> Tensor:
        """Features that tell of a background that was not read from them."""
        if self.background_encoder is None:
            return features
        added: Tensor = self.background_summary(posterior.mean)[..., None, None]
        return features + added

    def render(self, latents: SymbolicLatents, background: Tensor | None, step: int | None = None) -> Rendering:
        """The picture of a symbolic map, under the curriculum of training step `step` (None: no curriculum)."""
        if self.curriculum is None or step is None:
            plain: Rendering = self.renderer(latents, background)
            return plain
        handicap = self.curriculum.at(step)
        if handicap.presence is not None:
            latents = replace(latents, presence=latents.presence.clamp(max=handicap.presence))
        if handicap.present:
            latents = replace(latents, presence=torch.ones_like(latents.presence))
        helped: Rendering = self.renderer(latents, background, box_mask=handicap.box_mask, alpha=handicap.alpha)
        return helped

    def terms(self, image: Tensor, step: int) -> Terms:
        """(B, C, H, W) → log-likelihood, the KLs of equation 1-2, and the auxiliary KLs of equations 3-4."""
        return self.terms_of(image, self.infer(image, step), step)

    def terms_of(self, image: Tensor, seen: Inference, step: int) -> Terms:
        """The terms of an inference already made."""
        q, p, z = seen.posterior, seen.prior, seen.latents
        kl = {"scene": scene_divergence(seen.drawing).sum(dim=1), **symbolic_divergence(q, p, z, seen.where)}
        if seen.background is not None:
            assert seen.background_posterior is not None
            assert seen.background_prior is not None
            kl["background"] = divergence(seen.background_posterior, seen.background_prior, seen.background)
        return Terms(
            log_likelihood=gaussian_log_likelihood(image, seen.rendering.image, self.sigma),
            kl=kl,
            auxiliary=self._auxiliary(seen, step),
            monitor=_monitor(q),
        )

    def level_inputs(self, level: str, image: Tensor) -> Tensor | None:
        """(B, C, H, W) → what a level learns from: f^x (B, E, G, G) for the scene level, `Core.prior_inputs` for the
        prior; None for the symbolic level, which learns from images.

        Then, with a glimpse encoder, what the crops of the mean boxes add to it (E more channels), and with a
        background encoder the mean and the deviation of q(z^b), the same in every cell (2 Z more).
        """
        if level == "symbols":
            return None
        features: Tensor = self.encoder(image)
        named = self.head(features)
        latents = SymbolicLatents(
            (named.presence.logits > 0).float(), to_image_frame(named.where.mean), named.depth.mean, named.what.mean
        )
        inputs = [features]
        if self.glimpse_encoder is not None:
            inputs.append(self._look(image, latents.where))
        if self.background_encoder is not None:
            q = self._q_background(image, features, latents)
            behind = torch.cat([q.mean, q.stddev], 1)[..., None, None]
            inputs.append(behind.expand(-1, -1, self.dims.grid, self.dims.grid))
        packed = torch.cat(inputs, 1)
        return self.core.prior_inputs(self._unpacked(packed).features) if level == "prior" else packed

    def level_terms(self, level: str, inputs: Tensor, step: int) -> Terms:
        """The terms of one level by itself: first the symbols, then, all below it frozen, the scene code.

        The symbolic level is the model without its scene code: likelihood and auxiliary KLs, no prior to agree with.
        The scene level is q(z^g | f^x) and p(z^s | z^g) on finished feature maps, without rendering anything. The prior
        is p(z^g) on finished posteriors.
        """
        if level == "prior":
            scene = self.core.prior_divergence(inputs).sum(dim=1)
            return Terms(torch.zeros_like(scene), {"scene": scene})
        if level == "symbols":
            seen = self.see(inputs, step)
            likelihood = gaussian_log_likelihood(inputs, seen.rendering.image, self.sigma)
            return Terms(likelihood, {}, self._auxiliary(seen, step), _monitor(seen.posterior))
        below = self._unpacked(inputs)
        q, q_background = below.posterior, below.background_posterior
        drawing = self.core.infer(below.features)
        p = self.head(drawing.feature_map)
        z = SymbolicLatents(q.presence.probs, q.where.mean, q.depth.mean, q.what.mean)
        kl = {"scene": scene_divergence(drawing).sum(dim=1), **symbolic_divergence(q, p, z, z.where)}
        if q_background is not None:
            kl["background"] = divergence(q_background, self._p_background(drawing), q_background.mean)
        return Terms(torch.zeros_like(kl["scene"]), kl, {}, _monitor(q))

    def _unpacked(self, inputs: Tensor) -> "_Finished":
        """The scene level's inputs, taken apart."""
        width = self.dims.features
        features = inputs[:, :width]
        posterior, background = self.head(features), None
        if self.background_posterior is not None:
            background = normal(*self.background_posterior(features.flatten(1)).chunk(2, dim=1))
        if self.glimpse_encoder is not None:
            features = features + inputs[:, width : 2 * width]
            posterior = replace(posterior, what=self.head(features).what)
        if self.background_encoder is not None:
            mean, deviation = inputs[:, -2 * self.dims.background :, 0, 0].chunk(2, dim=1)
            background = Normal(mean, deviation, validate_args=False)
            features = self._with_background(features, background)
        return _Finished(posterior, features, background)

    def _auxiliary(self, seen: "Sight", step: int) -> dict[str, Tensor]:
        q, z = seen.posterior, seen.latents
        there = z.presence.clamp(min=self.absent)

        def weighted(posterior: Distribution, prior: LatentPrior, sample: Tensor) -> Tensor:
            return per_image(there * elementwise_divergence(posterior, prior.reference(step), sample))

        auxiliary = {
            "presence": divergence(q.presence, self.presence_prior.reference(step), z.presence),
            "where": weighted(q.where, self.where_prior, seen.where),
            "depth": weighted(q.depth, self.depth_prior, z.depth),
            "what": weighted(q.what, self.what_prior, z.what),
        }
        if seen.background is not None:
            assert seen.background_posterior is not None
            reference = self.background_prior.reference(step)
            auxiliary["background"] = divergence(seen.background_posterior, reference, seen.background)
        return auxiliary

    @torch.no_grad()
    def sample(self, n: int) -> Scene:
        """Dream `n` scenes: z^g is sampled, everything below takes its mode (supplement, section 4.1)."""
        return self.dream(n)

    @torch.no_grad()
    def dream(self, n: int, code: Tensor | None = None, *, symbols: Symbols = "mode", step: int | None = None) -> Scene:
        """The scenes of given scene codes, or of fresh ones.

        Args:
            n: number of scenes.
            code: z^g (n, L, S), or None to sample it from the prior.
            symbols: what to take of p(z^s | z^g) and p(z^b | z^g).
            step: training step whose curriculum the renderer is under; None for none.
        """
        return self.scene_of(self.core.generate(n, code), symbols=symbols, step=step)

    def decode(self, code: Tensor) -> Scene:
        """(B, L, S) → the scenes that scene codes describe, by the modes of what lies below."""
        return self.dream(len(code), code)

    @torch.no_grad()
    def scene_of(self, drawing: Drawing, *, symbols: Symbols = "mode", step: int | None = None) -> Scene:
        """The scene that a drawing describes, through p(z^s | f) and p(z^b | z^g)."""
        p = self.head(drawing.feature_map)
        background = None
        if self.background_generator is not None:
            prior = self._p_background(drawing)
            background = prior.mean if symbols == "mode" else prior.rsample()
        logits = p.presence.logits
        if symbols == "mode":
            presence, where, depth, what = (logits > 0).to(logits.dtype), p.where.mean, p.depth.mean, p.what.mean
        else:
            presence, where, depth, what = (
                p.presence.sample(),
                p.where.rsample(),
                p.depth.rsample(),
                p.what.rsample(),
            )
        latents = SymbolicLatents(presence, to_image_frame(where), depth, what)
        return self._scene(latents, p, background, drawing.scene, self.render(latents, background, step))

    @torch.no_grad()
    def reconstruct(self, image: Tensor) -> Scene:
        """(B, C, H, W) → the scene of the modes of q(z^s | x) and q(z^b | x), with z^g's mean as its code."""
        seen = self.infer(image, mode=True, hard=True)
        return self._scene(seen.latents, seen.posterior, seen.background, seen.drawing.scene, seen.rendering)

    @torch.no_grad()
    def reconstruct_from_scene(self, image: Tensor, *, sample: bool = False) -> Scene:
        """(B, C, H, W) → the scene that the mean (or a sample) of q(z^g | x) alone describes, by the prior below it."""
        if not sample:
            return self.scene_of(self.draw(image))
        return self.scene_of(self.core.infer(self.see(image, mode=True, hard=True).features))

    @torch.no_grad()
    def draw(self, image: Tensor) -> Drawing:
        """(B, C, H, W) → the drawing of the mean of q(z^g | x)."""
        return self.infer(image, mode=True, hard=True).drawing

    @torch.no_grad()
    def objects(self, image: Tensor) -> Objects:
        """(B, C, H, W) → box, confidence and code of every cell (N = G * G)."""
        objects = self.reconstruct(image).objects
        assert objects is not None
        return objects

    @torch.no_grad()
    def components(self, image: Tensor) -> Components:
        """(B, C, H, W) → every cell's object on its own canvas, and what can be seen of it among the others.

        Without masks an object shows where it shines.
        """
        latents = self.reconstruct(image).latents
        assert latents is not None
        layers = self.renderer.layers(latents)
        if not self.renderer.masks:
            return replace(layers, shares=layers.masks * layers.images.amax(2, keepdim=True))
        nearness = rearrange(latents.depth, "b h w 1 -> b (h w) 1 1 1").neg().sigmoid()
        claims = layers.masks * nearness
        return replace(layers, shares=layers.masks * claims / claims.sum(1, keepdim=True).clamp(min=1e-15))

    def complete(self, scene: Scene, keep: Sequence[int], *, proposals: int = 512) -> Completion:
        """One scene with some objects kept and the others dreamt given them, before the same background.

        A core with a code in every cell draws the cells that are not kept by a particle filter, exact for many
        proposals. With any other core, scene codes of the prior are weighed by how likely each makes the kept symbols,
        and one is taken by its weight. Below the code, the other symbols take their mode, as in `sample`.

        Args:
            scene: one scene of this model.
            keep: numbers of objects.
            proposals: how many codes are weighed.

        Raises:
            EditError: there is no such object, or this is no single scene with symbols.
        """
        return complete(self, scene, keep, proposals)

    def in_front(self, depth: Tensor, cell: int, others: Sequence[int]) -> Tensor:
        """(N,) → (N,): depths that bring one cell's object before the others; see `depth.in_front`.

        Raises:
            EditError: without masks no object hides another.
        """
        if not self.renderer.masks:
            raise EditError("objects of this model have no masks: none is in front of another")
        return in_front(depth, cell, others)

    @torch.no_grad()
    def log_weights(self, image: Tensor, *, exact: bool = True) -> Tensor:
        """(B, C, H, W) → (B,): log importance weight of one posterior sample, in nats.

        With `exact`, z^pres is sampled from its Bernoulli, and the estimate is a true lower bound on average. Without,
        it is relaxed at the final temperature and weighed by the discrete mass, as published: a heuristic.
        """
        seen = self.infer(image, ENDLESS, hard=exact)
        likelihood = gaussian_log_likelihood(image, seen.rendering.image, self.sigma)
        return likelihood + sum(self.log_ratios(seen).values())

    def log_ratios(self, seen: Inference) -> dict[str, Tensor]:
        """Name to (B,): log p(z) - log q(z | x) of each latent of an inference, in nats."""
        q, p, z = seen.posterior, seen.prior, seen.latents
        assert seen.drawing.posterior is not None
        steps = zip(seen.drawing.prior, seen.drawing.posterior, seen.drawing.scene.unbind(1), strict=True)
        there = bernoulli_log_mass(p.presence.logits, z.presence) - bernoulli_log_mass(q.presence.logits, z.presence)
        ratios = {
            "scene": torch.stack([log_prob(p_l, z_l) - log_prob(q_l, z_l) for p_l, q_l, z_l in steps]).sum(0),
            "presence": per_image(there),
            "where": log_prob(p.where, seen.where) - log_prob(q.where, seen.where),
            "depth": log_prob(p.depth, z.depth) - log_prob(q.depth, z.depth),
            "what": log_prob(p.what, z.what) - log_prob(q.what, z.what),
        }
        if seen.background is not None:
            assert seen.background_posterior is not None
            assert seen.background_prior is not None
            behind = seen.background
            ratios["background"] = log_prob(seen.background_prior, behind) - log_prob(seen.background_posterior, behind)
        return ratios

    def _p_background(self, drawing: Drawing) -> Normal:
        assert self.background_generator is not None
        return normal(*self.background_generator(drawing.scene.flatten(1)).chunk(2, dim=1))

    def _boxes(self, latents: SymbolicLatents) -> Tensor:
        """(B, N, 4) in pixels: of every cell's object."""
        boxes = rearrange(to_pixels(latents.where, self.dims.size), "b h w d -> b (h w) d")
        if self.boxes == "where":
            return boxes
        layers = self.renderer.layers(latents)
        shapes = layers.masks if self.renderer.masks else layers.images.amax(2, keepdim=True)
        return tight_boxes(shapes.squeeze(2), boxes)

    def _scene(
        self,
        latents: SymbolicLatents,
        named: SymbolicDistribution,
        background: Tensor | None,
        code: Tensor,
        rendering: Rendering,
    ) -> Scene:
        def rows(x: Tensor) -> Tensor:
            return rearrange(x, "b h w d -> b (h w) d")

        objects = Objects(
            boxes=self._boxes(latents),
            confidence=rows(named.presence.logits.sigmoid()).squeeze(-1),
            present=rows(latents.presence).squeeze(-1) > 0.5,
            what=rows(latents.what),
            depth=rows(latents.depth).squeeze(-1),
        )
        return Scene(
            image=rendering.image.clamp(0, 1),
            objects=objects,
            code=code,
            latents=latents,
            background=background,
            rendering=rendering,
            maker=weakref.ref(self),
        )


def symbolic_divergence(
    q: SymbolicDistribution, p: SymbolicDistribution, z: SymbolicLatents, where: Tensor
) -> dict[str, Tensor]:
    """Name to (B,): KL(q(z^s) || p(z^s)) of each symbolic latent, in nats per image.

    Args:
        q: posterior.
        p: prior.
        z: sample of q, for latents whose divergence has no closed form.
        where: that of z^where, before its transform.
    """
    return {
        "presence": divergence(q.presence, p.presence, z.presence),
        "where": divergence(q.where, p.where, where),
        "depth": divergence(q.depth, p.depth, z.depth),
        "what": divergence(q.what, p.what, z.what),
    }


def _monitor(q: SymbolicDistribution) -> dict[str, Tensor]:
    return {"objects": per_image((q.presence.logits.detach() > 0).float())}


def scene_divergence(drawing: Drawing) -> Tensor:
    """(B, L): KL(q(z_l) || p(z_l)) of every drawing step, in nats per image."""
    assert drawing.posterior is not None
    steps = zip(drawing.prior, drawing.posterior, drawing.scene.unbind(1), strict=True)
    return torch.stack([divergence(q, p, z) for p, q, z in steps], dim=1)
