"""Hostile input for the command: made, run in process, and judged. See docs/reliability.md."""
