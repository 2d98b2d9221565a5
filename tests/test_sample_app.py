"""The sample in a Splunk: events as the collector takes them, and what the data models show."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import load_sample
import pytest
import sample
import scp
import yaml
from conftest import ROOT
from fake_splunkd import listening
from sample_events import KINDS, SOURCETYPE
from spl.app import App
from spl.conf import stanzas
from tagged import data_sets

SAMPLE_APP = ROOT / "docker" / "installerscore_sample"
ROWS = sample.newest_first(sample.load())


class Collector:
    """An HTTP Event Collector that keeps what it gets."""

    def __init__(self) -> None:
        self.events: list[dict] = []
        self.url = ""


@pytest.fixture
def collector() -> Iterator[Collector]:
    kept = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            may = (self.path, self.headers["Authorization"]) == (
                "/services/collector/event",
                "Splunk right",
            )
            if may:
                kept.events += [json.loads(line) for line in body.splitlines()]
            answer = json.dumps({"text": "Success" if may else "Invalid token"}).encode()
            self.send_response(200 if may else 403)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    with listening(Handler) as port:
        kept.url = f"http://127.0.0.1:{port}"
        yield kept


def test_every_source_type_has_a_stanza_and_leads_to_its_data_set() -> None:
    found = data_sets(SAMPLE_APP)
    expected = {SOURCETYPE + kind: name for name, kind in KINDS.items()}
    assert found == {**expected, SOURCETYPE + "log": ""}
    first, *others = stanzas(SAMPLE_APP / "default" / "props.conf").values()
    assert others == [first] * 5


def test_the_sample_is_sent_with_times_of_today(collector, capsys) -> None:
    assert load_sample.main(["--url", collector.url, "--token", "right"]) == 0
    assert f"Sent {len(ROWS)} events" in capsys.readouterr().out
    times = [event["time"] for event in collector.events]
    assert times == sorted(times)
    assert 0 <= time.time() - load_sample.AGE - times[-1] < 120
    assert times[-1] - times[0] == pytest.approx(ROWS[0]["_time"] - ROWS[-1]["_time"])


@pytest.mark.parametrize(
    ("token", "message"),
    [("wrong", "refused the events: Invalid token"), (None, "does not answer")],
)
def test_what_goes_wrong_is_said_in_a_sentence(collector, capsys, token, message) -> None:
    url = collector.url if token else "http://127.0.0.1:1"
    assert load_sample.main(["--url", url, "--token", token or "x"]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nowhere",
        "localhost:8088",
        "http://",
        "http://localhost:eighty",
        "http://localhost:80888",
        "http://[::1",
        "http://local host:8088",
        "http://localhost:8088/en-US/app/search",
        "file:///etc/hosts",
    ],
)
def test_an_address_that_is_none_is_said_in_a_sentence(capsys, url) -> None:
    with pytest.raises(SystemExit) as ended:
        load_sample.main(["--url", url, "--token", "x"])
    assert ended.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.endswith(
        f"{url!r} is not the address of a collector; write it as http://localhost:8088"
    )


@pytest.mark.parametrize("rest", ["/", "/services/collector", "/services/collector/event"])
def test_more_of_the_address_than_is_needed_is_taken(collector, rest) -> None:
    assert load_sample.main(["--url", collector.url + rest, "--token", "right"]) == 0
    assert len(collector.events) == len(ROWS)


@pytest.mark.parametrize("token", ["", "to\nken", "t\u00f6ken"])
def test_a_token_that_is_none_is_said_in_a_sentence(capsys, monkeypatch, token) -> None:
    monkeypatch.delenv("SPLUNK_HEC_TOKEN", raising=False)
    with pytest.raises(SystemExit) as ended:
        load_sample.main(["--url", "http://localhost:1", "--token", token])
    assert ended.value.code == 2
    assert "give the token of the collector with --token or" in capsys.readouterr().err


def test_an_answer_that_is_no_http_is_said_in_a_sentence(capsys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46\n")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert load_sample.main(["--url", url, "--token", "x"]) == 1
        thread.join()
    error = capsys.readouterr().err
    assert error.startswith(f"{url} does not answer in HTTP: is that the collector's port")
    assert error.count("\n") == 1


def test_the_data_models_show_the_same_trees_as_the_rows_themselves(
    collector, built_app: Path
) -> None:
    load_sample.main(["--url", collector.url, "--token", "right"])
    models, data = data_sets(SAMPLE_APP), {}
    for event in collector.events:
        row = {**json.loads(event["event"]), "_time": event["time"]}
        data.setdefault(models[event["sourcetype"]], []).append(row)
    search = "| `installer_endpoint_events` | installerscore"
    trees = App(built_app, time.time() + 60).run(search, data).rows
    direct = scp.run(built_app, ROWS).rows
    identity = "dest", "installer_family", "process", "process_count", "installer_score"
    assert sorted(tuple(str(t[f]) for f in identity) for t in trees) == sorted(
        tuple(str(t[f]) for f in identity) for t in direct
    )


def test_compose_mounts_what_is_there_and_installs_what_make_writes() -> None:
    compose = yaml.safe_load((ROOT / "docker" / "compose.yml").read_text(encoding="utf-8"))
    splunk, loader = compose["services"]["splunk"], compose["services"]["sample"]
    apps = [Path(app).name for app in splunk["environment"]["SPLUNK_APPS_URL"].split(",")]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [app for app in apps if f"docker/apps/{app}" not in makefile] == ["Splunk_SA_CIM.tgz"]
    mounts = [mount.split(":") for mount in loader["volumes"]]
    assert all((ROOT / "docker" / source).is_dir() for source, *_ in mounts)
    script = loader["command"].split()[1]
    source, target, _ = next(mount for mount in mounts if script.startswith(mount[1]))
    assert (ROOT / "docker" / source / Path(script).relative_to(target)).is_file()
