from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.telemetry.trace_link import TraceLink, links

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"Traceparent: 00-{TRACE}-{SPAN}-01"


def test_a_trailer_names_the_trace_of_a_build() -> None:
    expected = (TraceLink(trace=int(TRACE, 16), span=int(SPAN, 16), sampled=True),)

    assert links(f"Bump api\n\nSigned-off-by: li\n{PARENT}\n") == expected
    assert links(f"Bump api\n\n{PARENT.lower()}\r\n") == expected


@pytest.mark.parametrize(
    "line",
    [
        f"Traceparent: 01-{TRACE}-{SPAN}-01",
        f"Traceparent: 00-{'0' * 32}-{SPAN}-01",
        f"Traceparent: 00-{TRACE}-{'0' * 16}-01",
        f"Traceparent: 00-{TRACE[:-1]}-{SPAN}-01",
        f"Traceparent: 00-{TRACE}-{SPAN}-01-extra",
        f"Traceparent: 00-{TRACE}-{SPAN}",
        f"> {PARENT}",
        f"Traceparent: 00-{TRACE[:-1]}٣-{SPAN}-01",
        f"Traceparent:{' ' * 99}00-{TRACE}-{SPAN}-01",
    ],
    ids=["version", "no trace", "no span", "short", "more", "no flags", "quoted", "other digits", "blanks"],
)
def test_what_is_no_trace_context_is_ignored(line: str) -> None:
    assert links(f"Bump api\n\n{line}\n") == ()


def test_only_the_last_paragraph_holds_trailers() -> None:
    assert links(f"Bump api\n\n{PARENT}\n\nand more\n") == ()


def test_the_first_eight_count_and_each_once() -> None:
    many = "\n".join(f"Traceparent: 00-{number:032x}-{SPAN}-00" for number in range(1, 20))

    assert [link.trace for link in links(f"Bump\n\n{many}")] == list(range(1, 9))
    assert len(links(f"Bump\n\n{PARENT}\n{PARENT}")) == 1


@given(st.text())
def test_every_message_is_read(message: str) -> None:
    assert len(links(message)) <= 8
