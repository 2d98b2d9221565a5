"""What a service manager starts belongs to the install that named its program before."""

from __future__ import annotations

from typing import Any

import pytest
from engine import run, shipped
from installer_trees.programs import paths
from installer_trees.starters import folder_key

CATALOGUE = shipped()
START = 1_700_000_000
SERVICE = "C:\\ProgramData\\Zeta\\client.exe"


def row(n: int, process: str, parent: str = "", **more: Any) -> dict[str, Any]:
    name = process.strip('"').split('"')[0].split(" /")[0].replace("\\", "/").rsplit("/", 1)[-1]
    given = {"_time": START + n, "dest": "h", "user": "u", "process_id": 100 + n}
    given.update(process=process, process_name=name, parent_process_name=parent)
    return {**given, **more}


INSTALL = row(0, '"C:\\Windows\\System32\\msiexec.exe" /i C:\\a\\support.msi /qn', "explorer.exe")
DEFINED = {
    "_time": START + 1, "dest": "h", "process_id": 100, "process_name": "msiexec.exe",
    "service_name": "Support", "service_path": f'"{SERVICE}" /run',
}  # fmt: skip
STARTED = row(60, f'"{SERVICE}" /run', "services.exe", process_path=SERVICE, process_name="c.exe")
BELOW = row(70, "whoami", "c.exe", parent_process_id=160, process_name="whoami.exe")


def trees(*events: dict[str, Any]) -> list[str]:
    pipeline, kept = run(events, CATALOGUE)
    return ["\n".join(r["tree"]) if isinstance(r["tree"], list) else str(r["tree"])
            for r in pipeline.tree_rows(kept)]  # fmt: skip


def test_a_service_belongs_to_the_install_that_defined_it() -> None:
    (tree,) = trees(INSTALL, DEFINED, STARTED, BELOW)
    assert "client.exe" in tree
    assert "whoami" in tree
    assert "tied by install" in tree


@pytest.mark.parametrize(("seconds", "found"), [(1.5, True), (30, False)])
def test_the_log_of_services_may_come_a_moment_late(seconds: float, found: bool) -> None:
    late = {**DEFINED, "_time": START + 60 + seconds}
    program = "C:\\ProgramData\\Other\\client.exe"
    late["service_path"] = f'"{program}" /run'
    started = {**STARTED, "process": f'"{program}" /run', "process_path": program}
    (tree,) = trees(INSTALL, late, started)
    assert ("client.exe" in tree) == found


@pytest.mark.parametrize(
    "change",
    [
        {"parent_process_name": "explorer.exe", "_time": START + 700},
        {"dest": "other"},
        {"_time": START - 10},
        {"_time": START + 25 * 3600},
        {"process": '"C:\\Program Files\\Other\\client.exe"',
         "process_path": "C:\\Program Files\\Other\\client.exe"},
    ],
    ids=["started by a person later", "another host", "before", "much later", "another program"],
)  # fmt: skip
def test_others_do_not(change: dict[str, Any]) -> None:
    (tree,) = trees(INSTALL, DEFINED, {**STARTED, **change})
    assert "support.msi" in tree
    assert "client.exe" not in tree


def test_it_belongs_to_the_last_install_that_named_it() -> None:
    again = {**INSTALL, "_time": START + 20, "process_id": 120}
    defined = {**DEFINED, "_time": START + 21, "process_id": 120}
    first, second = sorted(trees(INSTALL, DEFINED, again, defined, STARTED), key=len)
    assert "client.exe" not in first
    assert "client.exe" in second


def test_a_unit_started_from_a_folder_that_the_install_made() -> None:
    install = row(0, "snap install game", "bash", process_name="snap")
    mount = row(1, "mount -t squashfs a.snap /snap/game/5", "snap", parent_process_id=100)
    unit = row(30, "/bin/bash /snap/game/5/init", "systemd", process_name="bash")
    (tree,) = trees(install, {**mount, "process_name": "mount"}, unit)
    assert "/snap/game/5/init" in tree


