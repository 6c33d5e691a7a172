"""The laws of gnm's own contracts, a module for each kind."""

from gnm_core.testing.laws import alike as alike
from gnm_core.testing.laws import (
    core,
    curriculum,
    data,
    duration,
    figure,
    judge,
    logger,
    manners,
    metric,
    model,
    objective,
    optimizer,
    prior,
    renderer,
    schedule,
)
from gnm_core.testing.laws import every as every
from gnm_core.testing.laws import sizes as sizes

__all__ = [
    "alike",
    "core",
    "curriculum",
    "data",
    "duration",
    "every",
    "figure",
    "judge",
    "logger",
    "manners",
    "metric",
    "model",
    "objective",
    "optimizer",
    "prior",
    "renderer",
    "schedule",
    "sizes",
]
