"""What a study's file may say, and what is said of what it may not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from gnm_core.studies.plan import plain_study, read_study
from gnm_core.studies.planned import as_yaml, planned_runs
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

Study = Callable[..., Path]


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return path


def test_a_grid_is_every_combination_with_every_seed(study: Study) -> None:
    grid = {"core": {"a": {"model.x": 1}, "b": {}}, "train.batch": [2, 4, 8]}
    runs = planned_runs(read_study(study(grid=grid, seeds=[3, 5])))
    assert len(runs) == len({run.name for run in runs}) == 2 * 3 * 2
    assert runs[0].name == "a-batch-2-seed-3"
    assert runs[0].overrides == ("model.x=1", "train.batch=2", "train.seed=3")


def test_first_trainings_are_one_for_each_seed_and_each_value_of_their_axes(study: Study) -> None:
    grid = {"encoder": {"a": {}, "b": {}}, "core": {"c": {}, "d": {}, "e": {}}}
    for per, each in (([], 1), (["encoder"], 2), (["encoder", "core"], 6)):
        runs = planned_runs(read_study(study(grid=grid, seeds=[0, 1], first={"per": per})))
        firsts = [run.name for run in runs if run.measures is None]
        assert len(firsts) == 2 * each
        for i, run in enumerate(runs):
            assert run.begins_with is None or run.begins_with in [before.name for before in runs[:i]]


def test_a_variant_overrides_what_all_have(study: Study) -> None:
    runs = planned_runs(read_study(study(set={"train.batch": 2, "train.keep": 1}, variants={"a": {"train.batch": 4}})))
    assert runs[0].overrides == ("train.keep=1", "train.batch=4", "train.seed=0")


def test_what_is_written_is_the_same_study(study: Study, tmp_path: Path) -> None:
    first = {"budget": {"core_minutes": 2.5}, "only": ["encoder"]}
    read = read_study(study(variants={"a": {}}, first=first, seeds=[1, 2], threads=2))
    YAML().dump(plain_study(read), tmp_path / "again.yaml")
    assert read_study(tmp_path / "again.yaml") == read


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("spec: gnm\nvariants: {a: {}}\nseeeds: [1]\n", "3:1: seeeds", "did you mean 'seeds'?"),
        ("spec: gnm\nvariants: {a: {}}\nbudget: {steps: 0}\n", "3:10: budget.steps", "greater than or equal to 1"),
        (
            "spec: gnm\nvariants: {a: {}}\nbudget: {minutes: 5}\n",
            "3:10: budget.minutes",
            "did you mean 'core_minutes'?",
        ),
        ("spec: gnm\n", "grid", "nothing varies"),
        ("variants: {a: {}}\n", "spec", "is missing"),
        ("spec: gnm\nvariants: {a: {}}\ngrid: {x: [1]}\n", "2:1: variants", "one of the two"),
        ("spec: gnm\nvariants: {a/b: {}}\n", "variants.a/b", "cannot be a name"),
        ("spec: gnm\nvariants: {a: {}}\nseeds: [1, 1]\n", "3:1: seeds", "twice"),
        ("spec: gnm\ngrid: {core: {a: {}}}\nfirst: {per: [cor]}\n", "first.per", "did you mean 'core'?"),
        ("spec: gnm\nvariants: {a: {}}\nbudget: {steps: 1, core_minutes: 1}\n", "budget", "one of the two"),
        ("spec: gnm\nvariants: {a: {model.cor: 1}}\n", "2:16: model.cor", "did you mean 'core'?"),
        ("spec: gnm\ngrid: {model.cor: [1, 2]}\n", "every run:", "2:8: model.cor"),
        ("spec: gnm\nset: {model.cor: 1}\nvariants: {a: {}, b: {}}\n", "every run:", "2:7: model.cor"),
        (
            "spec: mnist-4-64-cells\nvariants: {a: {train.stages.prior.steps: -1}}\n",
            "2:16: train.stages.prior.steps",
            "-1 is out of range",
        ),
        (
            "spec: mnist-4-64-cells\nvariants: {a: {train.stages.2.steps: -1}}\n",
            "2:16: train.stages.prior.steps",
            "-1 is out of range",
        ),
        ("spec: gmn\nvariants: {a: {}, b: {}}\n", "1:1: spec: 'gmn': no such file", "did you mean 'gnm'?"),
        ("spec: x/gnm.yaml\nvariants: {a: {}}\n", "1:1: spec: 'x/gnm.yaml': no such file", "ships a spec 'gnm'"),
        ("spec: gnm\nvariants: {a: {}}\nfirst: {run: nowhere}\n", "3:9: first.run", "no folder 'nowhere'"),
        ("spec: gnm\nvariants: {a: {}}\nevaluate: {set: {s-acc.n: 3}}\n", "3:12: evaluate.set", "without metrics"),
        ("spec: gnm\nvariants: {a: {}}\nseeds: [a]\n", "3:9: seeds.0", "'a'; expected an integer"),
        ("spec: gnm\ngrid: {core: 2}\n", "2:8: grid.core", "2; expected names with values or a list"),
        ("spec: gnm\nvariants: {a: {}}\nevaluate: {metrics: [s-ac]}\n", "s-ac", "did you mean 's-acc'?"),
        ("spec: gnm\nvariants: [a, b]\n", "2:1: variants", "['a', 'b']; expected names with values"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_nothing_is_begun(
    tmp_path: Path, gnm: Callable[..., Result], text: str, place: str, said: str
) -> None:
    done = gnm("study", write(tmp_path, text), "--out", tmp_path / "out")
    assert done.exit_code == 2, done.output
    assert place in done.output
    assert said in done.output
    assert not (tmp_path / "out").exists()


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(plain)
def test_a_value_in_a_line_of_yaml_reads_back(value: object) -> None:
    from gnm_core.spec.nodes import plain as values
    from gnm_core.spec.yaml import parse

    node = parse(as_yaml(value), "here")
    assert node is not None
    assert values(node) == value