@pytest.mark.parametrize(
    ("path", "command", "told"),
    [
        (SERVICE, f'"{SERVICE}" /run', True),
        (SERVICE, "client.exe /run", True),
        (SERVICE, f'"{SERVICE}" C:\\Data\\job.ps1', False),
        ("C:\\Windows\\System32\\cmd.exe", "cmd /c C:\\Data\\job.bat", False),
        ("/opt/agent/run", "/opt/agent/run", False),
        ("", SERVICE, False),
    ],
)
def test_a_row_need_not_be_read_where_its_program_tells_all(
    path: str, command: str, told: bool
) -> None:
    assert bool(folder_key(path, command)) is told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'reg add HKLM\Run /d "C:\Data\a b\c.exe /s"', {r"c:\data\a b\c.exe"}),
        (r"C:\Windows\System32\sc.exe start x", set()),
        (r"C:\Windows\Temp\a.exe", {r"c:\windows\temp\a.exe"}),
        ("cp a /opt/tool/bin/agent", {"/opt/tool/bin/agent"}),
        ("/usr/bin/bash -c true", set()),
        ("curl https://example.org/a/b/c", set()),
        (r"cp a /Users/u/Library/Application\ Support/y", {
            "/users/u/library/application support/y"}),
        ("open /Applications/Google Chrome.app", {"/applications/google chrome.app"}),
        ("/Applications/A B.app/Contents/MacOS/A B", {"/applications/a b.app/contents/macos/a"}),
        ("open /Applications/Utilities", set()),
        (
            "powershell -File C:\\Windows\\System32\\Print.ps1",
            {"c:\\windows\\system32\\print.ps1"},
        ),
        ("cscript C:\\Windows\\System32\\slmgr.vbs", set()),
        ("cp a /dev/shm/.x/agent", {"/dev/shm/.x/agent"}),
        ("cp a /run/user/1000/agent", {"/run/user/1000/agent"}),
        ("cat /dev/null /run/lock/agent", set()),
    ],
)  # fmt: skip
def test_paths(text: str, expected: set[str]) -> None:
    assert paths(text) == expected


AGENT = "C:\\Program Files\\Meridian Client\\"


@pytest.mark.parametrize(
    ("ran", "tied"),
    [
        (f"{AGENT}updater.exe", True),
        ("C:\\Program Files\\Other Client\\updater.exe", False),
        ("C:\\Windows\\Temp\\updater.exe", False),
    ],
)
def test_a_service_from_the_folder_of_a_program_that_the_install_ran(ran: str, tied: bool) -> None:
    below = row(2, f'"{ran}" regsvc', "msiexec.exe", parent_process_id=100, process_path=ran)
    service = row(60, f'"{AGENT}client.exe" /run', "services.exe", process_name="c.exe",
                  process_path=f"{AGENT}client.exe")  # fmt: skip
    (tree,) = trees(INSTALL, below, service)
    assert ("client.exe" in tree) is tied


@pytest.mark.parametrize(
    ("package", "program", "tied"),
    [
        ("meridian-2.8.27-gpl-setup-64bit.msi", f"{AGENT}svc.exe", True),
        ("Meridian.ClientSetup.msi", f"{AGENT}svc.exe", True),
        ("meridian-windows-amd64.msi", "C:\\ProgramData\\x\\meridian-agent.exe", True),
        ("setup.msi", "C:\\Program Files\\Setup\\svc.exe", False),
        ("windows-update.msi", "C:\\Program Files\\Windows Update Tools\\svc.exe", False),
        ("other.msi", f"{AGENT}svc.exe", False),
    ],
)
def test_a_service_from_a_folder_or_file_with_the_name_of_the_package(
    package: str, program: str, tied: bool
) -> None:
    install = {**INSTALL, "process": f'msiexec.exe /i "C:\\Users\\u\\Downloads\\{package}"'}
    service = row(60, f'"{program}" -service', "services.exe", process_name="svc.exe",
                  process_path=program, dest="H")  # fmt: skip
    elsewhere = {**service, "dest": "other"}
    (tree,) = trees({**install, "dest": "H"}, service)
    assert (program in tree) is tied
    (tree,) = trees(install, elsewhere)
    assert program not in tree


