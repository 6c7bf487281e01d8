"""Releases from their publishers: verified or not at all.

Problem: many machines cannot reach the publishers, and then every tool would wait for its own time-outs (a resolver that gets
no answer takes half a minute). Decision: the first request of a run is the probe and has a few seconds in all, name lookup
included; if it fails, the network counts as dead for the rest of the run and the tools are built instead. A digest that does
not match is never a reason to try elsewhere: it is reported, and nothing is kept.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import platform
import tarfile
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from gitops_agent.errors import AgentError
from gitops_agent.toolchain.catalog import Tool
from gitops_agent.toolchain.checksums import find_digest
from gitops_agent.toolchain.progress import Detail

_CHUNK = 1 << 20
_MEBIBYTE = 1 << 20
_FILE_LIMIT = 1024 * _MEBIBYTE
_TRIES = 2
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class Unreachable(AgentError):
    """A publisher's download failed; another source may succeed.

    It cannot be reached, does not have the file, or the transfer tore.
    """

    reason = "ReleaseUnavailable"
    transient = True


class ChecksumMismatch(AgentError):
    """What was downloaded is not what the publisher or the lock promises."""

    reason = "ChecksumMismatch"


class DiskFull(AgentError):
    """There is no room for the file."""

    reason = "DiskFull"


def is_full(error: OSError) -> bool:
    """Whether an error means that there is no room."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def architecture() -> str:
    """This machine's, as publishers spell it."""
    machine = platform.machine().lower()
    return _ARCHITECTURES.get(machine, machine)


class Downloader:
    """Fetches releases; remembers a dead network as long as it lives.

    Args:
        probe_seconds: for the first request, in all.
        timeout_seconds: for every later connection and read.
    """

    def __init__(self, *, probe_seconds: float = 3.0, timeout_seconds: float = 20.0) -> None:
        self._probe_seconds = probe_seconds
        self._timeout = timeout_seconds
        self._alive: bool | None = None  # not known before the first request
        self._opener = urllib.request.build_opener(_StayEncrypted())

    @property
    def dead(self) -> bool:
        """Whether the network turned out not to be there."""
        return self._alive is False

    def fetch(self, tool: Tool, into: Path, detail: Detail = lambda _: None) -> str:
        """Downloads and verifies a tool's program, and returns its URL.

        Args:
            tool: what to fetch.
            into: the file to write; its folder is also the scratch space.
            detail: called with the progress.

        Raises:
            Unreachable: no network, no such file, no digest, or a torn transfer.
            ChecksumMismatch: the file is not the promised one.
            DiskFull: it does not fit.
        """
        names = {"version": tool.version, "arch": architecture()}
        url = tool.release.url.format(**names)
        self._probe(url if tool.release.sha256.get(names["arch"]) else tool.release.checksums.format(**names))
        promised = self._promised(tool, url, names)
        archive = into.with_name(f"{into.name}.download")
        try:
            self._transfer(url, archive, promised, detail)
            if tool.release.member:
                _extract(archive, tool.release.member.format(**names), into)
            else:
                archive.replace(into)
        except OSError as error:
            if is_full(error):
                raise DiskFull(f"no room for {tool.name} in {into.parent}: {error.strerror}", tool=tool.name) from error
            raise
        finally:
            archive.unlink(missing_ok=True)
        return url

    def _promised(self, tool: Tool, url: str, names: dict[str, str]) -> str:
        pinned = tool.release.sha256.get(names["arch"])
        if pinned:
            return pinned
        file = unquote(urlsplit(url).path.rpartition("/")[2])
        source = tool.release.checksums.format(**names)
        digest = find_digest(self._read(source), tool.release.spelling, file)
        if digest is None:
            raise Unreachable(f"{source} has no SHA-256 for {file}: it cannot be verified", tool=tool.name)
        return digest

    def _read(self, url: str) -> str:
        with self._open(url, self._timeout) as response:
            return str(_read_chunk(response, url).decode("utf-8", "replace"))

    def _transfer(self, url: str, into: Path, promised: str, detail: Detail) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                digest = self._copy(url, into, detail)
                break
            except Unreachable:
                if attempt == _TRIES:
                    raise
        if digest != promised:
            text = f"{url} has SHA-256 {digest}, promised was {promised}: nothing was installed"
            raise ChecksumMismatch(text, url=url, found=digest, promised=promised)

    def _copy(self, url: str, into: Path, detail: Detail) -> str:
        digest, size = hashlib.sha256(), 0
        with self._open(url, self._timeout) as response, into.open("wb") as file:
            announced = int(response.headers.get("Content-Length") or 0)
            while chunk := _read_chunk(response, url):
                size += len(chunk)
                if size > _FILE_LIMIT:
                    raise Unreachable(f"{url} is larger than {_FILE_LIMIT // _MEBIBYTE} MiB")
                digest.update(chunk)
                file.write(chunk)
                detail(f"{size // _MEBIBYTE} of {announced // _MEBIBYTE} MiB")
        if announced and size != announced:
            raise Unreachable(f"{url} ended after {size} of {announced} bytes")
        return digest.hexdigest()

    def _probe(self, url: str) -> None:
        """Checks once whether the network is available.

        Name lookups cannot be given a time-out, so a thread has to try.
        """
        if self._alive is None:
            done = threading.Event()
            trouble: list[AgentError] = []

            def connect() -> None:
                try:
                    self._open(url, self._probe_seconds).close()
                except AgentError as error:
                    trouble.append(error)
                done.set()

            threading.Thread(target=connect, name="download-probe", daemon=True).start()
            in_time = done.wait(self._probe_seconds)
            self._alive = in_time and all(error.facts.get("answered") for error in trouble)
            if not in_time:
                raise Unreachable(f"no answer from {urlsplit(url).hostname} within {self._probe_seconds:g} s")
            if not self._alive:
                raise trouble[0]
        elif not self._alive:
            raise Unreachable("the network was not there a moment ago")

    def _open(self, url: str, seconds: float) -> Any:
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise Unreachable(f"{url} is not encrypted")
        try:
            return self._opener.open(url, timeout=seconds)
        except urllib.error.HTTPError as error:
            error.close()
            raise Unreachable(f"{url} answered {error.code} {error.reason}", answered=True) from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise Unreachable(f"{parts.hostname} cannot be reached: {reason}") from error


class _StayEncrypted(urllib.request.HTTPRedirectHandler):
    """Follows no redirection from https to anything else."""

    def redirect_request(  # noqa: PLR0917 - the signature is the library's
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        """The request that follows, or an error."""
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError(f"redirected to {newurl}, which is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _read_chunk(response: Any, url: str) -> bytes:
    """The next chunk; network faults differ from disk faults."""
    try:
        return bytes(response.read(_CHUNK))
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"the transfer of {url} tore: {error}") from error


def _extract(archive: Path, member: str, into: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            source = tar.extractfile(member)
            if source is None:
                raise Unreachable(f"{member} in {archive.name} is no file")
            with into.open("wb") as file:
                while chunk := source.read(_CHUNK):
                    file.write(chunk)
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise Unreachable(f"the archive holds no usable {member}: {error}") from error
