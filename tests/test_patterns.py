"""No text can make a pattern too slow: what is refused, what is not, and the shipped ones hold.

The refused patterns are the known shapes: a repeat of a repeat, alternatives that overlap under a
repeat, repeats after one another that read the same text, and a repeat in front of a search.
"""

from __future__ import annotations

import json
import pkgutil
import re
import subprocess
import time
from importlib import import_module
from pathlib import Path

import engine
import installer_trees
import pytest
from attacks import attacks, seconds, shipped, work
from installer_trees import patterns
from installer_trees.automaton import MAX_PLACES, MAX_STEPS, Automaton, UncheckableError
from installer_trees.catalogue import Catalogue, load, overlay
from installer_trees.patterns import anchored, risk
from installer_trees.regex import MATCH_CHARS

ROOT = Path(__file__).resolve().parent.parent
ATTACK_CHARS = 3_000

EVIL = [
    r"(a+)+$",
    r"(a*)*b",
    r"(a|a)*b",
    r"(a|aa)+$",
    r"(?:a+b?)+c",
    r"([a-zA-Z]+)*!",
    r"(.*)*x",
    r"(x+x+)+y",
    r"^(\w+\s?)*$",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"(?:\s*\S*)*x",
    r"(\d+,?)+;",
    r"^(?:.*,)*x$",
    r"(?:-\w*[dc]\w*\s+)+x",
    r"(?i)(?:foo|FO+)+bar",
    r"(?i)(?:k|K)+x",
    r"(?s)(?:.|\n)*?x",
    r"(?:[^,]+,?)*z",
    r"(?=(a+)+b)x",
    r"(?!(?:a|a)+b)x",
    r"^(a?){40}a{40}$",
    r"^(?:a{0,50}){0,50}b",
    r"^(?:a|b|ab){60,}c",
    r"\s+$",
    r"\s+x",
    r".*\.exe",
    r".*evil.*x",
    r"a.*b.*c",
    r"\s*=?\s*x",
    r"^\s*\s*x",
    r"^.*;.*;.*x",
    r"(?i)msiexec.+/i.+http",
    r"(?i)schtasks.*/create.*/tr",
    r"(?i)rundll32(?:\.exe)?\s+[^,]+,\w+",
    r"(\w+)\s*\1x",
    r"^x(?:\u2013|[^a])*(?:\u2013|b)*y",
    r"^(?:\S+=\S*\s){0,6}x",
    r"^(?:\S+=\S*\s|){0,6}x",
    r"^(?:\w+\w*\s){1,8}x",
    r"^(?:a+a*b){0,6}c",
    r"^(?:a*ba*){0,6}c",
    r"^(?:a{1,50}a{1,50}b){1,10}c",
    r"^(?:a{1,9}a{1,9}b){1,10}c",
    r"x(?:a{1,3}a{1,3}b){0,15}c",
    r"^(?:(?:a{1,9}a{1,9}b){1,4}c){1,4}d",
    r"^(?:(?:a|ab|b){0,9}c){0,9}d",
    r"^(?:a{1,50}a{1,50}b){2}a{1,50}a{1,50}b{1,50}b{1,50}c",
    r"(?:curl|wget).{0,400}\|\s*[^|]{0,200}\|",
    r"a.{0,30}b.{0,30}c.{0,30}d.{0,30}e.{0,30}f.{0,30}g.{0,30}hi",
    r"(?i)\S{0,60}@\S{3,100}\s{0,4}\|\s{0,4}(?:cmd|powershell)\b",
    r"(?i)[/-](?:x|uninstall)\b.{0,400}(?:a1|b1|c1|d1|e1|f1|g1|h1|i1|j1|k1|l1|m1|n1|o1|p1)",
    r"(?i)^(?:cmd|\w*install\w*|update)(?:\.exe|\.tmp)?$",
    r"(?i)irm\b.{0,300}http://.{0,300}\.js\b.{0,200}[;&|]\s{0,4}(?:&|\.\s|start\s|saps\s|ii\s)",
]