@pytest.mark.parametrize(
    ("starter", "program", "after", "tied"),
    [
        ("cron", "/bin/sh -c /home/ana/.cache/tool/run.sh", 9_000, True),
        ("gnome-shell", "/bin/bash /home/ana/.cache/tool/run.sh", 9_000, True),
        ("bash", "/bin/bash /home/ana/.cache/tool/run.sh", 90, False),
        ("gnome-shell", "/home/ana/.cache/tool/viewer", 90, True),
        ("gnome-shell", "/home/ana/.cache/tool/viewer", 9_000, False),
    ],
)
def test_what_cron_or_a_desktop_starts(starter: str, program: str, after: int, tied: bool) -> None:
    install = row(0, "/bin/sh ./tool.run", "bash", process_name="dash", process_path="/bin/dash")
    made = row(1, "chmod +x /home/ana/.cache/tool/run.sh /home/ana/.cache/tool/viewer", "dash",
               parent_process_id=100, process_name="chmod")  # fmt: skip
    name = "bash" if "sh " in program else "viewer"
    later = row(after, program, starter, process_name=name, process_path=program.split()[0])
    (tree,) = trees(install, made, later)
    assert ("tied by install" in tree) is tied


PIPED = row(5, "bash", "bash", parent_process_id=7, process_name="bash")
FETCH = row(4, "curl -fsSL https://get.tool.example/i", "bash", parent_process_id=7,
            process_name="curl")  # fmt: skip


def test_a_shell_beside_a_downloader_is_an_installer() -> None:
    below = row(6, "uname -m", "bash", parent_process_id=105, process_name="uname")
    pipeline, kept = run([FETCH, PIPED, below], CATALOGUE)
    (tree,) = pipeline.tree_rows(kept)
    assert tree["installer_family"] == "script"
    assert "uname" in "".join(tree["tree"])
    assert "get.tool.example" in str(tree["signal_detail"])


MAKE = {"process": "make -C scan", "process_name": "make", "process_id": 300,
        "parent_process_id": 2, "parent_process_name": "bash", "_time": START + 9}  # fmt: skip
BUILT = row(10, "sh -c cc scan.c", "make", parent_process_id=300, process_name="dash")
SHELL = {"process": "bash -c tar xzf scan.tgz && make -C scan", "process_name": "bash",
         "process_id": 300, "parent_process_id": 2, "_time": START + 8}  # fmt: skip


@pytest.mark.parametrize(
    ("tar", "above", "found"),
    [
        ("tar xzf scan.tgz", 300, True),
        ("tar xzf scan.tgz", 2, True),
        ("tar czf scan.tgz scan", 300, False),
        ("tar xzf scan.tgz", 40, False),
    ],
    ids=["by the shell that became make", "beside it", "packed", "somewhere else"],
)
def test_a_build_right_after_an_archive_was_unpacked_is_an_installer(
    tar: str, above: int, found: bool
) -> None:
    unpacked = row(8, tar, "bash", parent_process_id=above, process_name="tar")
    events = [{"dest": "h", "user": "u", **e} for e in (SHELL, unpacked, MAKE, BUILT)]
    assert any("cc scan.c" in tree for tree in trees(*events)) is found


@pytest.mark.parametrize(
    "change",
    [
        {"process": "curl -o i.sh https://get.tool.example/i"},
        {"process": "ls -l", "process_name": "ls"},
        {"parent_process_id": 8},
        {"_time": START - 600},
    ],
    ids=["to a file", "no downloader", "another parent", "long before"],
)
def test_a_shell_by_itself_is_none(change: dict[str, Any]) -> None:
    assert trees({**FETCH, **change}, PIPED) == []


ATTACH = "/usr/bin/hdiutil attach /Users/a/Downloads/MusicPlayer-2.1.dmg"
IMAGE = row(0, ATTACH, "zsh", process_name="hdiutil")
CHOSEN = {**STARTED, "parent_process_name": "explorer.exe"}


def test_the_first_minutes_of_what_a_person_starts_after_the_install_belong_to_it() -> None:
    editor = row(64, "Code.exe", "c.exe", parent_process_id=160)
    shell = row(65, "cmd.exe", "Code.exe", parent_process_id=164)
    typed = row(66, "systeminfo", "cmd.exe", parent_process_id=165)
    late = row(690, "ipconfig", "c.exe", parent_process_id=160)
    (tree,) = trees(INSTALL, DEFINED, CHOSEN, BELOW, editor, shell, typed, late)
    assert "whoami" in tree
    assert "Code.exe" in tree
    assert "systeminfo" not in tree, "what a person types is no install"
    assert "ipconfig" not in tree, "nor is what the program does later"


