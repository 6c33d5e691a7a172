"""Commands: one a file; nothing heavy is imported before a command runs."""
