"""The reference runner itself: it matches as Splunk does, and refuses what it does not know."""

from __future__ import annotations

from typing import Any

import pytest
from spl.combining import Lookup
from spl.errors import SplError
from spl.macros import Macro
from spl.matching import Row
from spl.runner import Result, Run

PROCESSES = "| tstats count from datamodel=Endpoint.Processes where {} by Processes.process"


def run(search: str, data: Any = None, **more: Any) -> Result:
    rows = {"events": [{"_time": 1}]} if data is None else data
    macros = more.get("macros", {})
    times = more.get("earliest", 0), more.get("latest", 1000)
    return Run(rows, macros, more.get("lookups", {}), {}, 1000, *times).search(search)


def found(condition: str, *events: Row) -> list[str]:
    """Return the command lines that a tstats condition finds."""
    rows = [{"_time": 1, "dest": "h", **e} for e in events]
    result = run(PROCESSES.format(condition), {"Endpoint.Processes": rows})
    return [row["Processes.process"] for row in result.rows]


def value(expression: str, row: Row | None = None) -> Any:
    """Return what eval makes of an expression."""
    result = run(f"* | eval x={expression}", {"events": [{"_time": 1, **(row or {})}]})
    return result.rows[0].get("x")


@pytest.mark.parametrize(
    ("search", "place", "problem"),
    [
        ("*\n| streamstats count", (2, 3), "the command streamstats is not known"),
        ("*\n| eval x=crc(y)", (2, 10), "the function crc is not known"),
        ("* | stats perc95(x)", (1, 11), "the aggregate perc95 is not known"),
        ("* | where x=", (1, 13), "where ends too early"),
        ("* | eval x=1 y=2", (1, 14), "eval does not know 'y=2'"),
        ("* | search a=b OR", (1, 18), "search ends too early"),
        ('"a', (1, 1), "never closed"),
        ("* ] | head 1", (1, 3), "closes nothing"),
        ("`m`", (1, 1), "the macro m is not defined"),
        ("`m(1, 2)`", (1, 1), r"the macro m\(2\) is not defined"),
        ("`m", (1, 1), "backtick is never closed"),
        ("*\n|  | head 1", (2, 2), "a command is missing"),
        ("| head 1", (1, 3), "head cannot start a search"),
        (PROCESSES.format("Processes.proces=a"), (1, 56), "not a field of the data set"),
        (PROCESSES.format("index=main"), (1, 56), "index is not a field"),
        ("| tstats count from datamodel=Web.Web", (1, 31), "datamodel=Web.Web is not known"),
        ("| tstats foo=1 count from datamodel=Endpoint.Processes", (1, 10), "the option foo"),
        ("| tstats append=t count from datamodel=Endpoint.Processes", (1, 9), "needs prestats"),
        (r"a=C:\x", (1, 3), "a backslash outside quotes"),
        (r'a="x\*"', (1, 3), r"an escaped \*"),
        ("* | fillnull value=0", (1, 13), "name them"),
        ("* | lookup nope a", (1, 11), "the lookup nope is not defined"),
        ("earliest=yesterday", (1, 10), "not a time"),
    ],
)
def test_refuses_with_line_and_column(search: str, place: tuple[int, int], problem: str) -> None:
    with pytest.raises(SplError, match=problem) as refused:
        run(search)
    assert (refused.value.line, refused.value.column) == place


def test_search_and_tstats_match_in_any_case_with_wildcards() -> None:
    events = [{"process": "MSIEXEC /Y a"}, {"process": "notepad"}]
    assert found('Processes.process="msiexec*"', *events) == ["MSIEXEC /Y a"]
    assert found('Processes.process IN ("*/y*", "*-y*")', *events) == ["MSIEXEC /Y a"]


def test_where_and_eval_compare_in_exact_case() -> None:
    assert value('if(a="X", "same", "other")', {"a": "x"}) == "other"
    assert value('if(match(a, "(?i)^X$"), "same", "other")', {"a": "x"}) == "same"


def test_a_no_break_space_is_no_white_space() -> None:
    assert found('Processes.process="a *"', {"process": "a\u00a0b"}) == []
    assert value(r'if(match(a, "a\sb"), "yes", "no")', {"a": "a\u00a0b"}) == "no"


