"""What a study has found so far: a page, and a table in Markdown."""

from gnm_core.studies.leaderboard.page import write_leaderboard as write_leaderboard
