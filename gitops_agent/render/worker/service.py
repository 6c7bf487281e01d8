"""Serves the renders of one connection, in a process of its own.

It reads what the agent sends and what helm and kustomize print, and nothing else. It ends after some renders, or when one took
much memory, so that neither leaks nor what one repository left behind reach many others.
"""

from __future__ import annotations

import contextlib
import math
import resource
import signal
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.render.renderer import Renderer
from gitops_agent.render.request import Failure, Rendered, RenderLimits
from gitops_agent.render.worker.channel import Channel, ChannelError, Message
from gitops_agent.render.worker.messages import clean, error_head, packed, request_of
from gitops_agent.render.worker.remote_tree import RemoteTree

OBJECT_BYTES = 4 * 1024 * 1024
"""Of one object as JSON; the API server takes three mebibytes."""
_RENDERS = 200
_RESIDENT_BYTES = 192 * 1024 * 1024
_BATCH = 1024 * 1024
_SLACK_SECONDS = 10
_OVERFLOW = "the render used more than {} MiB and was ended"


def serve(connection: socket.socket, scratch: Path, programs: dict[str, Path | None]) -> None:
    """Answers requests until the agent hangs up.

    Or until this process has to be replaced.

    Args:
        connection: to the agent.
        scratch: an empty folder for copies of files.
        programs: helm and kustomize, None where they are looked for.
    """
    channel = Channel(connection)
    with contextlib.closing(channel):
        _serve(channel, scratch, programs)


def _serve(channel: Channel, scratch: Path, programs: dict[str, Path | None]) -> None:
    for number in range(1, _RENDERS + 1):
        try:
            request = channel.receive()
        except ChannelError:
            return
        last = number == _RENDERS
        exhausted = False
        try:
            last |= _answer(channel, request, scratch, programs, last=last)
        except MemoryError:
            exhausted = True  # no more here: until the handler ends, its traceback keeps all that fills the memory
        except ChannelError:
            return
        if exhausted:
            limit = int(request.head["limits"]["memory_bytes"]) // (1024 * 1024)
            overflow = RenderError(_OVERFLOW.format(limit), reason="RenderTooLarge", cause="memory")
            with contextlib.suppress(ChannelError):
                _fail(channel, Failure(error=overflow, closure=None, passing=False), last=True)
            return
        if last:
            return


def _answer(channel: Channel, message: Message, scratch: Path, programs: dict[str, Path | None], *, last: bool) -> bool:
    """Renders once; returns whether this process has to be replaced."""
    try:
        request, limits = request_of(message.head)
        _restrict(limits)
        renderer = Renderer(scratch=scratch, limits=limits, **programs)
        result = renderer.attempt(RemoteTree(channel, message), request)
        if isinstance(result, Rendered):
            batches = list(_batches(result.manifests))
    except (RenderError, SourceError) as error:
        result = Failure(error=error, closure=None, passing=error.transient)
    except RecursionError:
        depth = RenderError("the files are nested too deeply", reason="RenderTooLarge")
        result = Failure(error=depth, closure=None, passing=False)
    last |= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 > _RESIDENT_BYTES
    if isinstance(result, Failure):
        _fail(channel, result, last=last)
        return last
    for rows, body in batches:
        channel.send({"objects": rows}, body)
    _closure(channel, result.closure.entries)
    channel.send(
        {
            "rendered": result.format.value,
            "warnings": [clean(warning) for warning in result.warnings],
            "tools": result.tools,
            "variables": result.variables,
            "last": last,
        }
    )
    return last


def _restrict(limits: RenderLimits) -> None:
    """Sets soft limits of the kernel for the next render.

    Programs inherit them, and get tighter ones of their own.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime + limits.seconds) + _SLACK_SECONDS
    bounds = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_DATA: limits.memory_bytes,
        resource.RLIMIT_FSIZE: max(limits.output_bytes, limits.file_bytes),
    }
    for kind, most in bounds.items():
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _batches(manifests: Iterable[Manifest]) -> Iterator[tuple[list[list[Any]], bytes]]:
    rows: list[list[Any]] = []
    body: list[bytes] = []
    size = 0
    for manifest in manifests:
        data = orjson.dumps(manifest.obj)
        if len(data) > OBJECT_BYTES:
            text = f"{manifest.place}: {manifest.key} has {len(data)} bytes, more than an API server takes"
            raise RenderError(text, reason="RenderTooLarge", file=manifest.file)
        if rows and size + len(data) > _BATCH:
            yield rows, b"".join(body)
            rows, body, size = [], [], 0
        rows.append([packed(manifest.file), manifest.document, len(data), manifest.generated])
        body.append(data)
        size += len(data)
    if rows:
        yield rows, b"".join(body)


def _closure(channel: Channel, entries: Iterable[tuple[str, str | None]]) -> None:
    rows: list[list[str | None]] = []
    size = 0
    for path, oid in entries:
        rows.append([packed(path), oid])
        size += len(path)
        if size > _BATCH:
            channel.send({"inputs": rows})
            rows, size = [], 0
    if rows:
        channel.send({"inputs": rows})


def _fail(channel: Channel, failure: Failure, *, last: bool) -> None:
    if failure.closure is not None:
        _closure(channel, failure.closure.entries)
    head = error_head(failure.error) | {
        "closed": failure.closure is not None,
        "passing": failure.passing,
        "variables": failure.variables,
        "last": last,
    }
    channel.send(head)
