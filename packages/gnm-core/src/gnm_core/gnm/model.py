"""The Generative Neurosymbolic Machine: infer, draw, render. Nothing here knows how it is trained."""

import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Le, MinLen
from torch import Tensor, nn
from torch.distributions import Distribution

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
from gnm_core.deprecated import renamed_method
from gnm_core.dims import Dims
from gnm_core.distributions import divergence, elementwise_divergence, gaussian_log_likelihood, per_image
from gnm_core.errors import EditError, OptionError
from gnm_core.gnm import levels
from gnm_core.gnm.background import background_given, background_of, with_background
from gnm_core.gnm.complete import complete
from gnm_core.gnm.crops import read_crops
from gnm_core.gnm.depth import in_front
from gnm_core.gnm.inference import (
    Background,
    GeneratedBackground,
    Inference,
    SymbolicInference,
    maps_for,
    monitor_of,
    scene_divergence,
    scene_log_ratio,
    symbols_given,
)
from gnm_core.gnm.named import Boxes, components_of, named_objects
from gnm_core.gnm.structure_head import StructureHead
from gnm_core.gnm.where import in_image_frame, to_image_frame
from gnm_core.latents import SymbolicDistribution, SymbolicLatents, SymbolicSample
from gnm_core.layers.mlp import mlp
from gnm_core.results import Components, Drawing, Objects, Rendering, Scene, Terms

FINAL_STEP = 10**9
"""A training step by which every schedule has ended."""