@pytest.mark.parametrize("condition", ["a=*", "a!=x", "NOT a=*", "a<5"])
def test_null_matches_nothing_but_a_negation(condition: str) -> None:
    rows = run(f"* | search {condition}").rows
    assert bool(rows) == condition.startswith("NOT")


def test_null_makes_comparisons_and_calls_null() -> None:
    assert value("if(missing=1 OR missing!=1, 1, 2)") == 2
    assert value("lower(missing)") is None
    assert value("coalesce(missing, 7)") == 7
    assert run('* | where NOT match(missing, "x")').rows == []


def test_or_binds_closer_than_and_in_search_but_not_in_where() -> None:
    row = {"events": [{"_time": 1, "a": "1", "b": "0", "c": "0"}]}
    assert run("* | search a=1 OR b=1 c=1", row).rows == []
    assert len(run("* | where a=1 OR b=1 AND c=1", row).rows) == 1


def test_backslashes_in_quotes() -> None:
    event = {"process": r"C:\Windows\Installer\MSI1.tmp"}
    assert found(r'Processes.process="*\\Installer\\MSI*.tmp"', event)
    assert value(r'if(match(a, "\\\\b"), 1, 0)', {"a": r"x\b"}) == 1
    assert value(r'if(match(a, "\.exe$"), 1, 0)', {"a": "b.exe"}) == 1


def test_the_data_model_fills_empty_fields_with_unknown() -> None:
    assert found("Processes.original_file_name=unknown", {"process": "a"}) == ["a"]
    assert found("Processes.process_guid=unknown", {"process": "a"}) == []


def test_by_drops_rows_with_a_null_field_unless_filled() -> None:
    data = {"Endpoint.Processes": [{"_time": 1, "process_guid": "g"}, {"_time": 2}]}
    search = "| tstats {}count from datamodel=Endpoint.Processes by Processes.process_guid"
    assert len(run(search.format(""), data).rows) == 1
    filled = run(search.format("fillnull_value=null "), data).rows
    assert [r["Processes.process_guid"] for r in filled] == ["g", "null"]


def test_span_bins_the_group_and_not_the_aggregate() -> None:
    data = {"Endpoint.Processes": [{"_time": 7.25}, {"_time": 7.75}]}
    search = "| tstats count min(_time) as first from datamodel=Endpoint.Processes"
    rows = run(f"{search} by _time span=1s", data).rows
    assert rows == [{"_time": "7", "count": 2, "first": 7.25}]


def test_time_range_of_the_run_and_of_the_search() -> None:
    events = [{"process": "old", "_time": 10}, {"process": "new", "_time": 900}]
    assert found("earliest=-150s latest=now Processes.process=*", *events) == ["new"]
    data = {"Endpoint.Processes": [{**e, "dest": "h"} for e in events]}
    search = PROCESSES.format("Processes.dest=h")
    assert len(run(search, data, earliest=10, latest=900).rows) == 1


def test_summariesonly_changes_nothing_and_says_so() -> None:
    result = run("| tstats summariesonly=true count from datamodel=Endpoint.Processes", {})
    assert result.notes == [
        "summariesonly changes nothing here: the rows stand for summaries and raw data"
    ]


def test_a_subsearch_is_a_filter_of_any_row_with_all_fields() -> None:
    events = [{"process": p, "dest": d} for p, d in (("a", "h1"), ("b", "h2"), ("c", "h1"))]
    inner = "[| tstats count from datamodel=Endpoint.Processes where Processes.process=a"
    inner += " by Processes.dest | fields Processes.dest]"
    assert found(inner, *events) == ["a", "c"]


def test_a_subsearch_is_cut_at_ten_thousand_rows_and_says_so() -> None:
    data = {"Endpoint.Processes": [{"_time": 1, "dest": f"h{i:05}"} for i in range(10001)]}
    search = "| tstats count from datamodel=Endpoint.Processes"
    result = run(f"{search} where [{search} by Processes.dest | fields Processes.dest]", data)
    assert result.rows == [{"count": 10000}]
    assert result.notes == ["a subsearch was cut at 10,000 rows"]


