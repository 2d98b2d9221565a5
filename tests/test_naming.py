"""Whether a file carries the name of the package that is installed."""

from __future__ import annotations

from typing import Any

import pytest
from engine import completed, run, shipped
from installer_trees import naming
from installer_trees.naming import carries, package_of_script, renamed_from, words


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("bluepeak-sensor-6.57.0-1.el9.x86_64.rpm", {"bluepeak"}),
        ("./flowscope_4.0.1_amd64.deb", {"flowscope"}),
        ('"C:\\Temp\\Flowscope Setup.exe"', {"flowscope"}),
        ("postgresql-common", {"postgresql"}),
        ("python3-agent", {"python3"}),
        ("agent-tools", set()),
        ("https://install.blue-peak.net", {"bluepeak"}),
        (
            "https://packages.flowscope.com/install/runner/flow-runner/script.deb.sh",
            {"flowscope", "runner", "flow", "script"},
        ),
        ("https://raw.githubusercontent.com/bluepeak/agent/main/install.sh?x=/other", {"bluepeak"}),
        ("http://198.51.100.7/a", set()),
        ("", set()),
    ],
)
def test_the_word_that_tells_a_product(name: str, word: set[str]) -> None:
    assert set(words(name)) == word


@pytest.mark.parametrize(
    ("original", "name", "said"),
    [
        ("OLEVIEW.EXE", "network-scanner.exe", "OLEVIEW.EXE"),
        ("QuickTimePlayer.exe", "A8KD2M.exe", "QuickTimePlayer.exe"),
        ("gup.exe", "1042.exe", "gup.exe"),
        ("vmnat.exe", "vmnatsvc.exe", ""),
        ("mediaplayer-3.0.20-win64.exe", "target.exe", ""),
        ("FlowScope.exe", "flowscope-4.1-x64.exe", ""),
        ("AcmePdfCore8.exe", "AcmePDF.exe", ""),
        ("acmepdf.exe", "pdf.exe", ""),
        ("electron.exe", "Notes.exe", ""),
        ("7zS.sfx.exe", "Tool.exe", ""),
        ("viewer.exe", "MSI4FFD.tmp", ""),
        ("gup.exe", "程序.exe", ""),
        ("py.exe", "python.exe", ""),
        ("py.exe", "helper.exe", "py.exe"),
        ("tool.dll", "other.exe", ""),
        ("", "other.exe", ""),
        ("-", "other.exe", ""),
        ("gup.exe", "", ""),
    ],
)
def test_the_name_of_a_renamed_program(original: str, name: str, said: str) -> None:
    assert renamed_from(original, name) == said


@pytest.mark.parametrize(
    ("command", "package"),
    [
        ("/bin/sh /var/lib/dpkg/info/flowscope.postinst configure", "flowscope"),
        ("/bin/sh -e /var/lib/dpkg/info/libwrap0:amd64.postinst configure", "libwrap0"),
        ("/bin/sh /var/tmp/rpm-tmp.x1 1", ""),
    ],
)
def test_the_package_of_a_maintainer_script(command: str, package: str) -> None:
    assert package_of_script(command) == package


@pytest.mark.parametrize(
    ("file", "own"),
    [("flowscope", True), ("99-flowscope.rules", True), ("flowscoped.service", True),
     ("zz-update", False), (".flowscope", False), ("", False)],
)  # fmt: skip
def test_a_file_carries_it_or_not(file: str, own: bool) -> None:
    assert carries(file, words("flowscope_4.0.1_amd64.deb")) is own


@pytest.mark.parametrize(
    ("top", "script", "own"),
    [
        ("dpkg -i a.deb", "/bin/sh /var/lib/dpkg/info/flowscope.postinst configure", True),
        ("dpkg -i flowscope_4.deb", "/bin/sh /var/lib/dpkg/info/other.postinst configure", False),
        ("rpm -i flowscope-4.rpm", "/bin/sh /var/tmp/rpm-tmp.x1 1", True),
        ("rpm -i other-4.rpm", "/bin/sh /var/tmp/rpm-tmp.x1 1", False),
    ],
    ids=["of the script", "not of another script", "of the request", "not of the request"],
)
def test_events_of_a_tree_tell(top: str, script: str, own: bool) -> None:
    written: dict[str, Any] = {"by": 1, "file_path": "/etc/cron.d/flowscope", "action": "created"}
    events = completed([{"process": top}, {"process": script, "parent": 0}, written])
    pipeline, kept = run(events, shipped())
    ((_, event),) = pipeline._tree(kept[0]).events
    assert event.file_named == ("own" if own else "other")


def test_each_process_of_a_chain_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    monkeypatch.setattr(
        naming, "package_of_script", lambda line: looked.append(line) or package_of_script(line)
    )
    depth = 300
    chain = [{"process": "rpm -i flowscope-4.rpm"}]
    chain += [{"process": f"sh {i}", "parent": i - 1} for i in range(1, depth)]
    written = [
        {"by": i, "file_path": f"/etc/flowscope{i}", "action": "created"} for i in range(depth)
    ]
    pipeline, kept = run(completed([*chain, *written]), shipped())
    looked.clear()
    events = pipeline._tree(kept[0]).events
    assert [event.file_named for _, event in events] == ["own"] * depth
    assert len(looked) == depth