@pytest.mark.parametrize(
    "line", ["cmd.exe /k curl http://b.example", "powershell -noexit -enc QQA"]
)
def test_a_shell_that_stays_open_after_a_command_was_not_opened_by_a_person(line: str) -> None:
    (tree,) = trees(INSTALL, DEFINED, CHOSEN, row(65, line, "c.exe", parent_process_id=160))
    assert line in tree


def test_a_shell_that_no_person_sees_was_not_opened_by_one() -> None:
    shell = row(65, "cmd.exe", "c.exe", parent_process_id=160)
    below = row(66, "net user a b /add", "cmd.exe", parent_process_id=165)
    (tree,) = trees(INSTALL, DEFINED, CHOSEN, shell, below)
    assert "net user a b /add" in tree


def test_what_one_sensor_tells_of_a_starter_is_enough() -> None:
    """Another that tells more of the process, but not who started it, hides nothing."""
    rich = {**STARTED, "_time": START + 60.5, "process_guid": "{A-1}", "parent_process_id": 4,
            "parent_process_name": ""}  # fmt: skip
    (tree,) = trees(INSTALL, DEFINED, STARTED, rich, BELOW)
    assert "whoami" in tree


@pytest.mark.parametrize(
    "program", ["/usr/local/agentd/agentd", "/usr/local/bin/agentd", "/opt/agentd/agentd"]
)
def test_a_program_below_usr_local_is_not_the_systems(program: str) -> None:
    install = row(0, "dpkg -i agentd.deb", "bash", process_name="dpkg")
    made = row(1, f"chmod +x {program}", "dpkg", parent_process_id=100, process_name="chmod")
    started = row(30, program, "systemd", process_path=program, process_name="agentd")
    (tree,) = trees(install, made, started)
    assert "tied by install" in tree


def test_what_an_installed_service_defines_belongs_to_the_install_too() -> None:
    """A chain of services is followed, up to a bound."""
    chain = [INSTALL, DEFINED, STARTED]
    for n in range(1, 6):
        program = f"C:\\ProgramData\\Part{n}\\part{n}.exe"
        last = chain[-1]
        made = {"_time": last["_time"] + 5, "dest": "h", "process_id": last["process_id"],
                "action": "created", "file_path": program}  # fmt: skip
        chain += [made, row(60 + 20 * n, program, "services.exe", process_path=program)]
    (tree,) = trees(*chain)
    assert [f"part{n}.exe" in tree for n in range(1, 6)] == [True, True, True, False, False]


def test_an_install_that_a_person_starts_from_an_installed_program_is_another() -> None:
    other = row(70, "msiexec /i C:\\a\\other.msi", "c.exe", parent_process_id=160)
    assert len(trees(INSTALL, DEFINED, CHOSEN, other)) == 2


def test_an_install_that_an_installed_service_starts_belongs_to_its_own() -> None:
    other = row(70, "msiexec /i C:\\a\\other.msi", "c.exe", parent_process_id=160)
    (tree,) = trees(INSTALL, DEFINED, STARTED, other)
    assert "other.msi" in tree


BUNDLE = "/Applications/Music Player.app/Contents/MacOS/Music Player"
OPENED = row(60, BUNDLE, "launchd", process_path=BUNDLE)


def test_an_application_belongs_to_the_disk_image_of_its_name() -> None:
    unpacked = row(61, "unzip -P x y.zip", "Music Player", parent_process_id=160)
    (tree,) = trees(IMAGE, OPENED, unpacked)
    assert "tied by install" in tree
    assert "unzip" in tree


@pytest.mark.parametrize(
    ("image", "application"),
    [("HandBrake-1.0.7", "HandBrake"), ("firefox58.0.2", "Firefox"), ("A Tool_v2", "A Tool")],
)
def test_versions_do_not_keep_image_and_application_apart(image: str, application: str) -> None:
    program = f"/Applications/{application}.app/Contents/MacOS/main"
    attached = {**IMAGE, "process": f"hdiutil attach /Users/a/Downloads/{image}.dmg"}
    (tree,) = trees(attached, row(60, program, "launchd", process_path=program))
    assert "tied by install" in tree


IMAGE_CHILD = row(1, "diskimages-helper -uuid 5", "hdiutil", parent_process_id=100)


@pytest.mark.parametrize("image", ["Other", "Go", "Music"])
def test_an_application_of_another_name_does_not(image: str) -> None:
    attached = {**IMAGE, "process": f"hdiutil attach /Users/a/Downloads/{image}.dmg"}
    (tree,) = trees(attached, IMAGE_CHILD, OPENED)
    assert "Applications" not in tree


