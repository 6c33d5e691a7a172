"""From specs to objects: what a slot takes, what a default means, and that a resolved spec says the same."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import gnm_core
import pytest
import torch
from annotated_types import Ge, MinLen
from gnm_core import Default, Dims, Model, OptionError, Schedule, SpecError, load_spec
from gnm_core.contracts import Contract, Optimizer
from gnm_core.inspection import inspect
from gnm_core.parts.schedules.linear import Linear
from gnm_core.plugins import installed
from gnm_core.registry import Provider, Register, Registry
from gnm_core.results import Scene, Terms
from gnm_core.spec.yaml import dump
from torch import Tensor, nn


class Instrument(Contract):
    kind = "instrument"
    describes = "makes a sound"


class Strings(Instrument):
    """A contract under another one."""

    describes = "makes a sound with strings"


class Flute(Instrument):
    def __init__(self, *, holes: Annotated[int, Ge(1)] = 6) -> None:
        self.holes = holes


class Violin(Strings):
    def __init__(self, *, tuning: tuple[str, ...] = ("g", "d", "a", "e"), from_: str = "cremona") -> None:
        self.tuning, self.place = tuning, from_


@dataclass(frozen=True)
class Hall:
    seats: Annotated[int, Ge(1)] = 100
    instrument: Instrument | None = None


class Orchestra(Model):
    """Takes one of everything that a spec can say."""

    def __init__(
        self,
        dims: Dims,
        *,
        lead: Annotated[Strings, Default("violin", from_="mittenwald")],
        soloist: Instrument | None = None,
        players: Annotated[tuple[Instrument, ...], MinLen(1), Default("flute")],
        guests: dict[str, Instrument] | None = None,
        hall: Hall = Hall(),
        volume: Annotated[Schedule, Default("linear", from_=0.0, to=1.0, until=10)],
        tempo: int | Literal["slow", "fast"] = "slow",
        pair: tuple[int, str] = (1, "a"),
        score: Path | None = None,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        if gain == 13:
            raise OptionError("gain", "13 brings bad luck")
        if gain == 14:
            raise RuntimeError("a bug\nof the part")
        self.dims, self.lead, self.soloist, self.players, self.guests = dims, lead, soloist, players, guests
        self.hall, self.volume, self.tempo, self.pair, self.score, self.gain = hall, volume, tempo, pair, score, gain
        self.layer = nn.Linear(4, dims.what)

    def terms(self, image: Tensor, step: int) -> Terms:
        if self.gain == 15:
            raise RuntimeError("not in tune")
        return Terms(image.flatten(1).sum(1) * (float("nan") if self.gain == 16 else 1), {"z": torch.zeros(len(image))})

    def sample(self, n: int) -> Scene:
        return Scene(torch.zeros(n, self.dims.channels, self.dims.size + (self.gain == 17), self.dims.size))

    def reconstruct(self, image: Tensor) -> Scene:
        return Scene(image)

    def log_weights(self, image: Tensor, *, exact: bool = True) -> Tensor:
        return image.flatten(1).sum(1)


class Untyped(Instrument):
    def __init__(self, *, keys=88) -> None:  # type: ignore[no-untyped-def]
        self.keys = keys


class Odd(Instrument):
    def __init__(self, *, thing: object = object()) -> None:
        self.thing = thing


class Unfinished(Strings, Optimizer):
    """Still abstract."""

    kind = "instrument"


@pytest.fixture(scope="module")
def registry() -> Registry:
    register = Register(Provider("band", "3.1"))
    register.model("orchestra", Orchestra)
    for cls in (Flute, Violin, Untyped, Odd, Unfinished):
        register.part("instrument", cls.__name__.lower(), cls)
    found = Registry(installed().plugins, dict(installed().parts), dict(installed().commands))
    found.add(register)
    return found


def orchestra(registry: Registry, overrides: tuple[str, ...] = (), **options: object) -> Orchestra:
    spec = load_spec({"dims": {"size": 8}, "model": {"use": "orchestra", **options}}, overrides, registry=registry)
    model = spec.model()
    assert isinstance(model, Orchestra)
    return model


def complaint(registry: Registry, **options: object) -> str:
    with pytest.raises(SpecError) as caught:
        orchestra(registry, **options)
    return str(caught.value)


# Slots and options


def test_everything_left_out_takes_its_default(registry: Registry) -> None:
    model = orchestra(registry)
    assert isinstance(model.lead, Violin)
    assert model.lead.place == "mittenwald"
    assert model.lead.tuning == ("g", "d", "a", "e")
    assert [type(player) for player in model.players] == [Flute]
    assert model.soloist is None
    assert model.guests is None
    assert model.hall == Hall()
    assert model.volume(5) == 0.5
    assert (model.tempo, model.pair, model.score, model.gain) == ("slow", (1, "a"), None, 1.0)


def test_a_slot_takes_a_name_or_a_mapping(registry: Registry) -> None:
    assert isinstance(orchestra(registry, soloist="flute").soloist, Flute)
    soloist = orchestra(registry, soloist={"use": "flute", "holes": 3}).soloist
    assert isinstance(soloist, Flute)
    assert soloist.holes == 3


def test_options_alone_change_the_default_part(registry: Registry) -> None:
    lead = orchestra(registry, lead={"tuning": ["a"]}).lead
    assert isinstance(lead, Violin)
    assert (lead.tuning, lead.place) == (("a",), "mittenwald")


def test_naming_the_part_forgets_the_options_of_the_default(registry: Registry) -> None:
    lead = orchestra(registry, lead="violin").lead
    assert isinstance(lead, Violin)
    assert lead.place == "cremona"


def test_lists_mappings_and_records_compose(registry: Registry) -> None:
    model = orchestra(
        registry,
        players=["flute", {"use": "violin", "from": "here"}],
        guests={"anna": "violin", "ben": {"use": "flute", "holes": 2}},
        hall={"seats": 7, "instrument": "flute"},
    )
    assert [type(player) for player in model.players] == [Flute, Violin]
    assert {name: type(guest) for name, guest in (model.guests or {}).items()} == {"anna": Violin, "ben": Flute}
    assert model.hall.seats == 7
    assert isinstance(model.hall.instrument, Flute)


def test_a_single_value_is_a_list_of_one(registry: Registry) -> None:
    assert [type(player) for player in orchestra(registry, players="violin").players] == [Violin]
    lead = orchestra(registry, lead={"use": "violin", "tuning": "a"}).lead
    assert isinstance(lead, Violin)
    assert lead.tuning == ("a",)


def test_unions_take_whichever_fits(registry: Registry) -> None:
    assert orchestra(registry, tempo=3).tempo == 3
    assert orchestra(registry, tempo="fast").tempo == "fast"
    assert "'fist' is no choice; expected an integer or one of 'slow', 'fast'\n    did you mean 'fast'?" in complaint(
        registry, tempo="fist"
    )


def test_integers_serve_as_numbers_and_become_floats(registry: Registry) -> None:
    gain = orchestra(registry, gain=2).gain
    assert (gain, type(gain)) == (2.0, float)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"players": []}, "model.players: has 0 elements; expected a list, each an instrument with at least 1 element"),
        ({"pair": [1]}, "model.pair: has 1 elements; expected a list of 2: an integer, text"),
        ({"pair": ["a", "b"]}, "model.pair.0: 'a' is text; expected an integer"),
        (
            {"lead": "flute"},
            "'flute' (band 3.1) is an Instrument (makes a sound); expected a Strings (makes a sound wi",
        ),
        ({"guests": {"anna": 3}}, "model.guests.anna: 3 is an integer; expected an instrument: a name, or a mapping"),
        ({"guests": ["flute"]}, "model.guests: ['flute'] is a list; expected a mapping, each value an instrument"),
        ({"hall": {"seats": 0}}, "model.hall.seats: 0 is out of range; expected an integer of at least 1"),
        ({"hall": {"rows": 3}}, "model.hall.rows: unknown key 'rows' in model.hall"),
        ({"hall": "big"}, "model.hall: 'big' is text; expected a mapping with keys out of seats, instrument"),
        ({"soloist": "untyped"}, "Untyped: argument 'keys' has no annotation"),
        ({"soloist": "odd"}, "model.soloist.thing: the default cannot stand in a spec: <object object"),
        (
            {"lead": "unfinished"},
            "model.lead: cannot be built (of band 3.1): TypeError: Can't instantiate abstract class",
        ),
        ({"gain": 13}, "model.gain: 13 brings bad luck"),
        ({"gain": 14}, "model: cannot be built (of band 3.1): RuntimeError: a bug of the part"),
    ],
)
def test_complaints_name_the_place_and_what_fits(options: dict[str, object], message: str, registry: Registry) -> None:
    assert message in complaint(registry, **options)


# Schedules


@pytest.mark.parametrize(
    ("value", "steps"),
    [
        (0.25, {0: 0.25, 99: 0.25}),
        (3, {0: 3.0}),
        ({"from": 1, "to": 0, "until": 4}, {0: 1.0, 1: 0.75, 4: 0.0, 9: 0.0}),
        ({"from": 1, "to": 0, "until": 4, "since": 2}, {0: 1.0, 2: 1.0, 3: 0.5, 4: 0.0}),
        ({"to": 3.0}, {0: 0.0, 5: 1.5, 10: 3.0}),
        ({"use": "constant", "value": 2}, {7: 2.0}),
    ],
)
def test_schedules_have_short_forms(value: object, steps: dict[int, float], registry: Registry) -> None:
    volume = orchestra(registry, volume=value).volume
    assert {step: volume(step) for step in steps} == steps


# Paths


def test_paths_are_relative_to_the_file_that_says_them(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "spec.yaml").write_text("model: {use: orchestra, score: music/a.pdf}\n")
    model = load_spec(tmp_path / "spec.yaml", registry=registry).resolved()["model"]
    assert isinstance(model, dict)
    assert model["score"] == str(tmp_path / "music/a.pdf")
    model = load_spec(tmp_path / "spec.yaml", ["model.score=b.pdf"], registry=registry).resolved()["model"]
    assert isinstance(model, dict)
    assert model["score"] == os.path.abspath("b.pdf")


def test_the_home_folder_may_be_abbreviated(registry: Registry) -> None:
    assert orchestra(registry, score="~/a.pdf").score == Path.home() / "a.pdf"


# The checked spec


def test_a_spec_builds_model_objective_training_and_data() -> None:
    spec = load_spec(
        {
            "dims": {"size": 32},
            "model": "gnm",
            "data": "mnist-4",
            "train": {"steps": 7, "optimizer": {"use": "adam", "lr": {"from": 1, "to": 0, "until": 5}}},
        }
    )
    assert spec.dims == Dims(size=32)
    assert isinstance(spec.model(), Model)
    assert spec.objective()(spec.model().terms(torch.zeros(2, 1, 32, 32), 0), 0).total.shape == ()
    training = spec.training()
    assert training.steps == 7
    assert isinstance(training.optimizer[0].rate, Linear)
    assert spec.data("test").split == "test"
    assert len(spec.data()) > len(spec.data("validation"))


def test_a_spec_without_data_says_so_when_asked() -> None:
    with pytest.raises(SpecError, match=r"^data: is missing; this command needs a data set$"):
        load_spec({"model": "gnm"}).data()


def test_data_may_be_elsewhere_while_composing(tmp_path: Path) -> None:
    spec = load_spec({"model": "gnm", "data": {"use": "image-folder", "dir": str(tmp_path / "gone")}})
    with pytest.raises(gnm_core.DataError, match="gone"):
        len(spec.data())


def test_providers_name_every_package_with_its_version(registry: Registry) -> None:
    spec = load_spec({"model": {"use": "orchestra"}}, registry=registry)
    core = installed().parts["objective", "elbo"].provider.version
    assert spec.providers() == {"band": "3.1", "gnm-core": core}


def test_compose_takes_a_file_a_mapping_or_a_checked_spec(tmp_path: Path) -> None:
    small = {"dims": {"size": 32, "features": 8}, "model": "gnm"}
    (tmp_path / "spec.yaml").write_text(dump(small))
    sources = (tmp_path / "spec.yaml", str(tmp_path / "spec.yaml"), small, load_spec(small))
    counts = {sum(p.numel() for p in gnm_core.compose(source).parameters()) for source in sources}
    assert len(counts) == 1


# Inspection


def test_inspection_counts_parameters_and_records_shapes(registry: Registry) -> None:
    spec = load_spec({"dims": {"size": 32, "features": 8, "scene": 5}, "model": "gnm"})
    inspection = inspect(spec)
    model = spec.model()
    by_path = {part.path: part for part in inspection.parts}
    assert inspection.parameters == sum(p.numel() for p in model.parameters())
    assert by_path["model"].parameters == inspection.parameters
    assert by_path["model"].outputs["sample"]["image"] == (2, 1, 32, 32)
    assert by_path["model.encoder"].outputs == {"forward": {"": (2, 8, 4, 4)}}
    assert by_path["model.core"].outputs["infer"]["scene"] == (2, 4, 5)
    assert by_path["model.core.prior"].output == (2, 5)
    assert by_path["model.temperature"].parameters is None


@pytest.mark.parametrize(
    ("gain", "message"),
    [
        (15, r"^model: model 'orchestra' \(band 3\.1\) fails: RuntimeError: not in tune$"),
        (16, r"^model: term 'log_likelihood' is not finite: \[nan, nan\]$"),
        (17, r"^model: a sample's image has shape \(2, 1, 9, 8\); expected \(B, C, H, W\) = \(2, 1, 8, 8\)$"),
    ],
)
def test_inspection_finds_what_only_a_run_shows(gain: int, message: str, registry: Registry) -> None:
    spec = load_spec({"dims": {"size": 8}, "model": {"use": "orchestra", "gain": gain}}, registry=registry)
    with pytest.raises(SpecError, match=message):
        inspect(spec)


def test_an_objective_that_weighs_an_unknown_term_is_found() -> None:
    spec = load_spec({"dims": {"size": 32}, "model": "gnm", "objective": {"use": "elbo", "weights": {"sceen": 2}}})
    with pytest.raises(
        SpecError, match=r"objective\.weights: the model has no such term: 'sceen'; did you mean 'scene'"
    ):
        inspect(spec)
