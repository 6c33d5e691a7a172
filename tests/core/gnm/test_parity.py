"""GNM computes what the published implementation computed, array by array."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from einops import rearrange
from gnm_core import load_run, load_spec
from gnm_core.cli import main
from gnm_core.gnm.inference import scene_divergence
from gnm_core.gnm.model import GNM
from gnm_core.gnm.published import load_published
from gnm_core.latents import SymbolicDistribution, SymbolicLatents
from gnm_core.results import Rendering
from torch import Tensor
from torch.distributions import Normal

HERE = Path(__file__).parent
"""`parity_mnist.npz`: a small GNM with random weights on random pixels, and all that the published code made of it."""
ELSEWHERE = HERE.parents[3] / "shared" / "parity"
"""The larger cases, with masks and background, are too big for the repository."""
RENDERERS = ("separable", "stn")


def file_of(case: str) -> Path:
    return HERE / "parity_mnist.npz" if case == "mnist" else ELSEWHERE / f"{case}.npz"


CASES = [
    pytest.param(case, marks=pytest.mark.skipif(not file_of(case).is_file(), reason=f"there is no {file_of(case)}"))
    for case in ("mnist", "arrow", "arrow-curriculum")
]


@dataclass(frozen=True)
class Case:
    """One run of the published implementation."""

    meta: dict
    arrays: dict[str, Tensor]

    @classmethod
    def read(cls, name: str) -> "Case":
        with np.load(file_of(name)) as file:
            arrays = {key: torch.from_numpy(file[key]) for key in file.files if key != "meta"}
            return cls(json.loads(file["meta"].tobytes()), arrays)

    def under(self, folder: str) -> dict[str, Tensor]:
        return {k.removeprefix(f"{folder}/"): v for k, v in self.arrays.items() if k.startswith(f"{folder}/")}

    def spec(self, renderer: str) -> dict:
        m = self.meta
        glimpse = {"use": "subpixel", "masks": m["masks"], **decoder(m, "glimpse")}
        background = {"use": "subpixel-background", **decoder(m, "background_decoder")} if m["background"] else None
        return {
            "dims": {
                "channels": m["channels"],
                "size": m["image_size"],
                "grid": m["grid"],
                "features": m["features"],
                "scene": m["scene_dim"],
                "what": m["what_dim"],
                "background": m["background_dim"],
            },
            "model": {
                "use": "gnm",
                "encoder": {"use": "conv", "widths": m["encoder_filters"][:-1:2]},
                "core": {
                    "use": "structdraw",
                    "steps": m["draw_steps"],
                    "kernel": m["convlstm_kernel"],
                    "interaction": m["interaction_mlp"][:-1],
                    "decoder": m["scene_decoder_mlp"][:-1],
                    "prior": {"use": "autoregressive", "hidden": m["interaction_mlp"][:-1]},
                },
                "renderer": {"use": renderer, "glimpse": glimpse, "background": background},
                "where_prior": {
                    "use": "normal",
                    "mean": [m["aux_scale_mean"], 0, 0, 0],
                    "std": [m["aux_scale_std"], m["aux_ratio_std"], m["aux_shift_std"], m["aux_shift_std"]],
                },
                "curriculum": "image-alpha" if m["masks"] else None,
                "sigma": m["likelihood_sigma"],
                "head": m["structure_head_filters"],
                "presence_scale": m["presence_logit_scale"],
                "background_posterior": m["background_posterior_mlp"][:-1],
                "background_generator": m["background_prior_mlp"][:-1],
            },
        }

    def model(self, renderer: str) -> GNM:
        model = load_spec(self.spec(renderer)).model()
        assert isinstance(model, GNM)
        load_published(model, self.under("weights"))
        return model


def decoder(meta: dict, name: str) -> dict:
    return {
        "channels": meta[f"{name}_filters"][:-1],
        "kernels": meta[f"{name}_kernels"],
        "upscales": meta[f"{name}_upscales"],
    }


def channels_first(x: Tensor) -> Tensor:
    return rearrange(x, "b h w d -> b d h w")


def drawn(name: str, steps: tuple[Normal, ...]) -> dict[str, Tensor]:
    return {
        f"scene_{name}_mean": torch.stack([d.mean for d in steps], 1),
        f"scene_{name}_std": torch.stack([d.stddev for d in steps], 1),
    }


def named(name: str, d: SymbolicDistribution) -> dict[str, Tensor]:
    arrays = {f"{name}_presence_logits": d.presence.logits}
    for latent in ("where", "depth", "what"):
        arrays |= {f"{name}_{latent}_mean": getattr(d, latent).mean, f"{name}_{latent}_std": getattr(d, latent).stddev}
    return {key: channels_first(value) for key, value in arrays.items()}


def symbols(latents: SymbolicLatents) -> dict[str, Tensor]:
    return {name: channels_first(getattr(latents, name)) for name in ("presence", "where", "depth", "what")}


def layers(rendering: Rendering) -> dict[str, Tensor]:
    return {name: getattr(rendering, name) for name in ("image", "foreground", "alpha", "background")}


@torch.no_grad()
def inferred(model: GNM, image: Tensor, step: int) -> dict[str, Tensor]:
    seen = model.infer(image, step, mode=True)
    terms = model.terms_of(image, seen, step)
    return {
        "encoding": seen.features,
        "feature_map": seen.drawing.feature_map,
        **drawn("prior", seen.drawing.prior),
        **drawn("posterior", seen.drawing.posterior),
        **named("q", seen.posterior),
        **named("p", seen.prior),
        **symbols(seen.latents),
        "where_raw": channels_first(seen.sample.where),
        **{f"recon_{name}": value for name, value in layers(seen.rendering).items()},
        "log_likelihood": terms.log_likelihood,
        **{f"kl_{name}": value for name, value in terms.kl.items() if name != "scene"},
        "kl_scene_steps": scene_divergence(seen.drawing),
        **{f"kl_aux_{name}": value for name, value in terms.auxiliary.items()},
        **{f"log_weight_{name}": value for name, value in model.log_ratios(seen).items()},
        "aux_presence_prob": model.presence_prior.reference(step).probs,
    }


@torch.no_grad()
def generated(model: GNM, scene: Tensor, step: int) -> dict[str, Tensor]:
    sample = model.generate(len(scene), scene, step=step)
    return {
        "scene": sample.code,
        "feature_map": model.core.generate(len(scene), scene).feature_map,
        **layers(sample.rendering),
        **{f"latent_{name}": value for name, value in symbols(sample.latents).items()},
    }


def agree(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    for name, expected in theirs.items():
        if name not in ours:
            assert name.endswith("background"), f"{name}: the model has no such array"
            assert not expected.any(), f"{name}: the model has no such term, the published one does"
            continue
        assert ours[name].shape == expected.shape, name
        error = (ours[name] - expected).abs().max() / expected.abs().max().clamp(min=1e-12)
        assert error < 1e-4, f"{name}: relative error {error:.2g}"


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("name", CASES)
def test_a_training_pass_agrees_in_every_array(name: str, renderer: str) -> None:
    case = Case.read(name)
    model = case.model(renderer)
    agree(inferred(model, case.arrays["image"], case.meta["step"]), case.under("infer"))
    assert model.temperature(case.meta["step"]) == pytest.approx(case.meta["schedule_values"]["tau_pres"])


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("name", CASES)
def test_generation_from_given_codes_agrees_in_every_array(name: str, renderer: str) -> None:
    case = Case.read(name)
    theirs = case.under("generate")
    agree(generated(case.model(renderer), theirs["scene"], case.meta["step"]), theirs)


@pytest.mark.parametrize("name", CASES)
def test_every_weight_is_taken_over(name: str) -> None:
    case = Case.read(name)
    assert sum(p.numel() for p in case.model("separable").parameters()) == case.meta["parameters"]


@pytest.mark.parametrize("name", CASES)
def test_the_importer_makes_a_run_that_generates_the_published_pictures(name: str, tmp_path: Path) -> None:
    case = Case.read(name)
    torch.save(case.under("weights"), tmp_path / "published.pth")
    (tmp_path / "spec.yaml").write_text(json.dumps(case.spec("separable")))  # JSON is YAML
    command = ["import", tmp_path / "published.pth", "--spec", tmp_path / "spec.yaml", "--out", tmp_path / "run"]
    result = CliRunner().invoke(main, list(map(str, command)))
    assert result.exit_code == 0, result.output
    model = load_run(tmp_path / "run").model
    assert isinstance(model, GNM)
    theirs = case.under("generate")
    agree(generated(model, theirs["scene"], case.meta["step"]), theirs)


OBJECTIVES = {
    "kl.scene": "beta_global",
    "kl.presence": "beta_pres",
    "kl.where": "beta_where",
    "kl.depth": "beta_depth",
    "kl.what": "beta_what",
    "kl.background": "beta_bg",
    "auxiliary.presence": "beta_aux_pres",
    "auxiliary.where": "beta_aux_where",
    "auxiliary.depth": "beta_aux_depth",
    "auxiliary.what": "beta_aux_what",
    "auxiliary.background": "beta_aux_bg",
}


@pytest.mark.parametrize("name", CASES)
def test_the_shipped_specs_weigh_every_term_as_published(name: str) -> None:
    """Ours against the published schedules' values at the case's step."""
    case = Case.read(name)
    spec = "arrow-room" if case.meta["masks"] else "mnist-4"
    objective = load_spec(spec, ["data=null"]).objective()
    step = case.meta["step"]
    terms = case.model("separable").terms(case.arrays["image"], step)
    weights = objective(terms, step).weights
    assert weights == pytest.approx({ours: case.meta["schedule_values"][OBJECTIVES[ours]] for ours in weights})
