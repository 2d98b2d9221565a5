"""The endpoint of the Scoring and Logging tabs.

The generator would write this file with the library's own handler, which neither checks the
severity bands nor keeps an audit log, and with its own bounds; so it has ours.
"""

import logging

import import_declare_test  # noqa: F401  (puts the add-on's libraries on the path)
from installer_trees.model import Settings
from installerscore_rest import SettingsHandler
from installerscore_settings import BOUNDS, CONF
from splunktaucclib.rest_handler import admin_external, util
from splunktaucclib.rest_handler.endpoint import MultipleModel, RestModel, field, validator

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

util.remove_http_proxy_env_vars()

scoring = [
    field.RestField(name, required=name != "prevalence_baseline", default=getattr(Settings(), name))
    for name in BOUNDS
]
loglevel = field.RestField(
    "loglevel", required=True, default="INFO", validator=validator.Enum(LEVELS)
)
endpoint = MultipleModel(
    CONF, models=[RestModel(scoring, name="scoring"), RestModel([loglevel], name="logging")]
)


if __name__ == "__main__":
    logging.getLogger().addHandler(logging.NullHandler())
    admin_external.handle(endpoint, handler=SettingsHandler)
