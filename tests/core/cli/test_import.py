"""`gnm import` takes over published weights, strictly and safely."""

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from gnm_core import compose, load_run
from gnm_core.cli import main
from gnm_core.gnm.published import published_names
from torch import Tensor

SPEC: dict = {
    "dims": {"channels": 3, "size": 16, "grid": 2, "features": 6, "scene": 3, "what": 4, "background": 2},
    "model": {
        "use": "gnm",
        "core": {
            "use": "structdraw",
            "steps": 2,
            "interaction": [8],
            "decoder": [8],
            "prior": {"use": "autoregressive", "hidden": [8]},
        },
        "renderer": {
            "use": "separable",
            "glimpse": {"use": "subpixel", "masks": True, "channels": [6], "kernels": [1, 3], "upscales": [4, 1]},
            "background": {"use": "subpixel-background", "channels": [6], "kernels": [1, 3], "upscales": [4, 4]},
        },
        "head": [8],
    },
    "objective": {"use": "geco", "goal": 100},
}


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(json.dumps(SPEC))  # JSON is YAML
    return path


@pytest.fixture
def published() -> dict[str, Tensor]:
    """Weights under their published names, beside the constants that the published implementation stores."""
    torch.manual_seed(5)
    model = compose(SPEC)
    weights = dict(model.named_parameters())
    named = {theirs: weights[ours].detach() for ours, them in published_names(model) for theirs in them}
    return {**named, "aux_p_pres_probs": torch.tensor(0.1), "local_latent_sampler.offset": torch.zeros(1, 2, 2, 2)}


def run_import(tmp_path: Path, spec: Path, content: object, *, out: str = "run") -> Result:
    torch.save(content, tmp_path / "published.pth")
    command = ["import", str(tmp_path / "published.pth"), "--spec", str(spec), "--out", str(tmp_path / out)]
    return CliRunner().invoke(main, command)


def refused(result: Result, *texts: str) -> None:
    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    for text in texts:
        assert text in result.output


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda w: w,
        lambda w: {"model": w, "epoch": 3},
        lambda w: {"state_dict": {f"module.{name}": tensor for name, tensor in w.items()}},
    ],
    ids=["weights alone", "a training's checkpoint", "from several devices"],
)
def test_every_weight_is_taken_over(tmp_path: Path, spec: Path, published: dict[str, Tensor], wrapped: object) -> None:
    result = run_import(tmp_path, spec, wrapped(published))
    assert result.exit_code == 0, result.output
    run = load_run(tmp_path / "run")
    assert run.step == 0
    taken = dict(run.model.named_parameters())
    names = dict(published_names(run.model))
    assert names.keys() == taken.keys()
    for ours, them in names.items():
        assert torch.equal(taken[ours], published[them[0]]), ours
    assert f"{sum(p.numel() for p in taken.values()):,} parameters taken over" in result.output


