"""What a service manager started for an install, in the plainest code."""

from __future__ import annotations

MANAGERS = {"services.exe", "svchost.exe", "taskeng.exe", "systemd", "launchd"}
HOSTS = {"cmd.exe", "powershell.exe", "rundll32.exe", "bash", "sh", "dash", "python3", "perl"}
SYSTEM = (
    "/usr/bin/",
    "/usr/lib/",
    "/lib/",
    "/bin/",
    "/sbin/",
    "/system/",
    "c:\\windows\\system32\\",
)
NOT_NAMED = (
    "/usr/bin/",
    "/bin/",
    "/usr/lib/",
    "/lib/",
    "/etc/",
    "/proc/",
    "/run/",
    "c:\\windows\\",
)
TOOLS = {"cp", "chmod", "mv", "mkdir", "systemctl", "reg.exe", "sc.exe", "schtasks.exe"}
"""Tools that start nothing later, as far as the forests have them."""
PROGRAMS = (".exe", ".dll", ".ps1", ".bat", ".cmd", ".vbs")


def may_be_started(row: dict[str, str]) -> bool:
    """Whether a service manager started it, and it is not the system's own."""
    if row["parent_process_name"].lower() not in MANAGERS:
        return False
    own = row["process_path"].lower().startswith(SYSTEM)
    return row["process_name"].lower() in HOSTS or not own


def paths(*texts: str) -> set[str]:
    """The full paths in texts that are not the system's, in lower case; none here has a blank."""
    words = {word.strip('"').lower() for text in texts for word in text.split()}
    posix = {word for word in words if word.startswith("/") and word.rstrip("/").count("/") > 1}
    windows = {word for word in words if word[1:3] == ":\\" and word.endswith(PROGRAMS)}
    return {word for word in posix | windows if not word.startswith(NOT_NAMED)}
