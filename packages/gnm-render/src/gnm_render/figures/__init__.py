"""Pictures of a model at work."""
