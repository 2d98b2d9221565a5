"""By what a text names a program: full paths, folders of its own, disk images and applications."""

from __future__ import annotations

import re
from collections.abc import Iterator

TEXT_CHARS = 4_000
DEPTH, DEPTH_AT_HOME = 3, 5
"""Folders that an install named count for what lies below them, if they are as deep as this."""

_WINDOWS = r"[a-z]:\\(?:[^\\/:*?\"<>|\r\n]{1,120}\\){1,12}[^\\/:*?\"<>|\r\n]{1,120}?"
_PROGRAM = r"\.(?:exe|com|scr|dll|ps1|bat|cmd|vbs|vbe|js|jse|wsf|hta|py|jar)(?![\w.])"
_POSIX = r"(?<![\w.~/:])/(?:[\w.+@\-\0]{1,80}/){1,12}[\w.+@\-\0]{1,80}"
_PATH = re.compile(rf"{_WINDOWS}{_PROGRAM}|{_POSIX}", re.IGNORECASE)
_OF_SYSTEM = re.compile(
    r"[a-z]:\\windows\\(?:[^\\]+$|(?:sys(?:tem32|wow64|native|arm32)|winsxs|servicing|installer|inf|fonts"
    r"|microsoft\.net|assembly|systemapps|immersivecontrolpanel|softwaredistribution|ccm\w*|uus)\\)"
    r"|[a-z]:\\program files(?: \(x86\))?\\windows"
    r"|/(?:usr/)?(?:s?bin|lib(?:exec|32|64)?)/|/(?:system|etc|proc|dev(?!/shm/)|sys|run(?!/(?:shm|user)/)|usr/share(?!/\.))/"
    r"|/applications/(?!.*\.app\b)"
)
_SCRIPTS = (".ps1", ".bat", ".cmd", ".js", ".wsf")
_AT_HOME = re.compile(r"/(?:home|users|root)/")
_IMAGE = re.compile(r"([^/\"'\r\n]{1,80})\.dmg\b", re.IGNORECASE)
_VOLUME = re.compile(r"\bmount_\w{2,8}\s[^\r\n]{0,200}/Volumes/([^/\"'\r\n]{1,80})$")
_APPLICATION = re.compile(r"/([^/\r\n]{1,80})\.app/Contents/MacOS/", re.IGNORECASE)
_APP = re.compile(r"/Applications/[^/\"'\r\n]{1,80}?\.app\b")
_BUNDLE = re.compile(r"^(/(?:[^/]{1,80}/){1,8}?[^/]{1,80}\.app)/")
_VERSION = re.compile(r"[-_ .]?v?\d{1,12}(?:\.|$)|[-_]", re.IGNORECASE)
_NOT_IN_NAMES = re.compile(r"[\W_]+")
MIN_PRODUCT_CHARS = 3
_SHARED_FOLDERS = frozenset(
    [
        *"temp tmp downloads desktop documents public programdata local locallow".split(),
        *"roaming programs installer".split(),
        *("common files", "program files", "program files (x86)"),
    ]
)
"""Windows folders in which the programs of several products lie side by side."""
_PROFILE = re.compile(r"[a-z]:\\users\\[^\\]+(?:\\[^\\]+)?$")


def images(text: str) -> set[str]:
    """Return what the disk images in a command line are named after, as `paths` are looked up."""
    text = text[:TEXT_CHARS]
    if ".dmg" not in text.lower() and "mount_" not in text:
        return set()
    names = _IMAGE.findall(text) + _VOLUME.findall(text)
    return {f"*.app {product}" for name in names if (product := _product(name))}


def applications(*texts: str) -> set[str]:
    """Return what the application bundle is named that a program lies in, likewise."""
    names = {name for text in texts for name in _APPLICATION.findall(text[:TEXT_CHARS])}
    return {f"*.app {product}" for name in names if (product := _product(name))}


def paths(*texts: str) -> set[str]:
    """Return the full paths in texts, in lower case, without those of the operating system.

    Scripts in a folder of Windows are seldom Windows' own.
    """
    found: set[str] = set()
    for text in texts:
        joined = text[:TEXT_CHARS].replace("\\ ", "\0").replace("cation Support", "cation\0Support")
        if "/Applications/" in joined:
            joined = _APP.sub(lambda app: app[0].replace(" ", "\0"), joined)
        found.update(path.lower().replace("\0", " ") for path in _PATH.findall(joined))
    return {p for p in found if not _OF_SYSTEM.match(p) or ("\\" in p and p.endswith(_SCRIPTS))}


def own_folder(path: str) -> set[str]:
    """Return the Windows folder that a program shares with its product only, and its last sign."""
    folder = path.rpartition("\\")[0]
    shared = folder.rpartition("\\")[2] in _SHARED_FOLDERS
    if shared or folder.count("\\") < 2 or _PROFILE.match(folder):
        return set()
    return {folder + "\\"}


def with_folders(path: str) -> Iterator[str]:
    """Yield a path and the folders above it that are deep enough to belong to one product."""
    yield path
    yield from own_folder(path)
    yield from _BUNDLE.findall(path)
    parts = path.split("/")
    deep = DEPTH_AT_HOME if _AT_HOME.match(path) else DEPTH
    for end in range(len(parts) - 1, deep, -1):
        yield "/".join(parts[:end])


def _product(name: str) -> str:
    """Return the name of a product without version, signs and blanks; empty if too short."""
    product = _NOT_IN_NAMES.sub("", _VERSION.split(name.lower())[0])
    return product if len(product) >= MIN_PRODUCT_CHARS else ""
