"""The JSON Schema of specs says what the checker says."""

import copy
import json
import os
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from gnm_core.cli import main
from gnm_core.plugins import installed
from gnm_core.registry import Entry, Provider, Registry
from gnm_core.schema import Spec
from gnm_core.spec import load_spec
from gnm_core.spec.checker import Checker
from gnm_core.spec.json_schema import spec_schema
from gnm_core.spec.nodes import node_of, plain
from gnm_core.spec.yaml import read_file

SPECS = sorted(installed().specs)
MUTATED = ["mnist-4-64-short"]
if os.environ.get("GNM_TESTS") == "long":
    MUTATED += ["gnm-masks-64", "genesis-mnist-4-64", "space-mnist-4-64", "own-pictures-64"]


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = spec_schema(installed()).schema
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def problem(validator: jsonschema.Draft202012Validator, spec: object) -> str | None:
    best = jsonschema.exceptions.best_match(validator.iter_errors(spec))
    return None if best is None else f"{list(best.absolute_path)}: {best.message}"


@pytest.mark.parametrize("name", SPECS)
def test_every_shipped_spec_is_valid_as_it_is_written_and_resolved(
    validator: jsonschema.Draft202012Validator, name: str
) -> None:
    assert problem(validator, plain(read_file(installed().specs[name].path))) is None
    assert problem(validator, load_spec(name).resolved()) is None


@pytest.mark.parametrize(
    "change",
    [
        {"train": {"optimizer": None}},
        {"train": {"stages": {"prior": {"steps": None, "optimizer": {"lr": None}}}}},
        {"model": {"sigma": None}},
        {"model": {"core": {"hidden": None}}},
        {"dims": {"scene": None}},
    ],
)
def test_null_takes_back_what_the_base_says(validator: jsonschema.Draft202012Validator, change: dict[str, Any]) -> None:
    assert problem(validator, {"base": "mnist-4-64", **change}) is None


