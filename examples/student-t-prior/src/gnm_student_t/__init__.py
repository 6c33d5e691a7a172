"""A Student-t prior of the scene code."""
