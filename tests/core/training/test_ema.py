"""A running average of the weights: what a model is used with, and what it costs a training (nothing)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from gnm_core import RunError, SpecError, load_run, load_spec
from gnm_core.runs.checkpoint import Checkpoints
from gnm_core.training import loop
from gnm_core.training.beginning import new_learner
from gnm_core.training.device import Settings
from gnm_core.training.learner import Learner
from gnm_core.training.progress import Silent
from gnm_core.training.ranks import Ranks

Toy = Callable[..., dict[str, Any]]
DECAY = 0.7


def learner(spec: dict[str, Any]) -> Learner:
    return new_learner(load_spec(spec), Settings(), torch.device("cpu"), Ranks(), Silent())


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def checkpoint(run: Path, step: int | None = None) -> dict[str, torch.Tensor]:
    return weights(load_run(run, step).model)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_it_is_the_running_average_of_the_weights_and_leaves_them_alone(toy: Toy) -> None:
    plain, averaged = learner(toy()), learner(toy(ema=DECAY))
    expected = weights(averaged.model)
    for step in range(12):
        plain.advance()
        averaged.advance()
        decay = min(DECAY, (1 + step) / (10 + step))
        now = weights(averaged.model)
        assert same(now, weights(plain.model))
        expected = {name: torch.lerp(value, now[name], 1 - decay) for name, value in expected.items()}
        with averaged.looking() as model:
            torch.testing.assert_close(weights(model), expected, rtol=1e-5, atol=1e-7)
        assert same(weights(averaged.model), now)
    plain.close()
    averaged.close()


def test_a_checkpoint_holds_the_average_and_goes_on_with_the_weights(toy: Toy, tmp_path: Path) -> None:
    spec = load_spec(toy(ema=DECAY, keep=99))
    loop.start(spec, tmp_path / "whole", Settings(), Silent())
    loop.start(spec, tmp_path / "cut", Settings(steps=6), Silent())
    loop.resume(tmp_path / "cut", Settings(), Silent())
    assert same(checkpoint(tmp_path / "whole"), checkpoint(tmp_path / "cut"))
    loop.start(load_spec(toy(keep=99)), tmp_path / "plain", Settings(), Silent())
    assert not same(checkpoint(tmp_path / "whole"), checkpoint(tmp_path / "plain"))
    state = Checkpoints(tmp_path / "whole").path(12)
    from gnm_core.runs.checkpoint import Checkpoint

    trained = Checkpoint(state).state().now.model
    raw = checkpoint(tmp_path / "plain")
    assert all(torch.equal(trained[name], value) for name, value in raw.items())


def test_a_stage_begins_with_the_average_of_the_last_wherever_a_training_was_cut(toy: Toy, tmp_path: Path) -> None:
    stages = [{"steps": 5}, {"steps": 4, "train": ["decoder"]}]
    spec = load_spec(toy(ema=DECAY, keep=99, checkpoint_every=1, stages=stages))
    loop.start(spec, tmp_path / "whole", Settings(), Silent())
    for cut in (4, 5, 6):
        loop.start(spec, tmp_path / f"cut-{cut}", Settings(steps=cut), Silent())
        loop.resume(tmp_path / f"cut-{cut}", Settings(), Silent())
        assert same(checkpoint(tmp_path / "whole"), checkpoint(tmp_path / f"cut-{cut}")), cut
    frozen = [name for name in checkpoint(tmp_path / "whole") if not name.startswith("decoder.")]
    before, after = checkpoint(tmp_path / "whole", 5), checkpoint(tmp_path / "whole")
    assert all(torch.equal(before[name], after[name]) for name in frozen)


def test_a_bad_step_takes_the_average_back_with_the_weights(toy: Toy, tmp_path: Path) -> None:
    spec = load_spec(toy({"nan_at": [7]}, ema=DECAY))
    loop.start(spec, tmp_path / "whole", Settings(), Silent())
    loop.start(spec, tmp_path / "cut", Settings(steps=6), Silent())
    loop.resume(tmp_path / "cut", Settings(), Silent())
    assert same(checkpoint(tmp_path / "whole"), checkpoint(tmp_path / "cut"))


def test_it_can_begin_and_end_when_a_training_goes_on(toy: Toy, tmp_path: Path) -> None:
    loop.start(load_spec(toy()), tmp_path / "run", Settings(steps=6), Silent())
    loop.resume(tmp_path / "run", Settings(steps=8), Silent(), ["train.ema=0.7"])
    averaged = checkpoint(tmp_path / "run")
    loop.resume(tmp_path / "run", Settings(), Silent(), ["train.ema=0"])
    loop.start(load_spec(toy()), tmp_path / "plain", Settings(), Silent())
    assert same(checkpoint(tmp_path / "run"), checkpoint(tmp_path / "plain"))
    assert not same(averaged, checkpoint(tmp_path / "plain", 8))


def test_a_stage_begins_with_the_weights_of_another_run(toy: Toy, tmp_path: Path) -> None:
    first = tmp_path / "first"
    loop.start(load_spec(toy(seed=5)), first, Settings(), Silent())
    stages = [{"steps": 4}, {"steps": 4, "from": str(first), "only": ["encoder"]}]
    spec = load_spec(toy(keep=99, checkpoint_every=1, stages=stages))
    said: list[str] = []

    class Display(Silent):
        def say(self, text: str) -> None:
            said.append(text)

    loop.start(spec, tmp_path / "whole", Settings(), Display())
    assert any(f"from {first}, step 12" in text and "not asked for: code, decoder" in text for text in said)
    for cut in (3, 4, 5):
        loop.start(spec, tmp_path / f"cut-{cut}", Settings(steps=cut), Silent())
        loop.resume(tmp_path / f"cut-{cut}", Settings(), Silent())
        assert same(checkpoint(tmp_path / "whole"), checkpoint(tmp_path / f"cut-{cut}")), cut


def test_a_stage_that_cannot_begin_so_is_told_before_the_first_step(toy: Toy, tmp_path: Path) -> None:
    loop.start(load_spec(toy()), tmp_path / "first", Settings(), Silent())
    for stage, kind, said in (
        ({"from": str(tmp_path / "none")}, RunError, "no pretrained model and no folder"),
        ({"from": str(tmp_path / "first"), "only": ["encodr"]}, SpecError, "did you mean 'encoder'?"),
    ):
        spec = load_spec(toy(stages=[{"steps": 2}, {"steps": 2, **stage}]))
        with pytest.raises(kind, match=said):
            loop.start(spec, tmp_path / "run", Settings(), Silent())
        assert not (tmp_path / "run/spec.yaml").exists()
    with pytest.raises(SpecError, match="no effect without from"):
        load_spec(toy(stages=[{"steps": 2, "only": ["encoder"]}]))
