"""Reference runner for the SPL of this add-on, for tests only."""
