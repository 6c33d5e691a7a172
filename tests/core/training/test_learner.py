"""Laws of the training steps themselves, without folders."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from gnm_core.errors import DataError, OptionError, RunError, SpecError
from gnm_core.randomness import seed_from
from gnm_core.spec import load_spec
from gnm_core.training.learner import Learner

Toy = Callable[..., dict[str, Any]]


def learner(spec: dict[str, Any], **options: Any) -> Learner:
    checked = load_spec(spec)
    seed_from(0, 0, 1)
    return Learner(checked.model(), checked.objective(), checked.data(), checked.training(), **options)


def weights(of: Learner) -> torch.Tensor:
    return torch.cat([tensor.flatten().double() for tensor in of.model.state_dict().values()])


def run(of: Learner, until: int) -> Learner:
    while of.step < until:
        of.advance()
    of.close()
    return of


def test_every_kind_of_state_moves(toy: Toy) -> None:
    trained = learner(toy())
    before = {name: tensor.clone() for name, tensor in trained.model.state_dict().items()}
    run(trained, 3)
    for name, tensor in trained.model.state_dict().items():
        assert not torch.equal(tensor, before[name]), name


def test_the_loss_falls(toy: Toy) -> None:
    trained = learner(toy(steps=300, optimizer={"use": "adam", "lr": 1e-2}))
    losses = [trained.advance().values["loss"] for _ in range(300)]
    trained.close()
    assert sum(losses[-20:]) < 0.7 * sum(losses[:20])


def test_what_happens_between_steps_does_not_matter(toy: Toy) -> None:
    undisturbed = run(learner(toy()), 6)
    disturbed = learner(toy())
    while disturbed.step < 6:
        torch.manual_seed(disturbed.step)
        torch.rand(17)
        disturbed.advance()
    disturbed.close()
    assert torch.equal(weights(disturbed), weights(undisturbed))


@pytest.mark.parametrize(
    "train",
    [
        {"optimizer": [{"use": "rmsprop", "momentum": 0.9}]},
        {"optimizer": [{"use": "adam"}]},
        {"optimizer": [{"use": "adamw", "lr": {"from": 1e-3, "to": 0, "until": 9}}]},
        {"optimizer": [{"use": "sgd", "momentum": 0.9, "nesterov": True}]},
        {"optimizer": [{"use": "adam", "parts": ["encoder"]}, {"use": "rmsprop"}]},
        {"stages": [{"steps": 5, "freeze": ["encoder"]}, {"steps": 4, "batch": 3, "optimizer": "adam"}, {"steps": 3}]},
        {"stages": [{"steps": 5}, {"steps": 7, "level": "code", "freeze": ["encoder"]}]},
        {"stages": [{"steps": 5}, {"steps": 7, "objective": {"use": "geco", "goal": 0.1, "rate": 0.5}}]},
    ],
    ids=["rmsprop", "adam", "adamw", "sgd", "two", "stages", "level", "objective"],
)
def test_a_state_taken_anywhere_leads_to_the_same_weights(toy: Toy, train: dict[str, Any]) -> None:
    straight = learner(toy(**train))
    states = [straight.state()]
    while straight.step < 12:
        straight.advance()
        states.append(straight.state())
    straight.close()
    for state in states:
        resumed = learner(toy(**train))
        resumed.load(state)
        assert torch.equal(weights(run(resumed, 12)), weights(straight)), state.step


def test_a_state_taken_around_trouble_leads_to_the_same_weights(toy: Toy) -> None:
    spec = toy(model={"nan_at": [3, 4, 9]})
    straight = learner(spec)
    states = []
    while straight.step < 12:
        straight.advance()
        states.append(straight.state())
    straight.close()
    for state in states:
        resumed = learner(spec)
        resumed.load(state)
        assert torch.equal(weights(run(resumed, 12)), weights(straight)), state.step


def test_a_step_that_is_not_finite_rolls_back_and_is_named(toy: Toy) -> None:
    trained = learner(toy(model={"nan_at": [5]}))
    start = weights(trained)
    run(trained, 5)
    assert not torch.equal(weights(trained), start)
    report = trained.advance()
    trained.close()
    assert report.trouble == "step 5: not finite: log_likelihood; rolled back to the last good state"
    assert torch.equal(weights(trained), start)  # the first step's copy is the last one taken
    assert trained.step == 6


def test_a_gradient_that_is_not_finite_counts_too(toy: Toy) -> None:
    trained = learner(toy(model={"explode_at": [1]}))
    run(trained, 1)
    report = trained.advance()
    trained.close()
    assert report.trouble is not None
    assert "not finite: gradient" in report.trouble
    assert math.isfinite(report.values["loss"])
    assert weights(trained).isfinite().all()


def test_the_third_in_a_row_ends_the_training(toy: Toy) -> None:
    trained = learner(toy(model={"nan_at": [2, 4, 5, 7, 8, 9]}))
    run(trained, 9)
    with pytest.raises(RunError, match=r"step 9: not finite: log_likelihood; the 3 steps"):
        trained.advance()
    trained.close()


def test_a_spec_can_ask_to_stop_at_the_first(toy: Toy) -> None:
    trained = learner(toy(model={"nan_at": [2]}, on_nonfinite="stop"))
    run(trained, 2)
    with pytest.raises(RunError, match=r"step 2: not finite: log_likelihood; the training stops"):
        trained.advance()
    trained.close()


def test_frozen_parts_stay_as_they_are(toy: Toy) -> None:
    trained = learner(
        toy(stages=[{"steps": 4, "freeze": ["encoder", "code.bias"]}, {"steps": 4, "train": ["encoder"]}])
    )
    before = {name: p.detach().clone() for name, p in trained.model.named_parameters()}
    run(trained, 4)
    moved = {name for name, p in trained.model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {"code.weight", "decoder.weight", "decoder.bias"}
    before = {name: p.detach().clone() for name, p in trained.model.named_parameters()}
    run(trained, 8)
    moved = {name for name, p in trained.model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {name for name in before if name.startswith("encoder.")}


def test_gradients_are_clipped_together(toy: Toy) -> None:
    trained = learner(toy(clip=1e-3, optimizer={"use": "sgd", "lr": 1.0}, model={"noise": False}))
    before = {name: p.detach().clone() for name, p in trained.model.named_parameters()}
    report = trained.advance()
    trained.close()
    change = sum(float((p.detach() - before[name]).square().sum()) for name, p in trained.model.named_parameters())
    assert report.values["gradient"] > 1
    assert math.sqrt(change) == pytest.approx(1e-3, rel=1e-3)


def test_without_a_limit_gradients_pass(toy: Toy) -> None:
    trained = learner(toy(clip=math.inf, optimizer={"use": "sgd", "lr": 1.0}, model={"noise": False}))
    before = {name: p.detach().clone() for name, p in trained.model.named_parameters()}
    report = trained.advance()
    trained.close()
    change = sum(float((p.detach() - before[name]).square().sum()) for name, p in trained.model.named_parameters())
    assert math.sqrt(change) == pytest.approx(report.values["gradient"], rel=1e-3)


def test_learning_rates_follow_their_schedule_from_the_start_of_the_stage(toy: Toy) -> None:
    rate = {"from": 1.0, "to": 0.0, "until": 4}
    trained = learner(toy(stages=[{"steps": 3}, {"steps": 9, "optimizer": {"use": "sgd", "lr": rate}}]))
    rates = [trained.advance().rates[0] for _ in range(8)]
    trained.close()
    assert rates == [1e-4] * 3 + [1.0, 0.75, 0.5, 0.25, 0.0]


def test_bf16_learns_as_well(toy: Toy) -> None:
    trained = learner(toy(steps=300, optimizer={"use": "adam", "lr": 1e-2}), precision="bf16")
    losses = [trained.advance().values["loss"] for _ in range(300)]
    trained.close()
    assert sum(losses[-20:]) < 0.7 * sum(losses[:20])
    assert all(p.dtype == torch.float32 for p in trained.model.parameters())


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ({"freeze": ["encodr"]}, r"train\.freeze: .*'encodr'\n.*did you mean 'encoder'"),
        ({"train": ["nothing"]}, r"train\.train: .*'nothing'\n.*it has: code, decoder, encoder"),
        ({"freeze": ["encoder", "code", "decoder"]}, "everything is frozen"),
        ({"optimizer": [{"use": "adam", "parts": ["encoder"]}]}, "no optimiser names code.weight"),
        ({"optimizer": ["adam", "sgd"]}, "only one optimiser can do without"),
        ({"optimizer": ["adam", {"use": "sgd", "parts": ["decode"]}]}, r"train\.optimizer: .*'decode'"),
        (
            {
                "optimizer": [
                    {"use": "adam", "parts": ["encoder"]},
                    {"use": "sgd", "parts": ["encoder", "code", "decoder"]},
                ]
            },
            "several optimisers name encoder.1.weight",
        ),
        (
            {"freeze": ["encoder"], "optimizer": [{"use": "adam", "parts": ["encoder"]}, "sgd"]},
            r"an optimiser has nothing to do \(encoder\)",
        ),
        ({"stages": [{"level": "kode"}]}, r"no level 'kode'.*\n.*did you mean 'code'"),
        ({"stages": [{}, {"name": "late", "train": ["x"]}]}, "'x'"),
    ],
)
def test_a_stage_that_does_not_fit_the_model_is_refused_before_the_first_step(
    toy: Toy, train: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        learner(toy(**train))


def test_an_empty_data_set_is_refused(toy: Toy) -> None:
    with pytest.raises(DataError, match="no images in its train split"):
        learner(toy(data={"length": 0}))


def test_a_batch_larger_than_the_data_set_spans_epochs(toy: Toy) -> None:
    trained = learner(toy(data={"length": 3}))
    assert math.isfinite(trained.advance().values["loss"])
    trained.close()


def test_a_weight_for_a_term_that_is_not_there_is_named(toy: Toy) -> None:
    with pytest.raises(OptionError, match="no such term: 'kode'; did you mean 'code'"):
        learner(toy() | {"objective": {"use": "elbo", "weights": {"kode": 2}}})


def test_so_is_that_of_a_stage_that_begins_later(toy: Toy) -> None:
    spec = toy()
    late = {"steps": 5, "objective": {"use": "elbo", "weights": {"kode": 2}}}
    spec["train"] = {key: value for key, value in spec["train"].items() if key != "steps"} | {
        "stages": [{"steps": 5}, late]
    }
    with pytest.raises(OptionError, match="no such term: 'kode'; did you mean 'code'"):
        learner(spec)


def test_an_image_that_cannot_be_read_leaves_the_state_alone(toy: Toy) -> None:
    trained = learner(toy(data={"broken": 3}, steps=100))
    with pytest.raises(DataError, match="toy image 3 is broken"):
        run(trained, 100)
    trained.close()
    assert trained.state().step == trained.step < 5


def test_images_of_another_size_are_refused(toy: Toy) -> None:
    with pytest.raises(DataError, match="the data set's images are 1 x 16 x 16, the model's 1 x 8 x 8"):
        learner(toy(data={"size": 16}))


def test_a_full_gpu_is_explained(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    trained = learner(toy())
    monkeypatch.setattr(type(trained.model), "terms", full)
    with pytest.raises(RunError, match=r"step 0: the GPU's memory is full; make train\.batch smaller"):
        trained.advance()
    trained.close()


def test_each_epoch_shows_every_image_once(toy: Toy) -> None:
    trained = learner(toy())
    shown = trained._order.indices(0, 37 * 3).reshape(3, 37)
    trained.close()
    assert all(sorted(epoch) == list(range(37)) for epoch in shown)
    assert not (shown[0] == shown[1]).all()
    pieces = [trained._order.indices(position, 8) for position in range(0, 96, 8)]
    assert (torch.tensor(shown).flatten()[:96] == torch.cat([torch.tensor(p) for p in pieces])).all()


def test_a_level_without_inputs_of_its_own_learns_from_the_images(toy: Toy) -> None:
    by_level, whole = learner(toy(stages=[{"steps": 6, "level": "all"}])), learner(toy())
    assert torch.equal(weights(run(by_level, 6)), weights(run(whole, 6)))


def test_a_level_learns_from_inputs_made_once(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = learner(toy(steps=20, stages=[{"level": "code", "freeze": ["encoder"]}]))
    trained.advance()
    monkeypatch.setattr(type(trained.model), "level_inputs", lambda *_: pytest.fail("made again"))
    run(trained, 20)
    assert trained.step == 20
