"""Whether a file carries the name of the package that is being installed, or a program its own.

A package that brings a unit or a cron entry names it after itself, so that its administrator finds
it; what hides takes a name that sounds like the system's. A program of Windows carries the name
that its maker gave it in itself, and still shows it after a stranger has renamed the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice

from .layout import base_name

MIN_CHARS = 4
MIN_SHARED, SAME_START = 3, 4
"""Names of programs are alike by a word of so many letters, or by so many first letters."""
MAX_OF_ADDRESS = 4
_SCRIPT = re.compile(r"/var/lib/dpkg/info/([a-z0-9][a-z0-9+.\-]{1,99}?)(?::\w{1,9})?\.\w+(?=\s|$)")
_ADDRESS = re.compile(r"[a-z]{1,10}://(?:[^/@]*@)?([^/:?#]+)[^/]*([^?#]*)")
_WORDS = re.compile(r"[a-z][a-z0-9]*")
_GENERIC = frozenset(
    "agent amd64 arm64 base bash client common config core cron daemon data desktop dnf dpkg driver"
    " extras file files generic helper host http https install installer job kernel kit lang lib"
    " libs linux local locale main monitor network noarch node package perl plugin profile pypi"
    " python ruby security sensor server service setup shell system systemd tasks test tools update"
    " updater user utils version web x86 logrotate sudo udev dbus sysstat windows microsoft google"
    " githubusercontent github gitlab bitbucket raw main master release releases latest archive"
    " program programs appdata roaming public documents downloads temp win32 win64 x64".split()
)
_OF_ANY_PRODUCT = re.compile(
    r"setup|install|updat|electron|stub|boots|launch|sfx|nsis|wextract|7z|squirrel|chrome|burn"
    r"|engine|shim|wrapper|host|service|svc|\d\.\d"
)
_LETTERS = re.compile(r"[a-z]+")


def words(name: str) -> tuple[str, ...]:
    """Return the word of a package, file or path that tells a product from others; none or one.

    An address may tell by its site and by each part of its path.
    """
    name = name.strip("\"'").lower()
    address = _ADDRESS.match(name)
    if address is None:
        return _word(base_name(name, ""))
    site, path = address.groups()
    labels = site.split(".")
    parts = (re.sub(r"\W", "", labels[-2]) if len(labels) > 1 else site, *path.split("/"))
    return tuple(dict.fromkeys(word for part in parts for word in _word(part)))[:MAX_OF_ADDRESS]


def _word(name: str) -> tuple[str, ...]:
    telling = (w for w in _WORDS.findall(name) if len(w) >= MIN_CHARS and w not in _GENERIC)
    return tuple(islice(telling, 1))


@lru_cache(maxsize=4_096)
def product_words(path: str) -> tuple[str, str]:
    """Return what tells a Windows program's product apart: a word of its folder, one of its file.

    Each is empty where there is none, both are where the path is not known.
    """
    folder, _, file = path.rpartition("\\")
    if folder[1:3] != ":\\":
        return "", ""
    return "".join(words(folder)), "".join(words(file))


def package_of_script(command_line: str) -> str:
    """Return the package that a maintainer script of Debian belongs to, empty for other lines."""
    found = _SCRIPT.search(command_line)
    return found[1] if found else ""


@lru_cache(maxsize=4_096)
def renamed_from(original_file_name: str, process_name: str) -> str:
    """Return the name that its maker gave a program of Windows which goes by quite another.

    Empty where the names have a word or their first letters in common, where one is not known, and
    where the maker's name says what many products have: a set-up, an updater, a framework.
    """
    original = original_file_name.lower()
    name, _, kind = process_name.lower().rpartition(".")
    comparable = original.endswith(".exe") and kind == "exe" and name.isascii()
    if not comparable or _OF_ANY_PRODUCT.search(original):
        return ""
    parts, own = _LETTERS.findall(original[:-4]), "".join(_LETTERS.findall(name))
    whole = "".join(parts)
    alike = any(part in own for part in (*parts, whole[:SAME_START]) if len(part) >= MIN_SHARED)
    begins = own.startswith(whole)  # as the `python.exe` of an environment, which is `py.exe`
    return "" if alike or begins or (own and own in whole) else original_file_name


def carries(file_name: str, of_package: Iterable[str]) -> bool:
    """Tell whether a word of a file's name begins with one of a package; a hidden one has none."""
    own = _WORDS.findall(file_name.lower()) if not file_name.startswith(".") else []
    return any(part.startswith(word) for part in own for word in of_package)