Symbols = Literal["mode", "sample"]
"""What to take of a distribution over symbols."""


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
        background_encoder: reads z^b past the objects, which makes its posterior q(z^b | x, z^pres, z^where), or
            q(z^b | x, z^s); None for q(z^b | f^x), as published.
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
        head: Annotated[tuple[Annotated[int, Ge(1), Le(65536)], ...], MinLen(1)] = (64, 64),
        presence_scale: Annotated[float, Gt(0)] = 8.8,
        background_posterior: Annotated[tuple[Annotated[int, Ge(1), Le(65536)], ...], MinLen(1)] = (512, 256),
        background_generator: Annotated[tuple[Annotated[int, Ge(1), Le(65536)], ...], MinLen(1)] = (128, 64),
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
        """(B, C, H, W) → one pass with a value of every posterior.

        Args:
            image: pictures in [0, 1].
            step: training step, for the temperature and the curriculum.
            mode: take means instead of samples, and sigmoid(logits) for relaxed presence.
            hard: presence is 0 or 1 (its mode, or a Bernoulli sample) and there is no curriculum.
        """
        symbols = self.infer_symbols(image, step, mode=mode, hard=hard)
        drawing = self.core.infer(symbols.features, mode=mode)
        background = None
        if symbols.background is not None:
            background = GeneratedBackground(**vars(symbols.background), prior=background_given(self, drawing))
        both = {**vars(symbols), "background": background}
        return Inference(**both, drawing=drawing, prior=symbols_given(self.head, self.core, drawing.feature_map))

    def infer_symbols(
        self, image: Tensor, step: int = 0, *, mode: bool = False, hard: bool = False
    ) -> SymbolicInference:
        """(B, C, H, W) → what the symbolic level makes of it; arguments as of `infer`."""
        encoded = features = self.encoder(image)
        q = self.head(encoded)
        z = self._value(q, step, mode=mode, hard=hard)
        if self.glimpse_encoder is not None:
            features = features + read_crops(self.glimpse_encoder, image, to_image_frame(z.where))
            what = self.head(features).what
            q, z = replace(q, what=what), replace(z, what=what.mean if mode else what.rsample())
        latents, background, behind = in_image_frame(z), None, None
        if self.background_generator is not None:
            posterior = background_of(self, image, encoded, latents, None if hard else step)
            behind = posterior.mean if mode else posterior.rsample()
            background = Background(behind, posterior)
            features = with_background(self, features, posterior)
        rendering = self.render(latents, behind, None if hard else step)
        return SymbolicInference(maps_for(self.core, encoded, features), q, z, latents, background, rendering)

    def _value(self, q: SymbolicDistribution, step: int, *, mode: bool, hard: bool) -> SymbolicSample:
        if hard:
            return q.mode if mode else q.rsample(hard=True)
        z = q.mean if mode else q.rsample(self.temperature(step))
        if self.curriculum is not None and self.curriculum.at(step).present:
            # Here, or the auxiliary KLs that it weighs would drive it out.
            z = replace(z, presence=torch.ones_like(z.presence))
        return z

    def render(self, latents: SymbolicLatents, background: Tensor | None, step: int | None = None) -> Rendering:
        """The picture of a symbolic map, under the curriculum of training step `step` (None: no curriculum)."""
        if self.curriculum is None or step is None:
            plain: Rendering = self.renderer(latents, background)
            return plain
        state = self.curriculum.at(step)
        if state.presence is not None:
            latents = replace(latents, presence=latents.presence.clamp(max=state.presence))
        if state.present:
            latents = replace(latents, presence=torch.ones_like(latents.presence))
        helped: Rendering = self.renderer(latents, background, box_mask=state.box_mask, alpha=state.alpha)
        return helped

    def terms(self, image: Tensor, step: int) -> Terms:
        """(B, C, H, W) → the terms of equation 5: the ELBO of equations 1 and 2, the auxiliary KLs of 3 and 4."""
        return self.terms_of(image, self.infer(image, step), step)

    def terms_of(self, image: Tensor, seen: Inference, step: int) -> Terms:
        """The terms of an inference already made; the objective gives them their betas."""
        q, p, background = seen.posterior, seen.prior, seen.background
        kl = {
            "scene": scene_divergence(seen.drawing).sum(dim=1),  # KL(q(z^g | x) || p(z^g))
            **q.divergence(p, seen.sample),  # KL(q(z^s | x) || p(z^s | z^g))
        }
        if background is not None:
            kl["background"] = background.divergence(background.prior)  # KL(q(z^b | x) || p(z^b | z^g))
        return Terms(
            log_likelihood=gaussian_log_likelihood(image, seen.rendering.image, self.sigma),  # log p(x | z^s, z^b)
            kl=kl,
            auxiliary=self.auxiliary_of(seen, step),
            monitor=monitor_of(q),
        )

    def auxiliary_of(self, seen: SymbolicInference, step: int) -> dict[str, Tensor]:
        """Name to (B,): L_o and L_b of equations 3 and 4, with their signs turned, in nats per image.

        Where, depth and what of a cell count as much as the cell holds an object.
        """
        q, z = seen.posterior, seen.sample
        present = z.presence.clamp(min=self.absent)

        def weighted(posterior: Distribution, prior: LatentPrior, sample: Tensor) -> Tensor:
            return per_image(present * elementwise_divergence(posterior, prior.reference(step), sample))

        auxiliary = {
            "presence": divergence(q.presence, self.presence_prior.reference(step), z.presence),
            "where": weighted(q.where, self.where_prior, z.where),
            "depth": weighted(q.depth, self.depth_prior, z.depth),
            "what": weighted(q.what, self.what_prior, z.what),
        }
        if seen.background is not None:
            auxiliary["background"] = seen.background.divergence(self.background_prior.reference(step))
        return auxiliary

    def level_inputs(self, level: str, image: Tensor) -> Tensor | None:
        """(B, C, H, W) → what a level learns from: `scene_inputs` for the scene level, `Core.prior_inputs` for the
        prior; None for the symbolic level, which learns from images.
        """
        if level == "symbols":
            return None
        inputs = levels.scene_inputs(self, image)
        if level == "prior":
            return self.core.prior_inputs(levels.finished_symbols(self, inputs).features)
        return inputs

    def level_terms(self, level: str, inputs: Tensor, step: int) -> Terms:
        """The terms of one level by itself: first the symbols, then, all below it frozen, the scene code."""
        if level == "symbols":
            return levels.symbolic_terms(self, inputs, step)
        return levels.prior_terms(self, inputs) if level == "prior" else levels.scene_terms(self, inputs)

    @torch.no_grad()
    def sample(self, n: int) -> Scene:
        """`n` new scenes: z^g is sampled, everything below takes its mode (supplement, section 4.1)."""
        return self.generate(n)

    @torch.no_grad()
    def generate(
        self, n: int, code: Tensor | None = None, *, symbols: Symbols = "mode", step: int | None = None
    ) -> Scene:
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
        return self.generate(len(code), code)

    @torch.no_grad()
    def scene_of(self, drawing: Drawing, *, symbols: Symbols = "mode", step: int | None = None) -> Scene:
        """The scene that a drawing describes, through p(z^s | z^g) and p(z^b | z^g)."""
        p, background = symbols_given(self.head, self.core, drawing.feature_map), None
        if self.background_generator is not None:
            prior = background_given(self, drawing)
            background = prior.mean if symbols == "mode" else prior.rsample()
        latents = in_image_frame(p.mode if symbols == "mode" else p.rsample(hard=True))
        return self._scene(latents, p, background, drawing.scene, self.render(latents, background, step))

    @torch.no_grad()
    def reconstruct(self, image: Tensor) -> Scene:
        """(B, C, H, W) → the scene of the modes of q(z^s | x) and q(z^b | x), with z^g's mean as its code."""
        seen = self.infer(image, mode=True, hard=True)
        background = seen.background.value if seen.background is not None else None
        return self._scene(seen.latents, seen.posterior, background, seen.drawing.scene, seen.rendering)

    @torch.no_grad()
    def reconstruct_from_scene(self, image: Tensor, *, sample: bool = False) -> Scene:
        """(B, C, H, W) → the scene that the mean (or a sample) of q(z^g | x) alone describes, by the prior below it."""
        if not sample:
            return self.scene_of(self.draw(image))
        return self.scene_of(self.core.infer(self.infer_symbols(image, mode=True, hard=True).features))

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
        """(B, C, H, W) → every cell's object on its own canvas, and what can be seen of it among the others."""
        latents = self.reconstruct(image).latents
        assert latents is not None
        return components_of(latents, self.renderer)

    def complete(self, scene: Scene, keep: Sequence[int], *, proposals: int = 512) -> Completion:
        """One scene with some objects kept and the others generated given them, before the same background.

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
        seen = self.infer(image, FINAL_STEP, hard=exact)
        likelihood = gaussian_log_likelihood(image, seen.rendering.image, self.sigma)
        return likelihood + sum(self.log_ratios(seen).values())

    def log_ratios(self, seen: Inference) -> dict[str, Tensor]:
        """Name to (B,): log p(z) - log q(z | x) of each latent of an inference, in nats."""
        p, q = seen.prior.log_prob(seen.sample), seen.posterior.log_prob(seen.sample)
        ratios = {"scene": scene_log_ratio(seen.drawing), **{name: p[name] - q[name] for name in p}}
        if seen.background is not None:
            ratios["background"] = seen.background.log_ratio()
        return ratios

    def _scene(
        self,
        latents: SymbolicLatents,
        distribution: SymbolicDistribution,
        background: Tensor | None,
        code: Tensor,
        rendering: Rendering,
    ) -> Scene:
        return Scene(
            image=rendering.image.clamp(0, 1),
            objects=named_objects(latents, distribution, self.boxes, self.renderer, self.dims.size),
            code=code,
            latents=latents,
            background=background,
            rendering=rendering,
            maker=weakref.ref(self),
        )

    see = renamed_method("see", "infer_symbols")
    dream = renamed_method("dream", "generate")
