"""Rebuild the process trees under software installers and score them.

The data goes one way: rows -> links -> signals -> score -> render; `pipeline` joins the stages.
Nothing in this package imports Splunk.
"""