GOOD = [
    r"evil",
    r"^.*evil",
    r"evil.*",
    r"(?i)\bpowershell(?:\.exe)?\b.*-enc",
    r"\\temp\\.*\.exe$",
    r'(?i)^"?c:\\windows\\system32\\[^\\"]+\.exe"?$',
    r"curl[^|]{0,200}\|\s{0,5}(?:ba)?sh",
    r"(?i)invoke-webrequest.{0,300}-outfile",
    r"^/usr/bin/[^/]+$",
    r"(?:\d{1,3}\.){3}\d{1,3}",
    r"^(?:[a-z]+\.)+example\.com$",
    r"https?://[^\s/]+/[^\s]*\.sh",
    r"apt(?:-get)?\s+(?:-\S+\s+){0,12}install",
    r"[A-Za-z0-9+/]{100,}={0,2}",
    r"^\S+(?:\s+-\w+)*\s+-c\s",
    r"""(["'])cmd\1""",
    r"^(?:\S*/)?(?:ba|da|z)?sh$",
    r"\bwhoami\b|\bid\b|\bhostname\b",
    r"(?i)^(?:cmd|powershell)\.exe$",
    r"^[^ ]+ -i [^ ]+$",
    r'(?i)\.(?:exe|dll|ps1)(?:\s|"|$)',
    r"([0-9a-f]{2}:){5}[0-9a-f]{2}",
    r'"[^"]*"[^"]*"[^"]*x',
    r"(?m)^foo$",
    r"nc(?:at)?\s+-e",
    r"^.{0,20}\d+$",
    r"\d+",
    r"(?i)\s-enc\s+[a-z0-9+/]+",
    r"(?:ab?c){2}d",
    r"^(?:(?!https?://).)*https?://[^/]+$",
    r"\u2013[\u2013\u2014]?x",
    r"^(?:[^\s=]+=\S*\s){0,6}x",
    r"^(?:a{1,3}a{1,3}b){0,3}c",
    r"x{1,9}[^x]+z",
    r"(?:curl|wget).{0,400}\|\s{0,9}[^|]{0,200}\|",
    r"^(?:a+b|c+d){1,9}e",
    r"[^\s@]{0,60}@[^\s@|]{3,100}\s{0,4}\|\s{0,4}(?:cmd|powershell)\b",
    r"(?i)[/-](?:x|uninstall)\b.{0,400}(?:a1|b1|c1|d1|e1|f1)",
    r"(?i)\bupload\w*\s+http",
    r"(?i)cmd(?:\.exe)?\s.{0,60}/c\s.{0,200}(?:whoami|ipconfig|systeminfo)",
    r"(?i)schtasks.{0,300}/create.{0,300}/tr",
]


@pytest.mark.parametrize("pattern", EVIL)
def test_pattern_that_some_text_makes_too_slow_is_refused_with_the_remedy(pattern):
    why = risk(pattern)
    assert why.startswith("takes too long on a text that holds ")
    assert ".{0,300}" in why


@pytest.mark.parametrize("pattern", GOOD)
def test_harmless_pattern_is_not_refused(pattern):
    re.compile(pattern)
    assert risk(pattern) == ""


