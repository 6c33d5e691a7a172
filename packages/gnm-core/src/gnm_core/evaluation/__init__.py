"""Evaluate trained models: one pass, a results file, tables."""
