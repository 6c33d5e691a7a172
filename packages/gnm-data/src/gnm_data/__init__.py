"""Data sets with ground truth, judges and metrics for scene models."""

from gnm_data import moved as moved