def test_a_subsearch_that_ends_with_format_says_how_its_fields_and_rows_are_joined() -> None:
    events = [
        {"process": "a", "dest": "h1", "user": "x"},
        {"process": 'b "c"', "dest": "h2", "user": "h1"},
        {"process": "d", "dest": "h3", "user": "h3"},
    ]
    inner = "[| tstats count from datamodel=Endpoint.Processes where Processes.process={}"
    inner += " by Processes.dest | fields Processes.dest"
    inner += ' | eval user=\'Processes.dest\' | rename user as Processes.user | format "(" "(" "{}"'
    inner += ' ")" "OR" ")"]'
    assert found(inner.format("a", "OR"), *events) == ["a", 'b "c"']
    assert found(inner.format("*", "AND"), *events) == ["d"]
    assert found(inner.format("nothing", "OR"), *events) == []


def test_prestats_rows_are_merged_by_stats() -> None:
    data = {
        "Endpoint.Processes": [{"_time": 5, "process_id": 1}, {"_time": 3, "process_id": 1}],
        "Endpoint.Registry": [{"_time": 9, "process_id": 1}],
    }
    search = (
        "| tstats prestats=t count min(_time) from datamodel=Endpoint.Processes"
        " by Processes.process_id"
        " | tstats prestats=t append=t count min(_time) from datamodel=Endpoint.Registry"
        " by Registry.process_id"
        " | eval pid=coalesce('Processes.process_id', 'Registry.process_id')"
    )
    rows = run(f"{search} | stats count min(_time) as first by pid", data).rows
    assert rows == [{"pid": "1", "count": 3, "first": 3.0}]
    with pytest.raises(SplError, match=r"max\(_time\) was not prepared"):
        run(f"{search} | stats max(_time) by pid", data)


@pytest.mark.parametrize(
    ("definition", "call", "expanded"),
    [
        ("x=$a$", "`m(1)`", "x=1"),
        ('x="$a$"', '`m("b c, d")`', 'x="b c, d"'),
        ("`n($a$)`", "`m(q)`", "n q"),
    ],
)
def test_macros_with_arguments(definition: str, call: str, expanded: str) -> None:
    from spl.macros import expand

    macros = {"m(1)": Macro(("a",), definition), "n(1)": Macro(("b",), "n $b$")}
    assert expand(call, macros) == expanded


def test_a_macro_inside_quotes_is_text() -> None:
    assert value('"`nope`"') == "`nope`"


def test_a_macro_that_expands_to_itself_is_refused() -> None:
    with pytest.raises(SplError, match="expands to itself"):
        run("`m`", macros={"m": Macro((), "`m`")})


def test_lookup_with_wildcards_and_its_limits() -> None:
    table = Lookup([{"name": "*.evil", "kind": "file"}], ["name", "kind"], {"name": "WILDCARD"},
                   False, 1)  # fmt: skip
    data = {"events": [{"_time": 1, "f": "A.EVIL"}, {"_time": 0, "f": "b"}]}
    rows = run("* | lookup t name as f OUTPUT kind as k", data, lookups={"t": table}).rows
    assert [r.get("k") for r in rows] == ["file", None]
    with pytest.raises(SplError, match="other is not a column of the lookup"):
        run("* | lookup t name OUTPUT other", data, lookups={"t": table})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('case(a="1", "one", true(), "many")', "many"),
        ('mvappend("a", null(), "b")', ["a", "b"]),
        ('mvjoin(split("a,b", ","), "+")', "a+b"),
        ('mvindex(split("a,b,c", ","), -1)', "c"),
        ('if(cidrmatch("10.0.0.0/8", "10.1.2.3"), 1, 0)', 1.0),
        ('if(cidrmatch("fc00::/7", "fd00::1"), 1, 0)', 1.0),
        ('if(cidrmatch("10.0.0.0/8", "name"), 1, 0)', 0.0),
        (r'replace("a1b2", "([a-z])(\d)", "\2\1")', "1a2b"),
        ('"5" . "6"', "56"),
        ("2 + 3 * 4", 14.0),
        ("floor(2.7) + ceiling(2.1)", 5.0),
        ("round(2.46, 1)", 2.5),
        ('strftime(86400.25, "%Y-%m-%d %H:%M:%S.%3N")', "1970-01-02 00:00:00.250"),
        ('urldecode("a%24")', "a$"),
        ('strftime("never", "%Y")', None),
        ('mvjoin(mvdedup(split("a,b,a", ",")), "+")', "a+b"),
        ('if(like("abc", "a%"), 1, 0)', 1.0),
        ('len("abc") - 1', 2.0),
    ],
)
def test_eval(expression: str, expected: object) -> None:
    assert value(expression) == expected


