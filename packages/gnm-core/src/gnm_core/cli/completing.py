"""What a shell offers when Tab is pressed: names from the registry and folders of runs. Nothing heavy is imported."""

from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _beginning(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def kinds(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Kinds of part."""
    from gnm_core.plugins import installed

    return _beginning(installed().kinds, incomplete)


def names_of_kind(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the parts of the kind that the command line names already."""
    return _parts(str(context.params.get("kind")), incomplete)


def parts_of(kind: str) -> Completer:
    """Names of the parts of one kind; of several, with commas between, the last."""

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",")
        return [CompletionItem(f"{before}{comma}{item.value}") for item in _parts(kind, last)]

    return complete


def _parts(kind: str, incomplete: str) -> list[CompletionItem]:
    from gnm_core.plugins import installed

    return _beginning((entry.name for entry in installed().of_kind(kind)), incomplete)


def packages(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Packages that provide parts."""
    from gnm_core.plugins import installed

    return _beginning(dict.fromkeys(p.provider.distribution for p in installed().plugins), incomplete)


def spec_names(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Shipped specs."""
    from gnm_core.plugins import installed

    return _beginning(sorted(installed().specs), incomplete)


def specs(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Shipped specs, and files."""
    return [CompletionItem(incomplete, type="file"), *spec_names(context, parameter, incomplete)]


def pretrained_names(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Shipped models."""
    from gnm_core.plugins import installed

    return _beginning(sorted(installed().pretrained), incomplete)


def pretrained(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Shipped models, and folders."""
    return [CompletionItem(incomplete, type="dir"), *pretrained_names(context, parameter, incomplete)]


def runs(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Folders of runs: those beside what is typed and one level below, and any folder on the way."""
    typed = Path(incomplete)
    beside = typed if incomplete.endswith("/") else typed.parent
    try:
        found = sorted(path for pattern in ("*", "*/*") for path in beside.glob(pattern) if _is_run(path))
    except OSError:
        found = []
    return [CompletionItem(incomplete, type="dir"), *_beginning(map(str, found), incomplete.removeprefix("./"))]


def _is_run(folder: Path) -> bool:
    return (folder / "spec.yaml").is_file() and (folder / "checkpoints").is_dir()


def runs_and_pretrained(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Folders of runs, and shipped models."""
    return [*runs(context, parameter, incomplete), *pretrained_names(context, parameter, incomplete)]