@pytest.mark.parametrize(
    "shell", ["-zsh", "/bin/zsh -il", "login -pf a", "/bin/bash -l", "/bin/zsh -l -i"]
)
def test_what_a_person_types_into_an_installed_terminal_is_not_the_install(shell: str) -> None:
    typed = row(61, shell, "Music Player", parent_process_id=160)
    command = row(62, "sh -c uname -a", "zsh", parent_process_id=161)
    (tree,) = trees(IMAGE, OPENED, typed, command)
    assert "Music Player.app" in tree
    assert "uname" not in tree


@pytest.mark.parametrize("shell", ["/bin/sh -i", "sh", "bash -c id"])
def test_the_shell_of_an_intruder_stays(shell: str) -> None:
    (tree,) = trees(IMAGE, OPENED, row(61, shell, "Music Player", parent_process_id=160))
    assert shell in tree


@pytest.mark.parametrize(
    "disguised", ["-bash -c /opt/x/b", "- /opt/x/b", "/opt/x/login /opt/x/b", "python3 /tmp/login"]
)
def test_no_name_makes_a_program_a_session(disguised: str) -> None:
    (tree,) = trees(IMAGE, OPENED, row(61, disguised, "Music Player", parent_process_id=160))
    assert disguised in tree


def test_a_login_shell_that_a_script_asks_for_is_the_scripts_doing() -> None:
    script = row(61, "/bin/bash /tmp/run.sh", "Music Player", parent_process_id=160)
    shell = row(62, "-bash", "bash", parent_process_id=161)
    (tree,) = trees(IMAGE, OPENED, script, shell)
    assert "-bash" in tree


def test_a_program_outside_of_the_system_is_no_login_shell() -> None:
    shell = row(61, "-bash", "Music Player", parent_process_id=160, process_path="/tmp/.x/b")
    (tree,) = trees(IMAGE, OPENED, shell)
    assert "-bash" in tree


SCRIPT = (
    "/bin/bash /tmp/PKInstallSandbox.Qw7xYz/Scripts/com.contoso.player.LmN4Op/postinstall "
    "/Users/a/Downloads/Player.pkg /Applications / /"
)
POSTINSTALL = row(1, SCRIPT, "package_script_service", process_path="/bin/bash")
OPENS = row(2, "open -a /Applications/Music Player.app", "bash", parent_process_id=101)


def test_an_application_that_the_package_opens_belongs_to_it() -> None:
    opened = row(3, BUNDLE, "launchd", process_path=BUNDLE, process_name="Music Player")
    (tree,) = trees(POSTINSTALL, OPENS, opened, row(4, "id", "", parent_process_id=103))
    assert "MacOS/Music Player" in tree
    assert "id" in tree.split()
    (tree,) = trees(POSTINSTALL, opened)
    assert "MacOS/Music Player" not in tree


def test_an_application_that_a_download_copies_and_opens_belongs_to_it() -> None:
    first = "/Users/a/Downloads/Slides.app/Contents/MacOS/slides"
    copy = "/Users/a/Library/Slides.app/Contents/MacOS/slides"
    download = row(0, first, "launchd", process_path=first)
    opens = row(1, "open -a /Users/a/Library/Slides.app", "slides", parent_process_id=100)
    opened = row(2, copy, "launchd", process_path=copy)
    (tree,) = trees(download, opens, opened)
    assert copy in tree
    assert len(trees(download, opened)) == 1
    assert copy not in trees(download, opened)[0]


MOUNTED = "/sbin/mount_apfs -o nobrowse /dev/disk5s1 /Volumes/Music Player 2.1"
VOLUME = row(1, MOUNTED, "diskarbitrationd", process_name="mount_apfs")


def test_an_application_belongs_to_the_disk_image_whose_volume_has_its_name() -> None:
    opened = row(30, BUNDLE, "launchd", process_path=BUNDLE, process_name="Music Player")
    (tree,) = trees(VOLUME, opened, row(31, "id", "", parent_process_id=130))
    assert "MacOS/Music Player" in tree
    assert "id" in tree.split()
    other = {**VOLUME, "process": MOUNTED.replace("Music", "Video")}
    assert trees(other, opened) == []
    assert trees(VOLUME) == []


