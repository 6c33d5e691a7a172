"""`gnm judge`: do the pictures in a folder obey a rule?"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from gnm_core.cli.completing import parts_of
from gnm_core.cli.options import COUNT

if TYPE_CHECKING:
    from gnm_core.contracts import Judge
    from gnm_core.results import Verdict
    from torch import Tensor

    from gnm_data.judges.summary import VerdictSummary

_AT_ONCE = 256
"""Pictures that are read and judged together."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--rule",
    required=True,
    metavar="NAME",
    shell_complete=parts_of("judge"),
    help="Judge, such as mnist-4; `gnm parts judge` lists them.",
)
@click.option("-n", "count", type=COUNT, help="Judge the first so many pictures only.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Draw a contact sheet with the verdicts.")
@click.option("--json", "as_json", is_flag=True, help="Print every verdict as JSON.")
def judge(folder: Path, *, rule: str, count: int | None, out: Path | None, as_json: bool) -> None:
    """Say which pictures in FOLDER obey the rule of a data set, and why the others do not.

    \b
    gnm judge samples --rule mnist-4 --out sheet.png
    gnm judge samples --rule arrow-room --json > verdicts.json
    """
    import torch
    from gnm_core.cli.output import print_json
    from gnm_core.dims import Dims
    from gnm_core.parts.data.image_folder import ImageFolder
    from gnm_core.progress import showing_progress
    from rich.console import Console

    from gnm_data.judges.canvas import SIDE
    from gnm_data.judges.summary import summarise

    rule_judge = _judge(rule)
    dims = Dims(channels=getattr(rule_judge, "channels", 3), size=SIDE)
    pictures = ImageFolder(dims, dir=folder, fit="pad", validation=0.0, test=0.0, cache=0)
    total = min(count or len(pictures), len(pictures))
    for note in pictures.notes():
        click.echo(note, err=True)

    def batches() -> Iterator["Tensor"]:
        for start in range(0, total, _AT_ONCE):
            yield pictures.batch(range(start, min(start + _AT_ONCE, total))).image

    shown: list[Tensor] = []
    verdicts: list[Verdict] = []
    with showing_progress("judging", Console(stderr=True), "pictures", every=20) as progress:
        for images in batches():
            verdicts += rule_judge.judge(images)
            progress(len(verdicts), total)
            if out is not None and len(shown) * _AT_ONCE < _most():
                shown.append(images)
    summary = summarise(verdicts)
    if as_json:
        files = [path.relative_to(folder).as_posix() for path in pictures.files[:total]]
        print_json(_report(verdicts, files, summary), indent=1)
    else:
        _print(verdicts[0].judge, summary)
    if out is not None:
        _draw(torch.cat(shown)[: _most()], verdicts[: _most()], out)
        click.echo(f"{out}: {min(total, _most())} of {total} pictures", err=as_json)


def _judge(rule: str) -> "Judge":
    """The judge of that name."""
    from gnm_core.contracts import Judge
    from gnm_core.dims import Dims
    from gnm_core.plugins import installed
    from gnm_core.spec.single import build_part
    from gnm_core.suggestions import did_you_mean

    from gnm_data.judges.canvas import SIDE

    entry = installed().find("judge", rule)
    if entry is None:
        names = [entry.name for entry in installed().of_kind("judge")]
        hint = did_you_mean(rule, names)
        raise click.BadParameter(
            f"there is no judge {rule!r}; choose one of {', '.join(names)}" + (f" ({hint})" if hint else ""),
            param_hint="'--rule'",
        )
    return build_part(Judge, rule, Dims(size=SIDE))  # type: ignore[type-abstract]


def _report(verdicts: "list[Verdict]", files: list[str], summary: "VerdictSummary") -> dict[str, object]:
    """What `--json` prints. Places are in pixels of the picture scaled to 128 a side."""
    return {
        "judge": verdicts[0].judge,
        "pictures": summary.judged,
        "accepted": summary.accepted,
        "share": summary.share,
        "interval95": summary.interval,
        "reasons": dict(summary.reasons.most_common()),
        "verdicts": [
            {
                "file": file,
                "accepted": verdict.accepted,
                "reason": verdict.reason,
                "margin": round(verdict.margin, 3),
                "objects": [{"name": name, "x": round(x, 2), "y": round(y, 2)} for name, x, y in verdict.objects],
            }
            for file, verdict in zip(files, verdicts, strict=True)
        ],
    }


def _print(name: str, summary: "VerdictSummary") -> None:
    """The share, its interval and the reasons."""
    click.echo(f"{name}: {summary}")
    for reason, number in summary.reasons.most_common():
        click.echo(f"{number:7,}  {reason}")


def _most() -> int:
    """Pictures that fit on a sheet."""
    from gnm_data.judges.verdict_sheet import MAX_PICTURES

    return MAX_PICTURES


def _draw(images: "Tensor", verdicts: "list[Verdict]", out: Path) -> None:
    """Write the contact sheet."""
    from gnm_core.errors import DataError

    from gnm_data.judges.verdict_sheet import verdict_sheet

    try:
        verdict_sheet(images, verdicts).save(out)
    except (OSError, ValueError) as error:
        raise DataError(f"{out}: cannot be written: {getattr(error, 'strerror', None) or error}") from error
