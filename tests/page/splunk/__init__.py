"""As much of Splunk's own Python package as the REST handlers of the add-on import.

It comes with Splunk alone. What is here behaves as its documentation and its users have it.
"""


class RESTException(Exception):
    """An answer of splunkd that is an error; imported by splunktaucclib, raised by nobody here."""
