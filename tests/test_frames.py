"""Bodies of requests come in blocks of whole lines, and none is taken for more than it is."""

from __future__ import annotations

import io
import json

import installerscore_frames as frames
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

BODIES = st.lists(st.sampled_from(["a", "bb", "\n", '"', "é"]), max_size=30).map("".join)


def request(body: bytes, announced: int | None = None) -> bytes:
    metadata = json.dumps({"action": "execute"}).encode()
    length = len(body) if announced is None else announced
    return b"chunked 1.0,%d,%d\n%b%b" % (len(metadata), length, metadata, body)


@given(BODIES, BODIES, st.sampled_from([1, 3, 1_000]))
@settings(deadline=None)
@example("a\nbb\nbb", "", 3)
def test_blocks_are_the_body_and_end_with_a_line(first: str, second: str, size: int) -> None:
    stream = io.BytesIO(request(first.encode()) + request(second.encode()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "BLOCK_BYTES", size)
        for body in (first, second):
            read = frames.read_request(stream)
            assert read is not None
            assert read[0] == {"action": "execute"}
            blocks = list(read[1])
            assert b"".join(blocks).decode() == body
            assert all(block.endswith(b"\n") for block in blocks[:-1])
            assert all(blocks)
        assert frames.read_request(stream) is None


def test_no_block_is_much_larger_than_it_has_to_be() -> None:
    body = b"a line of the input\n" * 300_000
    read = frames.read_request(io.BytesIO(request(body)))
    assert read is not None
    sizes = [len(block) for block in read[1]]
    assert sum(sizes) == len(body)
    assert max(sizes) <= frames.BLOCK_BYTES + 20


@pytest.mark.parametrize("body", [b"", b"a,b\n", b"a,b\n" * 600_000])
def test_a_body_that_is_cut_short_is_said_at_its_end(body: bytes) -> None:
    read = frames.read_request(io.BytesIO(request(body, len(body) + 5)))
    assert read is not None
    come = f"{len(body) + 5:,} bytes were announced and {len(body):,} came"
    with pytest.raises(frames.BrokenInputError, match=come):
        list(read[1])
