"""The configuration page as splunkd and Splunk Web see it, for tests."""
