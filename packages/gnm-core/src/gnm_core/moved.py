"""Modules of this package that plugins may know by an older path, which works for one version."""

import sys

from gnm_core.deprecated import Moved, MovedModules

_REPORT = "gnm_core.evaluation.report"

MOVED = {
    "gnm_core.evaluation.book": Moved("gnm_core.evaluation.ledger", {"Book": "Ledger", "Watch": "Pending"}),
    "gnm_core.evaluation.curves": Moved(f"{_REPORT}.curves"),
    "gnm_core.evaluation.history": Moved(f"{_REPORT}.history"),
    "gnm_core.evaluation.origin": Moved(f"{_REPORT}.origin"),
    "gnm_core.evaluation.published": Moved(f"{_REPORT}.published_results"),
    "gnm_core.evaluation.tables": Moved(f"{_REPORT}.tables"),
    "gnm_core.evaluation.trial": Moved("gnm_core.evaluation.setup", {"subject_of": "context_of"}),
    "gnm_core.evaluation.words": Moved(f"{_REPORT}.formatting"),
    "gnm_core.likelihood": Moved("gnm_core.distributions"),
    "gnm_core.metrics": Moved("gnm_core.evaluation.metrics"),
    "gnm_core.subject": Moved(
        "gnm_core.evaluation.context",
        {"Subject": "EvaluationContext", "View": "EvaluationBatch", "Part": "FirstOf"},
    ),
    "gnm_core.testing_subjects": Moved(
        "gnm_core.testing.subjects", {"full_subject": "full_context", "bare_subject": "bare_context"}
    ),
    "gnm_core.training.board": Moved("gnm_core.parts.loggers.tensorboard", {"Board": "TensorBoard"}),
    "gnm_core.training.checkpoint": Moved(
        "gnm_core.runs.checkpoint", {"require_same_model": "gnm_core.runs.same_model:require_same_model"}
    ),
    "gnm_core.training.feed": Moved("gnm_core.training.prefetch", {"Feed": "Prefetch"}),
    "gnm_core.training.files": Moved("gnm_core.files"),
    "gnm_core.training.metrics": Moved("gnm_core.training.log"),
    "gnm_core.training.mode": Moved("gnm_core.evaluation_mode"),
    "gnm_core.training.randomness": Moved("gnm_core.randomness", {"seed_step": "seed_from"}),
    "gnm_core.training.rehearsal": Moved("gnm_core.training.dry_run", {"rehearse": "dry_run"}),
    "gnm_core.training.spec": Moved("gnm_core.schema"),
}
"""Old path to what it is now."""

sys.meta_path.append(MovedModules(MOVED))
