"""The dashboards under test: without a browser, and in Chromium with Splunk's own packages."""