def test_eval_cannot_store_a_boolean() -> None:
    with pytest.raises(SplError, match="x would be a Boolean"):
        value('match("a", "a")')


def test_row_commands() -> None:
    data = {"events": [{"_time": t, "a": str(t % 2), "b": t} for t in range(4)]}
    rows = run("* | dedup a | sort - b | rename b as n | head 1 | table n a missing", data).rows
    assert rows == [{"n": 3, "a": "1"}]
    rows = run('* | eval "a b"=b | sort 0 +a, -"a b" | fields b', data).rows
    assert [row["b"] for row in rows] == [2, 0, 3, 1]


def test_stats_and_eventstats() -> None:
    data = {"events": [{"_time": t, "a": "xyx"[t], "b": t} for t in range(3)]}
    grouped = run("* | stats count dc(b) as n values(b) as v max(b) by a", data).rows
    assert grouped == [
        {"a": "x", "count": 2, "n": 2, "v": ["0", "2"], "max(b)": 2.0},
        {"a": "y", "count": 1, "n": 1, "v": "1", "max(b)": 1.0},
    ]
    rows = run("* | eventstats count as n by a | where n>1", data).rows
    assert [r["b"] for r in rows] == [2, 0]
    assert run("nothing=here | stats count").rows == [{"count": 0}]


def test_join_keeps_the_first_match_only() -> None:
    processes = [{"_time": 1, "process_id": 7, "process": p} for p in ("b", "a")]
    data = {"events": [{"_time": 1, "process_id": "7"}], "Endpoint.Processes": processes}
    sub = "[| tstats count from datamodel=Endpoint.Processes by Processes.process_id"
    sub += " Processes.process | rename Processes.* as *]"
    assert [r["process"] for r in run(f"* | join process_id {sub}", data).rows] == ["a"]


def test_chart_and_timechart_count_by_two_fields() -> None:
    times = {5: "x", 9: "y", 70: "x"}
    data = {"events": [{"_time": t, "a": a, "b": "pq"[t > 50]} for t, a in times.items()]}
    assert run("* | chart count over a by b", data).rows == [
        {"a": "x", "p": 1, "q": 1},
        {"a": "y", "p": 1, "q": 0},
    ]
    rows = run("* | timechart count by b", data, latest=90).rows
    assert len(rows) == 90
    assert [r for r in rows if r["p"] or r["q"]] == [
        {"_time": 5, "p": 1, "q": 0, "_span": 1},
        {"_time": 9, "p": 1, "q": 0, "_span": 1},
        {"_time": 70, "p": 0, "q": 1, "_span": 1},
    ]
    assert len(run("* | timechart count by b", data, latest=86400).rows) == 48
    many = {"events": [{"_time": 1, "a": 1, "b": i} for i in range(11)]}
    with pytest.raises(SplError, match="more than 10 series"):
        run("* | chart count over a by b", many)


def test_rows_are_spread_and_filled() -> None:
    data = {"events": [{"_time": 3, "a": ["p", "q"]}, {"_time": 2, "b": 7}, {"_time": 1}]}
    assert [r.get("a") for r in run("* | mvexpand a", data).rows] == ["p", "q", None, None]
    assert [r.get("b") for r in run("* | filldown b", data).rows] == [None, 7, 7]
    assert run("* | stats sum(b) as s", data).rows == [{"s": 7.0}]
    assert [r["t"] for r in run("* | accum _time as t", data).rows] == [3, 5, 6]


def test_appendpipe_and_postprocess_work_on_the_rows_before() -> None:
    search = "* | where isnotnull(x) | appendpipe [stats count | where count=0]"
    assert run(search).rows == [{"count": 0}]
    made = Run({}, {"m": Macro((), "eval y=x+1")}, {}, {}, 50, 0, 100)
    assert made.postprocess([{"x": 1}], "| `m` | fields y").rows == [{"y": 2.0}]


def test_a_search_may_begin_with_its_name() -> None:
    assert run("search x=1", {"events": [{"_time": 1, "x": 1}]}).rows
    assert run("| makeresults | append [search x=*]").rows == [{"_time": 1000}]
