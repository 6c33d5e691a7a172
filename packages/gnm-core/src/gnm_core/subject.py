"""Old name of `gnm_core.evaluation.context`, for one version."""

from gnm_core.deprecated import renamed_names

_HOME = "gnm_core.evaluation.context"

__getattr__ = renamed_names(
    __name__,
    {
        "Subject": f"{_HOME}:EvaluationContext",
        "View": f"{_HOME}:EvaluationBatch",
        "Skip": f"{_HOME}:Skip",
        "BATCH": f"{_HOME}:BATCH",
        "require_finite": f"{_HOME}:require_finite",
    },
)
