"""The protocol client is strict: what a sloppy command does must not pass unseen."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import scp
import scp_wire

ANSWER = "meta = b'{\"finished\":false}'; write(b'chunked 1.0,%d,0\\n' % len(meta) + meta)"


def command(tmp_path: Path, answer: str) -> Path:
    """An add-on whose command reads one request after the other and runs `answer` for each."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "installerscore.py").write_text(
        "import sys, time\n"
        "def write(data):\n"
        "    sys.stdout.buffer.write(data); sys.stdout.buffer.flush()\n"
        "while True:\n"
        "    head = sys.stdin.buffer.readline()\n"
        "    if not head: break\n"
        "    sizes = [int(n) for n in head.split(b',')[1:]]\n"
        "    sys.stdin.buffer.read(sum(sizes))\n"
        f"    {answer}\n",
        encoding="utf-8",
    )
    return tmp_path


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (f"{ANSWER}; {ANSWER}", "a reply too many"),
        ("write(b'chunked 1.0,100,0\\n{}'); break", "cut short"),
        ("write(b'hello\\n')", "not a frame header"),
        ("write(b'chunked 1.0,4,0\\nnull')", "not an object"),
        ("write(b'chunked 1.0,4,0\\n{oo}')", "line 1"),
        ("sys.exit('it went wrong')", "it went wrong"),
        ("time.sleep(60)", "no reply within"),
    ],
)
def test_sloppy_command_is_an_error(tmp_path, answer, said):
    app = command(tmp_path, answer)
    with pytest.raises(scp.ProtocolError, match=said):
        ask_once(app)


def ask_once(app: Path) -> None:
    with scp.Session(app, timeout=2) as session:
        session.getinfo()
        session.close()


def test_much_output_on_both_streams_does_not_block(tmp_path):
    noise = "sys.stderr.write('e' * 1_000_000)"
    body = "body = b'x' * 1_000_000; write(b'chunked 1.0,2,%d\\n{}' % len(body) + body)"
    with scp.Session(command(tmp_path, f"{noise}; {body}")) as session:
        assert len(session.getinfo().body) == 1_000_000
        assert len(session.execute(b"y" * 1_000_000, finished=True).body) == 1_000_000
        exit_code, stderr = session.close()
    assert (exit_code, len(stderr)) == (0, 2_000_000)


def test_environment_holds_nothing_of_the_caller(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("SPLUNK_HOME", "/somewhere/else")
    environment = scp.clean_environment()
    assert "PYTHONPATH" not in environment
    assert Path(environment["SPLUNK_HOME"], "var", "log", "splunk").is_dir()


@pytest.mark.parametrize(
    "values", [["a", "b"], ["$"], ["", ""], ["a;$b$", "$$"], ["line\nbreak", '"quoted", too']]
)
def test_multivalue_round_trip(values):
    row = {"_time": "1", "field": values, "plain": "x"}
    assert list(scp.decode_body(scp.encode_body([row]))) == [row]


@pytest.mark.parametrize("text", ["a", "$a", "a$", "$a$;", "$a$b$", "$a$;b", "$$$"])
def test_malformed_multivalue_is_an_error(text):
    with pytest.raises(scp.ProtocolError):
        scp_wire.decode_multivalue(text)


@pytest.mark.parametrize("body", [b"a,b\n1\n", b"a,b\n1,2,3\n", b"a,a\n1,2\n"])
def test_body_that_does_not_fit_its_header_is_an_error(body):
    with pytest.raises(scp.ProtocolError):
        list(scp.decode_body(body))


@pytest.mark.parametrize(
    ("typed", "args"),
    [
        ("output=trees  minscore=40", ["output=trees", "minscore=40"]),
        ('signals="a b.csv"', ["signals=a b.csv"]),
        ('a=one b = "two" "c"="three"', ["a=one", "b", "=", "two", "c=three"]),
        (r'x="say \"hi\""', ['x=say "hi"']),
    ],
)
def test_arguments_are_split_as_splunkd_splits_them(typed, args):
    info = scp.getinfo_metadata(typed)["searchinfo"]
    assert info["args"] == args
    assert len(info["raw_args"]) == len(args)


def test_rows_are_pruned_to_the_required_fields(tmp_path):
    seen = tmp_path / "seen"
    answer = f"write({scp_wire.frame({'required_fields': ['b']})!r})"
    result = scp.run(
        command(tmp_path, f"open({str(seen)!r}, 'ab').write(head); {answer}"),
        [{"a": 1, "b": 2}, {"b": 3}],
        chunk_rows=1,
        python=sys.executable,
    )
    body = scp.encode_body([{"b": 2}])
    sizes = [int(line.split(b",")[2]) for line in seen.read_bytes().splitlines()]
    assert sizes == [0, len(body), len(body)]
    assert len(result.replies) == 2
