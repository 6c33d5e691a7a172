"""On every device, in both precisions: every model learns; a GPU computes what the CPU computes, and does all else."""

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch
from gnm_core import load_run, load_spec
from gnm_core.schema import Stage
from gnm_core.spec import CheckedSpec
from gnm_core.training.learner import Learner
from torch import Tensor

Command = Callable[..., CompletedProcess[str]]

SMALL = (
    *("mnist-4-64-short", "vae-mnist-4-64", "convdraw-4-mnist-4-64"),
    *("space-mnist-4-64-short", "genesis-mnist-4-64", "arrow-room-64"),
)
LARGE = ("mnist-4", "arrow-room", "vae-arrow-room", "convdraw-8-arrow-room", "space-arrow-room", "genesis-arrow-room")
FEW = ("train.checkpoint_every=2", "train.picture_every=2", "train.log_every=1")
QUICK = [
    *("metrics.ll.particles=2", "metrics.s-acc.n=2", "metrics.speed.batch=2", "metrics.d-steps.cap=40"),
    *("metrics.d-steps.pool=64", "metrics.d-steps.held_out=8", "metrics.d-steps.seeds=1"),
]
GPU = torch.device("cuda")

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


def shipped(name: str, *overrides: str) -> CheckedSpec:
    """A shipped spec with a dozen images and two steps of four to a stage."""
    stages = load_spec(name).training().stages or ()
    short = [f"train.stages.{i}.{what}" for i, stage in enumerate(stages) for what in _short(stage)]
    short += ["train.batch=4"] if any(stage.batch is None for stage in stages) or not stages else []
    short += [] if stages else ["train.steps=4"]
    data = [f"data.{split}=12" for split in ("train", "validation", "test")]
    return load_spec(name, [*FEW, *short, *data, *overrides])


def _short(stage: Stage) -> list[str]:
    """What makes a stage short; its batch where it has one of its own, or else everybody's would have no effect."""
    return ["steps=2", *(["batch=4"] if stage.batch is not None else [])]


def learner(name: str, **options: object) -> Learner:
    spec = shipped(name)
    torch.manual_seed(0)
    return Learner(spec.model(), spec.objective(), spec.data("train"), spec.training(), **options)  # type: ignore[arg-type]


def learn(it: Learner) -> None:
    reports = [it.advance() for _ in range(it.plan.total)]
    it.close()
    assert all(report.trouble is None for report in reports)
    for name, tensor in it.model.state_dict().items():
        assert tensor.device.type == it.device.type, name
        assert tensor.isfinite().all(), name


@pytest.mark.parametrize("name", SMALL)
def test_every_model_learns_in_bf16(name: str) -> None:
    learn(learner(name, precision="bf16"))


@pytest.mark.parametrize("name", SMALL)
def test_bf16_rounds_no_latent_and_no_term(name: str) -> None:
    """A box's place needs more than the 8 binary digits of bfloat16, and so does a sum of nats."""
    spec = shipped(name)
    torch.manual_seed(0)
    model = spec.model()
    image = spec.data("train").batch(range(4)).image
    found = []
    for rounded in (False, True):
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=rounded):
            found.append(model.terms(image, 0))
    exact, terms = found
    for kind in ("kl", "auxiliary"):
        for key, value in getattr(terms, kind).items():
            assert value.dtype == torch.float32, key
            torch.testing.assert_close(value, getattr(exact, kind)[key], rtol=0.05, atol=1, msg=key)
    assert terms.log_likelihood.dtype == torch.float32
    torch.testing.assert_close(terms.log_likelihood, exact.log_likelihood, rtol=0.05, atol=0.01 * image[0].numel())


@gpu
@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("name", SMALL + LARGE)
def test_every_model_learns_on_a_gpu(name: str, precision: str) -> None:
    learn(learner(name, device=GPU, precision=precision))


@gpu
@pytest.mark.filterwarnings("ignore")  # torch's own
def test_a_compiled_model_learns_on_a_gpu() -> None:
    learn(learner("mnist-4", device=GPU, compiled=True))


@gpu
@pytest.mark.parametrize("name", SMALL + LARGE)
def test_a_gpu_says_what_the_cpu_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)  # its convolutions round to 10 digits otherwise
    spec = shipped(name)
    torch.manual_seed(0)
    model = spec.model().eval()
    image = spec.data("train").batch(range(4)).image
    here = model.reconstruct(image).image
    model.to(GPU)
    torch.testing.assert_close(model.reconstruct(image.to(GPU)).image.cpu(), here, rtol=1e-3, atol=1e-4)
    for value in (model.sample(3), model.objects(image.to(GPU)), model.components(image.to(GPU))):
        if value is not None:
            tensors = [getattr(value, field.name) for field in fields(value)]
            assert all(tensor.is_cuda for tensor in tensors if isinstance(tensor, Tensor))


@gpu
@pytest.mark.parametrize("name", SMALL[:-1])
def test_a_run_on_a_gpu_goes_on_and_is_evaluated(name: str, gnm: Command, tmp_path: Path) -> None:
    spec = shipped(name)
    (tmp_path / "spec.yaml").write_text(spec.to_yaml())
    total = sum(stage.steps for stage in spec.training().schedule())
    for out, steps in (("whole", total), ("parts", total - 1)):
        done = gnm("train", "--spec", "spec.yaml", "--out", out, "--device", "cuda", "--steps", steps)
        assert done.returncode == 0, done.stderr
    done = gnm("train", "--resume", "parts", "--steps", total)  # it remembers the device
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "parts" / "settings.json").read_text())["device"] == "cuda"
    whole, parts = (load_run(tmp_path / out).model.state_dict() for out in ("whole", "parts"))
    for key, tensor in whole.items():  # a GPU adds up in varying order, and so small a gradient may change its sign
        torch.testing.assert_close(parts[key], tensor, rtol=1e-2, atol=1e-2, msg=key)
    assert list((tmp_path / "whole" / "pictures").glob("*.png"))
    done = gnm(
        "evaluate", "whole", "--device", "cuda", "-n", 4, *(word for value in QUICK for word in ("--set", value))
    )
    assert done.returncode == 0, done.stderr
    done = gnm("sample", "whole", "-n", 4, "--out", "grid.png")
    assert done.returncode == 0, done.stderr
