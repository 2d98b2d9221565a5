"""Scores process trees under software installers from a shell: the engine, without Splunk."""

__version__ = "0.1.0"
