"""Send the sample events to a Splunk through its HTTP Event Collector, as if they were of today.

The newest event becomes eleven minutes old; what lies between events stays as it was. The Splunk
needs the app docker/installerscore_sample, which brings the events into the CIM data models: see
docs/splunk.md.

    python tools/load_sample.py --url http://localhost:8088 --token TOKEN [--index main]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import Any

import sample
from sample_events import collector_events

ENDPOINT = "/services/collector/event"
AGE = 660.0
BATCH = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Send the events; returns the exit code of the script."""
    options = _parse(arguments)
    rows = sample.newest_first(sample.load())
    shift = time.time() - AGE - float(rows[0]["_time"])
    events = collector_events(rows, shift, options.index)
    try:
        for start in range(0, len(events), BATCH):
            _send(options.url, options.token, events[start : start + BATCH])
    except urllib.error.HTTPError as error:
        print(f"{options.url} refused the events: {_reason(error)}", file=sys.stderr)
        return 1
    except http.client.HTTPException:
        print(
            f"{options.url} does not answer in HTTP: is that the collector's port, and its scheme "
            "http or https?",
            file=sys.stderr,
        )
        return 1
    except OSError as error:
        reason = getattr(error, "reason", error)
        print(
            f"{options.url} does not answer ({reason}): is Splunk up, and is the HTTP Event "
            "Collector switched on?",
            file=sys.stderr,
        )
        return 1
    print(f"Sent {len(events)} events of {len(sample.load())} chains to {options.url}.")
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--url",
        required=True,
        type=_address,
        help="scheme, host and port of the collector, such as http://localhost:8088",
    )
    parser.add_argument(
        "--token",
        default=os.environ.get("SPLUNK_HEC_TOKEN", ""),
        help="token of the collector; the environment's SPLUNK_HEC_TOKEN without it",
    )
    parser.add_argument("--index", default="main", help="index to write to (default main)")
    options = parser.parse_args(arguments)
    if not options.token.isascii() or not options.token.isprintable() or not options.token:
        parser.error("give the token of the collector with --token or SPLUNK_HEC_TOKEN")
    return options


def _address(url: str) -> str:
    """Return scheme, host and port of a collector, however much of its address was typed."""
    try:
        parts = urllib.parse.urlsplit(url.strip())
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, or half a pair of brackets
        whole = False
    path = parts.path.rstrip("/") if whole else ""
    if not whole or not ENDPOINT.startswith(path) or not url.isprintable() or " " in url.strip():
        raise argparse.ArgumentTypeError(
            f"{url!r} is not the address of a collector; write it as http://localhost:8088"
        )
    return f"{parts.scheme}://{parts.netloc}"


def _send(url: str, token: str, events: list[dict[str, Any]]) -> None:
    request = urllib.request.Request(
        url + ENDPOINT,
        data="\n".join(json.dumps(event) for event in events).encode(),
        headers={"Authorization": f"Splunk {token}"},
    )
    with urllib.request.urlopen(request, timeout=60):
        pass


def _reason(error: urllib.error.HTTPError) -> str:
    """Return what the collector says, such as `Invalid token`."""
    try:
        return str(json.loads(error.read())["text"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {error.code}"


if __name__ == "__main__":
    sys.exit(main())
