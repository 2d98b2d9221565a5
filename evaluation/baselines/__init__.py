"""The rules that people use today, run on the same events: Sentinel KQL, ESCU searches, Sigma."""