def mutations(spec: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Specs with one thing changed: an option that is not there, one left out, another type, a name of nobody."""
    for path, value in places(spec):
        *above, last = path

        def changed(act: Any, above: list[Any] = above) -> dict[str, Any]:
            copied = copy.deepcopy(spec)
            here: Any = copied
            for key in above:
                here = here[key]
            act(here)
            return copied

        dotted = ".".join(map(str, path))
        yield f"{dotted} is a list", changed(lambda here, last=last: here.update({last: [{"nothing": {}}]}))
        yield f"{dotted} is true", changed(lambda here, last=last: here.update({last: True}))
        yield f"{dotted} is null", changed(lambda here, last=last: here.update({last: None}))
        yield f"{dotted} is left out", changed(lambda here, last=last: here.pop(last))
        yield f"{dotted} is a name", changed(lambda here, last=last: here.update({last: "nobody"}))
        yield f"{dotted} is -1", changed(lambda here, last=last: here.update({last: -1}))
        if isinstance(value, dict):
            yield f"{dotted} has more", changed(lambda here, last=last: here[last].update(nonsense={"no": 1}))


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], object]]:
    """Every key of every mapping."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key), item
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from places(item, (*path, i))


@pytest.mark.parametrize("name", MUTATED)
def test_the_schema_refuses_what_the_checker_refuses_and_nothing_else(
    validator: jsonschema.Draft202012Validator, name: str
) -> None:
    refused = 0
    for told, spec in mutations(load_spec(name).resolved()):
        checker = Checker(installed())
        checker.check(Spec, node_of(spec), "")
        wrong = problem(validator, spec)
        assert (wrong is None) == (not checker.problems), f"{told}: schema: {wrong}; checker: {checker.problems}"
        refused += wrong is not None
    assert refused > 100


@pytest.mark.parametrize(
    ("spec", "valid"),
    [
        ({"base": "mnist-4-64-cells", "model": {"core": {"width": 32}}}, True),  # `use` comes from the base
        ({"base": "mnist-4-64-cells", "model": {"core": {"widht": 32}}}, False),
        ({"base": "mnist-4-64", "modell": {}}, False),
        ({"base": "mnist-4-64", "model": {"core": "strukturdraw"}}, False),
        ({"base": "own-pictures-64", "data": {"dir": "pictures"}}, True),
        ({"base": "mnist-4-64-cells", "train": {"stages": {"prior": {"steps": 9}, "scene": None}}}, True),
        ({"base": "mnist-4-64-cells", "train": {"stages": {"prior": {"stepz": 9}}}}, False),
        ({"model": "gnm", "train": {"stages": {"prior": {"steps": 9}}}}, False),  # whose stages?
        ({"base": 7}, False),
        ({"data": {"dir": "pictures"}, "model": "gnm"}, False),  # of which data set?
        ({"dims": {"size": 64}}, False),  # no model
        ({"model": {"use": "gnm", "temperature": {"from": 1, "to": 0.5, "until": 100}}}, True),
        ({"model": {"use": "gnm", "temperature": {"from": 1, "to": 0.5, "til": 100}}}, False),
        ({"model": {"use": "gnm", "temperature": 0.5}}, True),
        ({"model": {"use": "gnm", "temperature": {"use": "cosine", "from": 1, "to": 0, "until": 9}}}, True),
        ({"model": {"use": "gnm", "temperature": {"use": "cosine", "form": 1, "to": 0, "until": 9}}}, False),
        ({"model": {"use": "gnm", "encoder": "structdraw"}}, False),  # a part, of another kind
        ({"model": {"use": "gnm", "where_prior": "mixture"}}, False),  # a prior, under another contract
        ({"model": {"use": "gnm", "core": {"steps": 8}}}, True),  # options of the default part
        ({"model": {"use": "gnm", "core": {"steps": 0}}}, False),
        ({"model": {"use": "gnm", "curriculum": None}}, True),
        ({"model": {"use": "gnm", "core": None}}, False),
        ({"model": "gnm", "train": {"optimizer": [{"use": "rmsprop", "parts": "core"}, "adam"]}}, True),
        ({"model": "gnm", "train": {"stages": [{"steps": 10, "levle": "scene"}]}}, False),
    ],
)
def test_short_forms_and_changes_of_a_base(
    validator: jsonschema.Draft202012Validator, spec: dict[str, Any], valid: bool
) -> None:
    assert (problem(validator, spec) is None) == valid, problem(validator, spec)


def test_a_mistake_is_told_where_it_is(validator: jsonschema.Draft202012Validator) -> None:
    spec = {"model": {"use": "gnm", "core": {"use": "structdraw", "stepz": 8}}}
    told = [list(error.absolute_path) for error in deepest(validator.iter_errors(spec))]
    assert ["model", "core"] in told


def deepest(errors: Any) -> Iterator[Any]:
    for error in errors:
        yield from deepest(error.context) if error.context else [error]


def test_a_part_that_cannot_be_loaded_is_left_out_and_named() -> None:
    registry = Registry(parts=dict(installed().parts))
    lost = Entry("core", "lost", "nowhere_at_all:Lost", Provider("torn", "1"))
    registry.parts["core", "lost"] = lost
    found = spec_schema(registry)
    assert len(found.left_out) == 1
    assert "core 'lost' of torn 1" in found.left_out[0]
    assert "core lost" not in found.schema["$defs"]


def test_the_command_prints_the_schema_and_help_and_defaults_are_in_it() -> None:
    result = CliRunner().invoke(main, ["parts", "--schema"])
    assert result.exit_code == 0, result.output
    schema = json.loads(result.stdout)
    steps = schema["$defs"]["core structdraw"]["properties"]["steps"]
    assert steps["type"] == "integer"
    assert steps["minimum"] == 1
    assert steps["default"] == 4
    assert steps["description"]
    assert CliRunner().invoke(main, ["parts", "core", "--schema"]).exit_code == 2
