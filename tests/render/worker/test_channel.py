from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from gitops_agent.render.worker.channel import BODY_BYTES, HEAD_BYTES, Channel, ChannelError

pytestmark = pytest.mark.slow

Pair = tuple[Channel, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A channel and the raw socket at its far end."""
    here, there = socket.socketpair()
    channel = Channel(here)
    channel.limit(time.monotonic() + 30, None)
    yield channel, there
    channel.close()
    there.close()


def cause(channel: Channel) -> str:
    with pytest.raises(ChannelError) as caught:
        channel.receive()
    return caught.value.cause


def test_what_is_sent_is_received(pair: Pair) -> None:
    channel, there = pair
    far = Channel(there)
    body = os.urandom(3_000_000)
    sender = threading.Thread(target=channel.send, args=({"a": [1, "ü"]}, body))
    sender.start()
    message = far.receive()
    sender.join(60)
    assert (message.head, message.body) == ({"a": [1, "ü"]}, body)


@pytest.mark.parametrize("lengths", [(HEAD_BYTES + 1, 0), (2, BODY_BYTES + 1), (0xFFFFFFFF, 0xFFFFFFFF)])
def test_a_length_that_is_too_large_is_refused_before_anything_is_received(pair: Pair, lengths: tuple[int, int]) -> None:
    channel, there = pair
    there.send(struct.pack(">II", *lengths))
    assert cause(channel) == "invalid"


@pytest.mark.parametrize("head", [b"", b"[]", b"1", b"{", b"[" * 100_000, b'{"a":' * 2_000])
def test_a_head_that_is_no_object_is_refused(pair: Pair, head: bytes) -> None:
    channel, there = pair
    there.sendall(struct.pack(">II", len(head), 0) + head)
    assert cause(channel) == "invalid"


def test_a_message_that_stops_in_the_middle_is_none(pair: Pair) -> None:
    channel, there = pair
    there.send(struct.pack(">II", 10, 0) + b"{")
    there.close()
    assert cause(channel) == "closed"


def test_a_peer_that_says_nothing_is_left_at_the_deadline(pair: Pair) -> None:
    channel, _ = pair
    channel.limit(time.monotonic() + 0.2, None)
    assert cause(channel) == "timeout"


def test_a_peer_that_reads_nothing_is_left_at_the_deadline(pair: Pair) -> None:
    channel, _ = pair
    channel.limit(time.monotonic() + 0.2, None)
    with pytest.raises(ChannelError, match="timeout"):
        channel.send({}, bytes(8_000_000))


def test_a_wait_ends_when_it_is_cancelled(pair: Pair) -> None:
    channel, _ = pair
    cancel = threading.Event()
    channel.limit(None, cancel)
    threading.Timer(0.2, cancel.set).start()
    assert cause(channel) == "cancelled"


def test_hanging_up_waits_for_the_other_end(pair: Pair) -> None:
    channel, there = pair
    ended = threading.Event()

    def end() -> None:
        there.recv(1)
        ended.set()
        there.close()

    threading.Thread(target=end).start()
    channel.hang_up(30)
    assert ended.is_set()
