"""Modules of this package that plugins may know by an older path, which works for one version."""

import sys

from gnm_core.deprecated import Moved, MovedModules

MOVED = {
    "gnm_data.judges.breakage": Moved(
        "gnm_data.judges.digit_corruptions", {"Breakage": "Corruption", "broken": "corrupted"}
    ),
    "gnm_data.judges.digit_practice": Moved(
        "gnm_data.judges.digit_training_data", {"DigitPractice": "DigitTrainingData", "Practice": "DigitBatch"}
    ),
    "gnm_data.judges.distort": Moved("gnm_data.judges.augmentation"),
    "gnm_data.judges.room_breakage": Moved(
        "gnm_data.judges.room_corruptions", {"Breakage": "Corruption", "broken": "corrupted"}
    ),
    "gnm_data.judges.room_practice": Moved(
        "gnm_data.judges.room_training_data", {"RoomBank": "RoomTrainingData", "RoomPractice": "RoomBatch"}
    ),
    "gnm_data.judges.sheet": Moved("gnm_data.judges.verdict_sheet", {"MOST": "MAX_PICTURES"}),
    "gnm_data.judges.tally": Moved("gnm_data.judges.summary", {"Tally": "VerdictSummary", "tally": "summarise"}),
    "gnm_data.judges.words": Moved("gnm_data.judges.wording"),
}
"""Old path to what it is now."""

sys.meta_path.append(MovedModules(MOVED))
