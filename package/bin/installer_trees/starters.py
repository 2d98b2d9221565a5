"""What a service manager or a person started: kept by what an install may have named before."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator
from itertools import compress

from .columns import Column
from .naming import product_words

SERVICE_MANAGERS = frozenset(
    "services.exe svchost.exe taskeng.exe systemd launchd cron crond anacron atd".split()
)
DESKTOPS = frozenset("explorer.exe gnome-shell plasmashell cinnamon xfce4-panel".split())
"""Start what a person chooses."""
_STARTERS = SERVICE_MANAGERS | DESKTOPS
_SHELLS = "cmd powershell pwsh wscript cscript mshta rundll32 regsvr32"
HOSTS_OF_SCRIPTS = frozenset(
    [
        *(f"{name}.exe" for name in _SHELLS.split()),
        *"bash sh dash zsh perl python3 osascript".split(),
    ]
)
_SYSTEM_FOLDERS = (
    *(
        f"c:\\windows\\{folder}\\"
        for folder in "system32 syswow64 systemapps servicing softwaredistribution".split()
    ),
    *(f"/usr/{folder}/" for folder in "bin sbin lib lib32 lib64 libexec share games".split()),
    *"/lib/ /system/ /bin/ /sbin/".split(),
)


class Started:
    """Rows of processes that a service manager or a person started, not the system's own.

    The arrays run in step: `rows`, the key of the folder of each, and those of the words that its
    folder and its file are named by, 0 for none.
    """

    def __init__(self) -> None:
        self.rows = array("I")
        self._folder, self._product, self._program = array("q"), array("q"), array("q")

    def add(self, first: int, hosts: list[int], columns: dict[str, Column]) -> None:
        """Take in the process creations of a batch.

        Args:
            first: The row of the first of them.
            hosts: The number of the host of each.
            columns: Their values by field.
        """
        for i in _started(columns):
            path = columns["process_path"][i]
            product, program = product_words(path)
            self.rows.append(first + i)
            self._folder.append(folder_key(path, columns["process"][i]))
            self._product.append(hash(product) ^ hosts[i] if product else 0)
            self._program.append(hash(program) ^ hosts[i] if program else 0)

    def named(self, folders: Collection[int], products: Collection[int]) -> list[int]:
        """Return the rows whose folder, or product or program, has one of some keys."""
        keys = zip(self.rows, self._folder, self._product, self._program)
        return [
            row
            for row, folder, product, program in keys
            if folder in folders or product in products or program in products
        ]


def _started(columns: dict[str, Column]) -> Iterator[int]:
    """Yield the places of what a service manager or a person started, not the system's own."""
    parents, paths = columns["parent_process_name"], columns["process_path"]
    starters = {name for name in set(parents) if name.lower() in _STARTERS}
    if not starters:
        return
    for i in compress(range(len(parents)), map(starters.__contains__, parents)):
        name, path = columns["process_name"][i].lower(), paths[i].lower()
        if name in HOSTS_OF_SCRIPTS or not _of_system(path):
            yield i


def _of_system(path: str) -> bool:
    """Tell whether a program, in lower case, lies where the system's own do, and is not hidden."""
    return path.startswith(_SYSTEM_FOLDERS) and "/." not in path


def folder_key(path: str, command: str) -> int:
    """Return the hash of a program's folder in lower case, 0 where its command line says more.

    It says no more on Windows where it has no full path, or that of the program only.
    """
    path = path.lower()
    paths_in_command = command.count(":\\")
    if path[1:3] != ":\\" or paths_in_command > 1 or command.count("/") > 1:
        return 0
    if paths_in_command and path not in command.lower():
        return 0
    return hash(path.rpartition("\\")[0])
