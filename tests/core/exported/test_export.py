"""A trained model as a folder to give away."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
import safetensors
import torch
from click.testing import CliRunner, Result
from gnm_core import RunError, load_run
from gnm_core.cli import main
from gnm_core.runs.half_precision import rounded, widened


def gnm(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_an_exported_model_is_read_like_a_run_and_dreams_the_same_but_for_rounding(
    trained: Path, tmp_path: Path
) -> None:
    done = gnm("export", trained, tmp_path / "mine")
    assert done.exit_code == 0, done.output
    before, after = load_run(trained), load_run(tmp_path / "mine")
    assert after.step == before.step == 4
    assert all(p.dtype == torch.float32 for p in after.model.parameters())
    for name, tensor in before.model.state_dict().items():
        other = after.model.state_dict()[name]
        assert (tensor - other).abs().max() <= tensor.abs().max() * 2**-11 + 2**-25, name
    torch.manual_seed(1)
    one = before.model.sample(4).image
    torch.manual_seed(1)
    two = after.model.sample(4).image
    assert (one - two).abs().max() < 0.02


def test_half_the_bytes_declared_as_what_they_are_and_checked(trained: Path, tmp_path: Path) -> None:
    assert gnm("export", trained, tmp_path / "mine").exit_code == 0
    with safetensors.safe_open(tmp_path / "mine/model.safetensors", "pt") as file:
        assert file.metadata()["numbers"] == "float16"
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.float16}  # noqa: SIM118
    content = (tmp_path / "mine/model.safetensors").read_bytes()
    meta = json.loads((tmp_path / "mine/meta.json").read_text())
    assert meta["files"]["model.safetensors"]["sha256"] == hashlib.sha256(content).hexdigest()
    (tmp_path / "mine/model.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(RunError, match="sha256 differs"):
        load_run(tmp_path / "mine")


def test_nothing_in_the_folder_names_this_machine(trained: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    done = gnm("export", trained, mine, "--measure", "s-acc", "--set", "metrics.s-acc.n=4", "--note", "For a test.")
    assert done.exit_code == 0, done.output
    texts = [path.read_text() for path in (mine / "spec.yaml", mine / "meta.json", mine / "README.md")]
    assert not any(str(tmp_path) in text or str(trained.parent) in text for text in texts)


def test_the_card_says_what_was_measured_and_what_was_not(trained: Path, tmp_path: Path) -> None:
    assert gnm("export", trained, tmp_path / "plain").exit_code == 0
    card = (tmp_path / "plain/README.md").read_text()
    assert "Nothing yet: this model was exported before it was evaluated." in card
    assert "How often its scenes break their rule has not been measured." in card
    options = ("--measure", "s-acc", "--set", "metrics.s-acc.n=4", "--name", "tiny", "--note", "For a test.")
    assert gnm("export", trained, tmp_path / "measured", *options).exit_code == 0
    card = (tmp_path / "measured/README.md").read_text()
    assert "# tiny" in card
    assert "For a test." in card
    assert "| S-Acc | 0.0000 of 4 | 0.0000 to 0.4899 |" in card
    assert "100.0% of its generated scenes break the rule" in card
    assert "`mnist-4` with `digits: {'use': 'embedded'}`" in card
    for line in card.splitlines():
        if line.startswith("!["):
            assert (tmp_path / "measured" / line.split("(")[1][:-1]).stat().st_size > 0


def test_the_card_says_which_numbers_are_those_of_the_rounded_weights(trained: Path, tmp_path: Path) -> None:
    run, four = shutil.copytree(trained, tmp_path / "run"), ("--set", "metrics.s-acc.n=4")
    assert gnm("evaluate", run, "--metrics", "s-acc,reconstruction", *four).exit_code == 0
    assert gnm("export", run, tmp_path / "tiny", "--measure", "s-acc", *four).exit_code == 0
    card = (tmp_path / "tiny/README.md").read_text()
    table = [line.split("|")[1:] for line in card.splitlines() if line.startswith("| ")]
    rows = {name.strip(): cells for name, *cells in table}
    assert rows[""][2].strip() == "before rounding"
    assert (rows["S-Acc"][0].strip(), rows["S-Acc"][2].strip()) == ("0.0000 of 4", "0.0000")
    assert rows["MSE"][0].strip().endswith("of 8")
    assert rows["MSE"][2].strip() == "this value"  # measured once, and not with these weights
    assert "but where it says 'this value': measured before rounding only" in card
    assert gnm("export", run, tmp_path / "other", "--measure", "ll", "--set", "metrics.ll.n=4").exit_code == 0
    other = (tmp_path / "other/README.md").read_text()
    assert re.search(r"^\| LL \| [^|]+ \| [^|]+ \|  \|", other, re.M)  # measured once, with these weights


def test_what_cannot_be_rounded_is_refused_and_nothing_is_left(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="a number of b is too large for float16"):
        rounded({"a": torch.ones(2), "b": torch.tensor([1e6])})
    with pytest.raises(RunError, match="a number of b is not finite"):
        rounded({"b": torch.tensor([float("nan")])})
    kept = widened(rounded({"count": torch.tensor(70_000), "x": torch.tensor([0.5])}))
    assert kept["count"] == 70_000
    assert kept["x"].dtype == torch.float32
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    done = gnm("export", trained, tmp_path / "full")
    assert done.exit_code == 2
    assert "is not empty" in done.output
    done = gnm("export", trained, tmp_path / "new", "--set", "data.digitz=3")
    assert done.exit_code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]
    assert gnm("export", trained, tmp_path / "new", "--set", "model.sigma=3").exit_code == 2
