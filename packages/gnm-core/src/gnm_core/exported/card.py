"""The model card: what an exported model is, how good, and what it cannot do. Written from what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gnm_core.evaluation import Evaluation, interval, number, published
from gnm_core.results import Value

FEW_REASONS = 5
"""So many of the reasons why generated scenes break their rule are told."""
ONLY_BEFORE = "this value"
"""Stands for what a value was before rounding where it was not measured again."""


@dataclass(frozen=True)
class Facts:
    """What a card says besides its numbers."""

    name: str
    """Of the model."""
    label: str
    """The model as the source document would call it."""
    data: str
    """Registered name of the data set; empty where the spec names none."""
    options: Mapping[str, Any]
    """Options of the data set, without folders of anybody's machine."""
    size: int
    channels: int
    parameters: int
    step: int
    minutes: float | None
    """Wall time of the training; None where it is not known."""
    core_minutes: float | None
    """Processor time of the training."""
    providers: Mapping[str, str]
    """Distribution to version of everything that provides a part."""
    change: float
    """Largest relative change by rounding the weights."""
    pictures: Sequence[str]
    """Files beside the card."""
    note: str = ""
    """The exporter's own words."""


def card(facts: Facts, before: Evaluation | None, after: Evaluation | None) -> str:
    """The text of README.md, as the Hugging Face hub shows it well.

    Args:
        facts: what the model is.
        before: what was measured of the run; None where it was not evaluated.
        after: the same of the rounded weights; None where that was not asked for.
    """
    sections = [
        _front(facts),
        f"# {facts.name}\n\n{_about(facts)}",
        *([facts.note] if facts.note else []),
        f"## Use it\n\n{_use(facts)}",
        f"## Trained\n\n{_trained(facts)}",
        f"## Measured\n\n{_measured(facts, before, after)}",
        *([f"## Pictures\n\n{_pictures(facts)}"] if facts.pictures else []),
        f"## What it cannot do\n\n{_limits(facts, after or before)}",
    ]
    return "\n\n".join(sections) + "\n"


def _front(facts: Facts) -> str:
    names = ["object-centric", "generative", "gnm", facts.label.lower(), *([facts.data] if facts.data else [])]
    tags = list(dict.fromkeys(names))  # GNM's label is the library's name
    return "\n".join(
        [
            "---",
            "library_name: gnm",
            "license: apache-2.0",
            "pipeline_tag: unconditional-image-generation",
            "tags:",
            *(f"- {tag}" for tag in tags),
            "---",
        ]
    )


def _about(facts: Facts) -> str:
    colours = {1: "grey", 3: "colour"}.get(facts.channels, f"{facts.channels}-channel")
    source = f", trained on `{facts.data}`" if facts.data else ""
    return (
        f"{facts.label} on {colours} pictures of {facts.size} x {facts.size} px{source}; {facts.parameters:,} "
        "parameters, stored as float16. The model is `model.safetensors`, and `spec.yaml` says what it is made of; "
        "nothing here is code."
    )


def _use(facts: Facts) -> str:
    packages = " ".join(sorted(facts.providers))
    return "\n".join(
        [
            "```bash",
            f"pip install {packages}",
            f"gnm sample --pretrained {facts.name} -n 50 --out samples.png",
            "```",
            "",
            "```python",
            "import gnm_core",
            "",
            f'run = gnm_core.pretrained("{facts.name}")',
            "scene = run.model.sample(50)  # scene.image, scene.objects",
            "```",
            "",
            "For a folder that is not installed with a package, give the folder instead of the name.",
        ]
    )


def _trained(facts: Facts) -> str:
    spent = [f"{facts.step:,} steps"]
    if facts.minutes is not None:
        spent.append(f"{facts.minutes:.0f} minutes by the clock")
    if facts.core_minutes is not None:
        spent.append(f"{facts.core_minutes:.0f} minutes of one core")
    lines = [", ".join(spent) + "; the whole plan, seed included, is in `spec.yaml`."]
    if facts.data:
        options = ", ".join(f"`{key}: {value}`" for key, value in facts.options.items() if key != "use")
        lines.append(f"Data: `{facts.data}`" + (f" with {options}." if options else "."))
    lines.append(f"Rounding to float16 changed no number by more than {facts.change:.1e} of its tensor's largest.")
    versions = ", ".join(f"{name} {version}" for name, version in facts.providers.items())
    lines.append(f"Made with {versions}.")
    return "\n".join(lines)


def _measured(facts: Facts, before: Evaluation | None, after: Evaluation | None) -> str:
    if before is None and after is None:
        return "Nothing yet: this model was exported before it was evaluated."
    main = after or before
    assert main is not None
    both = before is not None and after is not None
    head = ["", "value", "95 % interval", *(["before rounding"] if both else []), "published"]
    rows = []
    names = [
        value.name for one in (after, before) if one for outcome in one.metrics.values() for value in outcome.values
    ]
    for name in dict.fromkeys(names):
        anew, earlier = after.value(name) if after else None, before.value(name) if before else None
        found = anew or earlier
        assert found is not None
        reported = published(facts.label, facts.data, name, facts.size)
        rows.append(
            [
                name,
                f"{number(found.value)} {found.unit}".strip() + (f" of {found.count:,}" if found.count else ""),
                interval(found),
                *([_earlier(anew, earlier)] if both else []),
                "" if reported is None else number(reported),
            ]
        )
    told = f"On the {main.split} split, seed {main.seed}."
    if both:
        told += " Values are those of these rounded weights,"
        told += f" but where it says '{ONLY_BEFORE}': measured before rounding only."
    return _table(head, rows) + f"\n\n{told}"


def _earlier(anew: Value | None, earlier: Value | None) -> str:
    if earlier is None:
        return ""
    return ONLY_BEFORE if anew is None else number(earlier.value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _pictures(facts: Facts) -> str:
    return "\n\n".join(f"![{name.removesuffix('.png')}](pictures/{name})" for name in facts.pictures)


def _limits(facts: Facts, measured: Evaluation | None) -> str:
    told = [
        f"- It knows pictures of {facts.size} x {facts.size} px and {facts.channels} channel(s) only"
        + (
            f", and scenes like those of `{facts.data}`; of anything else it makes what it knows."
            if facts.data
            else "."
        ),
        "- Its confidence is a probability under the model, not a rate of being right.",
    ]
    told += [f"- {line}" for line in _failures(measured)]
    return "\n".join(told)


def _failures(measured: Evaluation | None) -> list[str]:
    """What the structure metric says went wrong, the most frequent first."""
    outcome = measured.metrics.get("s-acc") if measured else None
    if outcome is None or not outcome.values:
        return [] if measured else ["How often its scenes break their rule has not been measured."]
    share, reasons = outcome.values[0].value, outcome.details.get("reasons", {})
    lines = [f"{1 - share:.1%} of its generated scenes break the rule of the data set."]
    if reasons:
        most = sorted(reasons.items(), key=lambda item: -item[1])[:FEW_REASONS]
        lines.append("Most frequent reasons: " + ", ".join(f"{reason} ({count})" for reason, count in most) + ".")
    return lines
