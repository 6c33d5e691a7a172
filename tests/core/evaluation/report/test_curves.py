"""Training curves show what was recorded: nothing moved, nothing invented, and what is left out is said."""

import json
import re
from pathlib import Path

import pytest
from gnm_core.evaluation.report.curves import SQUARE, Chart, charts, structure_charts
from gnm_core.evaluation.report.history import History, Record, read_history, thinned


def history(**columns: list[float]) -> History:
    names = [name.replace("__", ".") for name in columns]
    rows = zip(*columns.values(), strict=True)
    return History(tuple(Record(10 * i + 10, "one", dict(zip(names, row, strict=True))) for i, row in enumerate(rows)))


def points(path: str) -> list[tuple[str, float, float]]:
    return [(m[1], float(m[2]), float(m[3])) for m in re.finditer(r"([ML])(-?[\d.]+) (-?[\d.]+)", path)]


def by_title(found: list[Chart]) -> dict[str, Chart]:
    return {chart.title: chart for chart in found}


def test_records_are_read_and_torn_lines_passed_over(tmp_path: Path) -> None:
    lines = [
        json.dumps({"step": 50, "stage": "a", "elbo": -3.0, "loss": None, "weights": {"kl.x": 1.0}, "rates": [0.1]}),
        json.dumps({"step": 60, "warning": "all objects are gone"}),
        '{"step": 100, "sta',
        "[]",
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    found = read_history(tmp_path / "metrics.jsonl")
    assert found == History((Record(50, "a", {"elbo": -3.0}),), ((60, "all objects are gone"),))
    assert read_history(tmp_path / "nowhere.jsonl") == History(())


def test_a_curve_goes_through_its_records() -> None:
    (chart,) = charts(history(objects=[1.0, 3.0, 2.0]))
    (line,) = chart.lines
    assert (chart.title, chart.steps, line.values, line.last) == ("Objects", (10, 20, 30), (1.0, 3.0, 2.0), "2.000")
    (m, x0, y0), (_, x1, y1), (_, x2, y2) = points(line.path)
    assert (m, x0, x1, x2) == ("M", 0, SQUARE / 2, SQUARE)
    ticks = {tick.text: 10 * tick.at for tick in chart.y_ticks}
    assert y1 < y2 < y0, "larger values stand higher"
    assert y1 == pytest.approx(ticks["3"], abs=0.1)
    assert y2 == pytest.approx(ticks["2"], abs=0.1)


def test_terms_of_a_kind_share_a_chart() -> None:
    found = by_title(
        charts(history(elbo=[1, 2], kl__scene=[3, 4], kl__what=[5, 6], auxiliary__what=[7, 8], loss=[0, 1]))
    )
    assert list(found) == ["Evidence lower bound", "Divergences", "Auxiliary divergences"]
    assert [line.name for line in found["Divergences"].lines] == ["scene", "what"]


def test_values_far_apart_have_a_logarithmic_axis() -> None:
    chart = by_title(charts(history(kl__a=[900.0, 100.0, 100.0], kl__b=[0.9, 0.1, 0.1])))["Divergences"]
    assert "logarithmic axis" in chart.note
    a, b = (points(line.path)[-1][2] for line in chart.lines)
    ticks = {tick.text: 10 * tick.at for tick in chart.y_ticks}
    assert a == pytest.approx(ticks["100"], abs=0.1)
    assert b == pytest.approx(ticks["0.1"], abs=0.1)


def test_what_is_zero_interrupts_a_logarithmic_curve() -> None:
    chart = by_title(charts(history(kl__a=[900.0, 100.0, 100.0, 90.0], kl__b=[1.0, 1.0, 0.0, 1.0])))["Divergences"]
    assert [pen for pen, _, _ in points(chart.lines[1].path)] == ["M", "L", "M"]


def test_a_wild_beginning_leaves_the_chart_and_is_counted() -> None:
    chart = by_title(charts(history(elbo=[-1e9, *map(float, range(100, 120))])))["Evidence lower bound"]
    assert "1 value beyond the axis" in chart.note
    assert all(-1 <= tick.at <= 101 for tick in chart.y_ticks)
    heights = [y for _, _, y in points(chart.lines[0].path)]
    assert heights[0] > SQUARE
    assert all(0 <= y <= SQUARE for y in heights[3:])


def test_stages_are_marked_and_curves_begin_anew() -> None:
    records = [Record(step, "symbols" if step < 30 else "scene", {"objects": float(step)}) for step in (10, 20, 30, 40)]
    (chart,) = charts(History(tuple(records)))
    assert [(tick.text, round(tick.at)) for tick in chart.stages] == [("symbols", 0), ("scene", 67)]
    assert [pen for pen, _, _ in points(chart.lines[0].path)] == ["M", "L", "M", "L"]


def test_a_stage_without_likelihood_has_no_bound(tmp_path: Path) -> None:
    rows = [{"step": s, "stage": "symbols", "elbo": 5.0, "log_likelihood": 9.0} for s in (1, 2, 3)]
    rows += [{"step": s, "stage": "scene", "elbo": -8.0, "log_likelihood": 0.0, "kl.scene": 8.0} for s in (4, 5, 6)]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = by_title(charts(read_history(tmp_path / "m.jsonl")))
    bound, divergences = found["Evidence lower bound"], found["Divergences"]
    assert bound.lines[0].values == (5.0, 5.0, 5.0)
    assert bound.steps == (1, 2, 3)
    assert "the stage “scene” has none of these" in bound.note
    assert divergences.steps == (4, 5, 6)


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0, 1e-9, 1e12])
def test_a_constant_is_a_level_line(value: float) -> None:
    (chart,) = charts(history(objects=[value, value, value]))
    heights = {y for _, _, y in points(chart.lines[0].path)}
    assert len(heights) == 1
    assert 0 <= heights.pop() <= SQUARE
    assert chart.y_ticks


def test_long_trainings_are_averaged() -> None:
    long = history(objects=[float(i % 2) for i in range(10_000)])
    thin = thinned(long, 100)
    assert len(thin.records) == 100
    assert {record.values["objects"] for record in thin.records} == {0.5}
    assert thin.records[-1].step == long.records[-1].step
    assert thinned(thin, 100) is thin


def test_a_single_record_makes_no_chart() -> None:
    assert charts(history(objects=[1.0])) == []
    assert charts(History(())) == []


def test_the_shares_of_scenes_that_obey_are_drawn_over_steps_and_minutes(tmp_path: Path) -> None:
    levels = [{"data": 1.0, "symbols": 0.1 * i, "generated": 0.001 * i} for i in (1, 2, 3)]
    lines = [
        json.dumps({"step": 1000 * i, "stage": "one", "core_seconds": 90.0 * i, "structure": shares})
        for i, shares in enumerate(levels, start=1)
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    found = read_history(tmp_path / "metrics.jsonl")
    assert found.records == ()
    by_step, by_time = structure_charts(found)
    assert by_step is not None
    assert by_time is not None
    assert (by_step.steps, by_time.steps) == ((1000, 2000, 3000), (1.5, 3.0, 4.5))
    assert (by_step.along, by_time.along) == ("step", "minute")
    assert [line.name for line in by_step.lines] == ["data", "symbols", "generated"]
    heights = [y for _, _, y in points(by_step.lines[0].path)]
    assert heights == [0, 0, 0]  # an axis from 0 to 1, whatever was measured