MOUNTER = "/System/Library/CoreServices/DiskImageMounter.app/Contents/MacOS/DiskImageMounter"
MOUNT = row(0, MOUNTER, "launchd", process_path=MOUNTER, parent_process_id=1)
COPIED = {
    "_time": START + 20, "dest": "h", "process_id": 80, "process_name": "Finder",
    "file_path": BUNDLE, "action": "created",
}  # fmt: skip


@pytest.mark.parametrize("opener", ["DiskImageMounter", "Archive Utility"])
def test_an_application_that_was_copied_belongs_to_what_was_opened_before(opener: str) -> None:
    path = MOUNTER.replace("DiskImageMounter", opener)
    opened = {**MOUNT, "process": path, "process_path": path, "process_name": opener}
    unpacked = row(61, "unzip -P x y.zip", "Music Player", parent_process_id=160)
    late = row(700, "ipconfig", "Music Player", parent_process_id=160)
    (tree,) = trees(opened, COPIED, OPENED, unpacked, late)
    assert tree.startswith(path)
    assert "ipconfig" not in tree, "what the program does later is no install"
    assert "tied by install" in tree
    assert "unzip" in tree


@pytest.mark.parametrize(
    "change",
    [
        {"dest": "other"},
        {"_time": START - 5},
        {"_time": START + 61},
        {"action": "deleted"},
        {"action": "read"},
        {"file_path": BUNDLE.replace("Music", "Video")},
    ],
)
def test_one_that_was_not_copied_then_does_not(change: dict[str, Any]) -> None:
    assert trees(MOUNT, {**COPIED, **change}, OPENED) == []


def test_one_that_was_copied_long_after_does_not() -> None:
    late = 30 * 3600
    copied, opened = ({**e, "_time": e["_time"] + late} for e in (COPIED, OPENED))
    assert trees(MOUNT, copied, opened) == []


def test_of_several_disk_images_it_is_the_one_that_was_opened_last() -> None:
    other = {**MOUNT, "_time": START + 10, "process_id": 110, "user": "second"}
    (tree,) = trees(MOUNT, other, COPIED, OPENED)
    assert "[110]" in tree
    before = {**COPIED, "_time": START + 5}
    (tree,) = trees(MOUNT, other, before, OPENED)
    assert "[100]" in tree


def test_what_another_install_copied_belongs_to_that() -> None:
    brew = row(1, "brew install --cask music-player", "zsh", process_name="brew")
    copied = {**COPIED, "process_id": 101, "process_name": "brew"}
    (tree,) = trees(MOUNT, brew, copied, OPENED)
    assert tree.startswith("brew")


SPARKLE = "/Users/u/Library/Caches/p.player/org.sparkle-project.Sparkle/Launcher/f/Autoupdate"
UPDATE = row(0, f"{SPARKLE} p.player", "launchd", process_path=SPARKLE, process_name="Autoupdate")


def test_the_first_minutes_of_an_application_that_updated_itself_belong_to_the_update() -> None:
    replaced = {**COPIED, "process_id": 100, "process_name": "Autoupdate", "action": "modified"}
    soon = row(61, "unzip -P x y.zip", "Music Player", parent_process_id=160)
    late = row(700, "ipconfig", "Music Player", parent_process_id=160)
    (tree,) = trees(UPDATE, replaced, OPENED, soon, late)
    assert "unzip" in tree
    assert "ipconfig" not in tree
    assert trees(UPDATE, OPENED, soon) == [], "another application was replaced"


def test_what_a_person_copies_after_an_update_is_none_of_it() -> None:
    assert trees(UPDATE, COPIED, OPENED) == []


def test_what_is_started_later_stands_below_what_ran_the_tool_that_named_it() -> None:
    install = row(0, "dpkg -i agentd.deb", "bash", process_name="dpkg")
    script = row(1, "sh postinst", "dpkg", parent_process_id=100, process_name="sh")
    made = row(2, "chmod +x /opt/a/agentd", "sh", parent_process_id=101, process_name="chmod")
    program = "/opt/a/agentd"
    started = row(30, program, "systemd", process_path=program, process_name="agentd")
    (tree,) = trees(install, script, made, started)
    chmod, agent = (line for line in tree.split("\n") if "agentd [" in line and "dpkg" not in line)
    assert chmod.index("chmod") == agent.index("/opt"), tree