def test_both_pythons_of_splunk_judge_alike(python):
    """The analysis stands on the parser of Python itself, which has moved between versions."""
    script = (
        "import json, sys; from installer_trees.patterns import risk;"
        "print(json.dumps([risk(p) for p in json.load(sys.stdin)]))"
    )
    done = subprocess.run(
        [python, "-c", script],
        input=json.dumps(EVIL + GOOD),
        cwd=ROOT / "package" / "bin",
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert json.loads(done.stdout) == [risk(pattern) for pattern in EVIL + GOOD]


@pytest.mark.parametrize(
    ("pattern", "why"),
    [("x{9}" * (MAX_PLACES // 9 + 1), "it is too long"), (r"(a)?b(?(1)c|d)", "GROUPREF_EXISTS")],
    ids=["long", "conditional"],
)
def test_pattern_that_cannot_be_checked_is_refused(pattern, why):
    with pytest.raises(UncheckableError, match=why):
        Automaton(pattern)
    assert risk(pattern).startswith("cannot be checked")


INTRICATE = {
    "repeats": ".*" * 500,
    "limited": ".{0,300}" * 300,
    "loops": "(?:a|b)*c?" * 400,
    "options": "a?" * 3_900,
    "limits": "".join(f"a{{0,{n}}}b?" for n in range(2, 200)),
    "alternatives": "(?:" + "|".join(f"{chr(n)}b" for n in range(1_000, 2_900)) + ")*x",
    "turns": "(?:x" * 40 + "){0,3}" * 40,
    "class": "(?:[" + "".join(f"{chr(n)}-{chr(n + 1)}" for n in range(256, 9_256, 3)) + "]){100}",
}


@pytest.mark.parametrize("pattern", INTRICATE.values(), ids=INTRICATE)
def test_pattern_that_takes_too_many_steps_to_check_is_refused(pattern, monkeypatch):
    spent = []

    def spend(automaton, steps):
        spent.append(steps)
        original(automaton, steps)

    original = Automaton.spend
    monkeypatch.setattr(Automaton, "spend", spend)
    risk.cache_clear()
    re.compile(pattern)
    assert risk(pattern) == (
        "cannot be checked for patterns that take too long, as its repeats are too intricate; "
        "simplify it"
    )
    assert sum(spent) < 2 * MAX_STEPS + len(pattern)
    assert len(spent) <= MAX_STEPS


def test_pattern_that_is_nested_too_deeply_to_check_is_refused():
    pattern = "(?:a" * 300 + ")+" * 300
    re.compile(pattern)
    assert risk(pattern).endswith("as it is nested too deeply; simplify it")


def test_pattern_is_checked_once(monkeypatch):
    made = []
    monkeypatch.setattr(patterns, "Automaton", lambda *args, **options: made.append(args) or known)
    known = Automaton("^remembered")
    risk.cache_clear()
    anchored.cache_clear()
    assert [risk("^remembered") for _ in range(3)] == ["", "", ""]
    assert [anchored("^remembered") for _ in range(3)] == [True, True, True]
    assert len(made) == 2


@pytest.mark.parametrize(
    "pattern", [r"^a|b", r"a$", r"(?:^a)?b", r"(?m)^a", r"\bx", r"$", r"\b", r"a?"]
)
def test_pattern_that_can_begin_inside_a_value_is_not_anchored(pattern):
    assert not anchored(pattern)


@pytest.mark.parametrize(
    "pattern",
    [r"^.*agent", r"^.{0,9}x", r"^C:\\.*\\x", r"^[^\"]+x", r"(?i)^(?:abcd|.+)x", r"^\"?(?:.+/)?x"],
)
def test_pattern_that_begins_with_any_text_is_not_anchored(pattern):
    assert not anchored(pattern)


@pytest.mark.parametrize(
    "pattern", [r"^/opt/.*x", r"^\S*/x", r"^.x", r"^C:\\Apps\\.+", r"^agent .*"]
)
def test_pattern_that_begins_with_a_place_or_one_word_is_anchored(pattern):
    assert anchored(pattern)


@pytest.mark.parametrize("pattern", [r"^a", r"(?i)^a|^b", r"^(?:a|b)", r"(?:^a|\Ab)c", r"^$"])
def test_pattern_with_every_alternative_at_the_beginning_is_anchored(pattern):
    assert anchored(pattern)


def test_documentation_says_what_to_write_instead():
    text = (ROOT / "docs" / "configure.md").read_text(encoding="utf-8")
    pairs = re.findall(r"(?m)^- `(\S+)`, `(\S+)`: ", text)
    assert len(pairs) == 7
    for refused, taken in pairs:
        assert risk(refused), refused
        assert risk(taken) == "", taken


# --- the shipped catalogue -------------------------------------------------------------------

SHIPPED = shipped()


def test_shipped_entries_pass_what_the_entries_of_users_must_pass():
    assert len(SHIPPED) > 500
    assert {name: risk(p) for name, p in SHIPPED.items() if risk(p)} == {}
    allowances = {n: p for n, p in SHIPPED.items() if n.startswith("ALW")}
    assert {name: p for name, p in allowances.items() if not anchored(p)} == {}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_pattern_holds_against_texts_made_for_it(name):
    """What any takes is a tenth of what is allowed; repeats that share a text take far more."""
    for text in attacks(SHIPPED[name], ATTACK_CHARS):
        assert seconds(SHIPPED[name], text) < 3.0, text[:60]


COSTLY = [name for name, p in SHIPPED.items() if work(p) > patterns.MAX_WORK / 6]
LIMIT = r"(?i)a.{0,3000}b", "a" * MATCH_CHARS
"""A search that takes nearly `MAX_WORK` steps."""


@pytest.fixture(scope="module")
def allowed():
    """Seconds of a search that is just allowed, on this machine."""
    assert 0.9 < work(LIMIT[0]) / patterns.MAX_WORK < 1
    return max(seconds(*LIMIT) for _ in range(3))


@pytest.mark.parametrize("name", COSTLY)
def test_costly_shipped_pattern_holds_on_the_longest_text(name, allowed):
    for text in attacks(SHIPPED[name], MATCH_CHARS):
        assert any(seconds(SHIPPED[name], text) < 2 * allowed for _ in range(3)), text[:60]


def test_texts_made_for_a_refused_pattern_do_make_it_slow():
    text = "/i " + " " * ATTACK_CHARS
    slow = seconds(r'/i\s*"?\s*https:', text)
    assert slow > 20 * seconds(r'/i\s*(?:"\s*)?https:', text)


# --- where users' patterns come from, and how long a text may be -------------------------------

SLOW = r"(?:-\w+\s*)+x"
SIGNAL = (
    "signal_id,title,family,os,kind,scope,field,pattern,conditions,min_distinct,distinct_within,"
    "weight,group,mitre_technique_id,rationale,source,known_false_positives\n"
)
ALLOWANCE = "allow_id,title,os,family,scope,field,pattern,signals,reduction,expires,reason,source\n"


@pytest.mark.parametrize(
    ("pattern", "conditions", "column"),
    [(SLOW, "", "pattern"), ("x", f"ancestor.process ~ {SLOW}", "conditions")],
)
def test_slow_pattern_of_a_user_is_left_out_and_named(pattern, conditions, column):
    row = f"USR001,Title,any,any,process,any,process,{pattern},{conditions},,,20,,,,,\n"
    for catalogue in (load(None, [SIGNAL, row]), overlay(Catalogue(), [SIGNAL, row], "my.csv")):
        assert catalogue.signals == ()
        (problem,) = catalogue.problems
        assert (problem.row, problem.column) == (2, column)
        assert "takes too long" in problem.problem


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("a{99999999999}", "more often than Python can count; limit it, as in .{0,300}"),
        ("(" * 6_000, "is nested too deeply; simplify it"),
        ("(?:a" * 300 + ")+" * 300, "is nested too deeply; simplify it"),
        (".*" * 500, "its repeats are too intricate; simplify it"),
    ],
    ids=["count", "brackets", "nested", "intricate"],
)
def test_pattern_that_python_or_the_check_gives_up_is_left_out_and_named(pattern, why):
    row = f'USR001,Title,any,any,process,any,process,"{pattern}",,,,20,,,,,\n'
    good = "USR002,Title,any,any,process,any,process,x,,,,20,,,,,\n"
    for catalogue in (
        load(None, [SIGNAL, row, good]),
        overlay(Catalogue(), [SIGNAL, row, good], ""),
    ):
        assert [signal.signal_id for signal in catalogue.signals] == ["USR002"]
        (problem,) = catalogue.problems
        assert (problem.row, problem.column) == (2, "pattern")
        assert problem.problem.startswith(f"'{pattern[:80]}'")
        assert problem.problem.endswith(why)
        assert len(problem.problem) < 300


@pytest.mark.parametrize("pattern", ["puppet", "^/opt/x$|/tmp/y$"])
def test_allowance_that_can_begin_inside_a_value_is_left_out_and_named(pattern):
    row = f"mine,Title,any,any,process,process,{pattern},*,20,,reason,me\n"
    catalogue = load(None, None, [ALLOWANCE, row])
    assert catalogue.allowances == ()
    assert "is not anchored" in str(catalogue.problems[0])


@pytest.mark.parametrize("size", [100_000, 10_000_000])
def test_command_line_of_any_length_is_searched_to_its_cut_and_that_is_said(size):
    """The work for a longer line is only that of reading it."""
    line = "msiexec /i " + "http://a/ -c /i pip install " * (size // 28)
    tree = [
        {"process": line, "process_name": "msiexec.exe"},
        {"process": line, "process_name": "cmd.exe", "parent": 0},
    ]
    start = time.process_time()
    pipeline, kept = engine.run(engine.completed(tree), engine.shipped())
    assert time.process_time() - start < 30
    assert len(kept) == 1
    said = [text for level, text in pipeline.messages() if level == "WARN"]
    assert said == [f"2 values were searched only in their first {MATCH_CHARS:,} characters."]


# --- the engine's own --------------------------------------------------------------------------

ONLY_AT_THE_BEGINNING = {"_CLAUSE", "_MULTIVALUE", "_FIRST_WORD", "_HAS_TERMINALS"}
"""Used with match or fullmatch alone."""


def test_expressions_of_the_engine_itself_hold():
    for module in pkgutil.iter_modules(installer_trees.__path__):
        for name, value in vars(import_module(f"installer_trees.{module.name}")).items():
            if isinstance(value, re.Pattern):
                pattern = value.pattern
                text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
                text = f"^(?:{text})" if name in ONLY_AT_THE_BEGINNING else text
                assert risk(text) == "", f"{module.name}.{name}"
