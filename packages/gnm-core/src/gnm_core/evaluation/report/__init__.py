"""What an evaluation says, for people: tables, curves, and a page that needs nothing else to open."""

from gnm_core.deprecated import renamed_names

_HTML, _FAILURES = f"{__name__}.html", f"{__name__}.failures"
_NAMES = {
    _HTML: (
        "Cell Column Comparison MetricBlock MetricRow NAME PACKAGE Picture RunSection SAMPLES Strip TableRow render "
        "write_report"
    ),
    _FAILURES: "Failures REASONS Reason",
}
"""What this package had while it was one module."""

__getattr__ = renamed_names(
    __name__, {name: f"{home}:{name}" for home, names in _NAMES.items() for name in names.split()}
)