def test_an_imported_run_can_be_trained_on(tmp_path: Path, spec: Path, published: dict[str, Tensor]) -> None:
    from PIL import Image

    (tmp_path / "pictures").mkdir()
    for i in range(8):
        Image.new("RGB", (16, 16), (20 * i, 0, 0)).save(tmp_path / "pictures" / f"{i}.png")
    data = {"use": "image-folder", "dir": str(tmp_path / "pictures"), "validation": 0, "test": 0}
    spec.write_text(json.dumps(SPEC | {"data": data, "train": {"steps": 2, "batch": 2, "picture_every": 0}}))
    assert run_import(tmp_path, spec, published).exit_code == 0
    result = CliRunner().invoke(main, ["train", "--resume", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    assert load_run(tmp_path / "run").step == 2


def test_all_that_does_not_fit_is_named_at_once(tmp_path: Path, spec: Path, published: dict[str, Tensor]) -> None:
    gone = "global_struct_draw.rnn_dec.conv.weight"
    other = "p_bg_decoder.p_bg_decoder.conv.0.bias"
    del published[gone]
    published["surplus.weight"] = torch.zeros(2, 3)
    published[other] = torch.zeros(7)
    refused(
        run_import(tmp_path, spec, published),
        "does not fit the spec",
        f"missing: {gone} (24, 18, 1, 1)",
        "unknown: surplus.weight (2, 3)",
        f"shape of {other}: (7,), the spec makes (96,)",
    )
    assert not (tmp_path / "run").exists()


def test_the_two_published_heads_must_be_one(tmp_path: Path, spec: Path, published: dict[str, Tensor]) -> None:
    published["p_z_given_g_net.q_where_net.bias"] = published["p_z_given_g_net.q_where_net.bias"] + 1
    refused(
        run_import(tmp_path, spec, published), "p_z_given_g_net.q_where_net.bias differs from", "must be one network"
    )


def test_weights_of_another_size_are_refused(tmp_path: Path, spec: Path, published: dict[str, Tensor]) -> None:
    spec.write_text(json.dumps(SPEC | {"dims": SPEC["dims"] | {"what": 5}}))
    refused(run_import(tmp_path, spec, published), "shape of p_z_given_g_net.q_what_net.weight: (8, 8, 1, 1)", "(10, 8")


class Malice:
    """Runs a command when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.witness),)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, spec: Path, published: dict[str, Tensor]) -> None:
    witness = tmp_path / "was-here"
    refused(run_import(tmp_path, spec, {**published, "trap": Malice(witness)}), "holds code instead of plain weights")
    (tmp_path / "published.pth").write_bytes(pickle.dumps(Malice(witness)))
    command = ["import", str(tmp_path / "published.pth"), "--spec", str(spec), "--out", str(tmp_path / "run")]
    refused(CliRunner().invoke(main, command), "holds code instead of plain weights")
    assert not witness.exists()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x80\x02}q\x00.", bytes(range(256)) * 20])
def test_files_that_are_no_checkpoints_are_refused(tmp_path: Path, spec: Path, content: bytes) -> None:
    (tmp_path / "published.pth").write_bytes(content)
    command = ["import", str(tmp_path / "published.pth"), "--spec", str(spec), "--out", str(tmp_path / "run")]
    refused(CliRunner().invoke(main, command), "published.pth")


def test_a_missing_file_a_folder_and_empty_contents_are_refused(tmp_path: Path, spec: Path) -> None:
    command = ["import", str(tmp_path / "nowhere.pth"), "--spec", str(spec), "--out", str(tmp_path / "run")]
    refused(CliRunner().invoke(main, command), "nowhere.pth: no such file")
    command[1] = str(tmp_path)
    refused(CliRunner().invoke(main, command), "a folder, where a file is expected")
    refused(run_import(tmp_path, spec, {}), "holds no weights (found: nothing)")
    refused(run_import(tmp_path, spec, {"epoch": 3, "lr": 0.1}), "holds no weights (found: epoch, lr)")
    refused(run_import(tmp_path, spec, [1, 2]), "holds a list, expected tensors by name")
    refused(run_import(tmp_path, spec, {"model": 3}), "holds a int, expected tensors by name")


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"encoder": {"use": "timm", "backbone": "test_convnext"}}, "fit `conv` only"),
        ({"core": {"use": "structdraw", "prior": "standard-normal"}}, "prior `autoregressive` only"),
    ],
)
def test_parts_that_the_published_model_lacks_are_refused(
    tmp_path: Path, spec: Path, published: dict[str, Tensor], part: dict, text: str
) -> None:
    spec.write_text(json.dumps(SPEC | {"model": SPEC["model"] | part}))
    refused(run_import(tmp_path, spec, published), text)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, spec: Path, published: dict[str, Tensor]) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("precious")
    refused(run_import(tmp_path, spec, published, out="full"), "is not empty (thesis.txt)")
    assert run_import(tmp_path, spec, published).exit_code == 0
    refused(run_import(tmp_path, spec, published), "already holds a run")
    assert [entry.name for entry in (tmp_path / "full").iterdir() if not entry.name.startswith(".")] == ["thesis.txt"]


def test_without_a_spec_it_says_what_is_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["import", "x.pth", "--out", str(tmp_path / "run")])
    refused(result, "Missing option '--spec'")
