from __future__ import annotations

import base64
import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.sources import Credentials, Sources
from tests.source.author import Author
from tests.source.certificates import Certificates
from tests.source.conftest import MAIN
from tests.source.https import GitServer
from tests.waiting import LIMIT_SECONDS, eventually

pytestmark = pytest.mark.slow

Serve = Callable[..., GitServer]
PASSWORD = "p@ss/w:rd% 'x\"y\\z"
TOKEN = "token-4711-very-secret"


def test_a_repository_is_read_with_user_name_and_password(
    sources: Sources, author: Author, serve: Serve, certificates: Certificates
) -> None:
    commit = author.commit({"a.yaml": "a: 1\n"})
    server = serve()
    server.basic = ("ada", PASSWORD)
    repository = server.repository(secret="team/git")

    poll = sources.poll(
        repository, frozenset({MAIN}), Credentials(username="ada", password=PASSWORD, ca=certificates.text("ca.crt"))
    )

    assert poll.tips == {MAIN: commit}
    assert sources.tree(repository, commit).read("a.yaml", limit=100) == b"a: 1\n"


def test_a_repository_is_read_with_a_bearer_token(
    sources: Sources, author: Author, serve: Serve, certificates: Certificates
) -> None:
    commit = author.commit({"a.yaml": "a: 1\n"})
    server = serve()
    server.bearer = TOKEN

    poll = sources.poll(server.repository(), frozenset({MAIN}), Credentials(bearer_token=TOKEN, ca=certificates.text("ca.crt")))

    assert poll.tips == {MAIN: commit}


def test_a_repository_is_read_with_a_client_certificate(
    sources: Sources, author: Author, serve: Serve, certificates: Certificates
) -> None:
    commit = author.commit({"a.yaml": "a: 1\n"})
    server = serve(client_certificate=True)
    credentials = Credentials(
        ca=certificates.text("ca.crt"), cert=certificates.text("client.crt"), key=certificates.text("client.key")
    )

    assert sources.poll(server.repository(), frozenset({MAIN}), credentials).tips == {MAIN: commit}
    with pytest.raises(SourceError) as caught:
        sources.poll(server.repository(secret="other/one"), frozenset({MAIN}), Credentials(ca=certificates.text("ca.crt")))
    assert caught.value.facts["failure"] in {"client-certificate", "broken"}, caught.value  # the server may just hang up


def test_a_server_of_an_unknown_authority_is_refused_and_the_remedy_reported(
    sources: Sources, author: Author, serve: Serve
) -> None:
    author.commit({"a.yaml": "a: 1\n"})

    with pytest.raises(SourceError, match=r"ca\.crt") as caught:
        sources.poll(serve().repository(), frozenset({MAIN}))
    assert caught.value.facts["failure"] == "tls"


@pytest.mark.parametrize(
    "credentials",
    [{"username": "ada", "password": "wrong-" + PASSWORD}, {"bearer_token": "wrong-" + TOKEN}, {}],
    ids=["password", "token", "none"],
)
def test_wrong_credentials_are_reported_without_repeating_them(
    sources: Sources, author: Author, serve: Serve, certificates: Certificates, credentials: dict[str, Any]
) -> None:
    author.commit({"a.yaml": "a: 1\n"})
    server = serve()
    server.basic = ("ada", PASSWORD)

    with pytest.raises(SourceError) as caught:
        sources.poll(server.repository(), frozenset({MAIN}), Credentials(ca=certificates.text("ca.crt"), **credentials))

    assert caught.value.reason == "AuthenticationFailed"
    assert not caught.value.transient
    for secret in credentials.values():
        assert secret == "ada" or secret not in str(caught.value)


def test_rotated_credentials_count_from_the_next_poll_on(
    sources: Sources, author: Author, serve: Serve, certificates: Certificates
) -> None:
    author.commit({"a.yaml": "a: 1\n"})
    server = serve()
    ca = certificates.text("ca.crt")
    server.basic = ("ada", "first-password")
    sources.poll(server.repository(), frozenset({MAIN}), Credentials(username="ada", password="first-password", ca=ca))
    server.basic = ("ada", "second-password")

    with pytest.raises(SourceError):
        sources.poll(server.repository(), frozenset({MAIN}), Credentials(username="ada", password="first-password", ca=ca))
    commit = author.commit({"a.yaml": "a: 2\n"})
    poll = sources.poll(server.repository(), frozenset({MAIN}), Credentials(username="ada", password="second-password", ca=ca))

    assert poll.tips == {MAIN: commit}


@pytest.mark.parametrize(
    "credentials", [{"username": "ada", "password": "pass-4711-word"}, {"bearer_token": TOKEN}], ids=["password", "token"]
)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["other-host", "other-port"])
def test_a_redirect_elsewhere_carries_no_credentials(  # noqa: PLR0917 - fixtures
    sources: Sources, author: Author, serve: Serve, certificates: Certificates, credentials: dict[str, Any], host: str
) -> None:
    author.commit({"a.yaml": "a: 1\n"})
    honest, thief = serve(), serve()
    honest.redirect = f"https://{host}:{thief.port}"
    thief.basic = ("nobody", "knows")

    with pytest.raises(SourceError):
        sources.poll(honest.repository(), frozenset({MAIN}), Credentials(ca=certificates.text("ca.crt"), **credentials))

    assert all(given == "" for _, given in thief.seen)


def test_a_redirect_after_the_password_was_accepted_does_not_carry_it_along(
    sources: Sources, author: Author, serve: Serve, certificates: Certificates
) -> None:
    author.commit({"a.yaml": "a: 1\n"})
    honest, thief = serve(), serve()
    honest.basic = ("ada", "pass-4711-word")
    credentials = Credentials(username="ada", password="pass-4711-word", ca=certificates.text("ca.crt"))
    sources.poll(honest.repository(), frozenset({MAIN}), credentials)
    author.commit({"a.yaml": "a: 2\n"})
    honest.redirect = f"https://127.0.0.1:{thief.port}"

    sources.poll(honest.repository(), frozenset({MAIN}), credentials)

    assert thief.seen
    assert all(given == "" for _, given in thief.seen)


def test_a_redirect_is_followed_where_there_is_nothing_to_lose(
    sources: Sources, author: Author, serve: Serve, certificates: Certificates
) -> None:
    commit = author.commit({"a.yaml": "a: 1\n"})
    old, new = serve(), serve()
    old.redirect = f"https://localhost:{new.port}"

    poll = sources.poll(old.repository(), frozenset({MAIN}), Credentials(ca=certificates.text("ca.crt")))

    assert poll.tips == {MAIN: commit}


def test_a_redirect_to_a_file_is_not_followed(
    sources: Sources, author: Author, serve: Serve, certificates: Certificates
) -> None:
    author.commit({"a.yaml": "a: 1\n"})
    server = serve()
    server.redirect = f"file://{author.directory}/.."

    with pytest.raises(SourceError):
        sources.poll(server.repository(), frozenset({MAIN}), Credentials(ca=certificates.text("ca.crt")))


@pytest.mark.parametrize(
    ("status", "reason", "transient"),
    [
        (429, "SourceUnavailable", True),
        (500, "SourceUnavailable", True),
        (503, "SourceUnavailable", True),
        (403, "AuthenticationFailed", False),
        (404, "SourceFailed", False),
    ],
)
def test_each_status_of_a_failing_server_has_its_reason(  # noqa: PLR0917 - fixtures
    sources: Sources,
    author: Author,
    serve: Serve,
    certificates: Certificates,
    status: int,
    reason: str,
    transient: bool,  # noqa: FBT001
) -> None:
    commit = author.commit({"a.yaml": "a: 1\n"})
    server = serve()
    credentials = Credentials(ca=certificates.text("ca.crt"))
    sources.poll(server.repository(), frozenset({MAIN}), credentials)
    server.status = status

    with pytest.raises(SourceError) as caught:
        sources.poll(server.repository(), frozenset({MAIN}), credentials)

    assert (caught.value.reason, caught.value.transient) == (reason, transient)
    assert sources.resolve(server.repository(), MAIN).commit == commit


def test_a_pack_that_breaks_off_leaves_the_last_good_commit_and_the_next_poll_succeeds(
    sources: Sources, author: Author, serve: Serve, certificates: Certificates
) -> None:
    first = author.commit({"a.yaml": "a: 1\n"})
    server = serve()
    credentials = Credentials(ca=certificates.text("ca.crt"))
    sources.poll(server.repository(), frozenset({MAIN}), credentials)
    second = author.commit({"a.yaml": "a: 2\n", "big": os.urandom(300_000)})
    server.cut = 100_000

    with pytest.raises(SourceError) as caught:
        sources.poll(server.repository(), frozenset({MAIN}), credentials)
    assert caught.value.transient
    assert caught.value.reason == "SourceUnavailable"
    assert sources.resolve(server.repository(), MAIN).commit == first

    server.cut = 0
    assert sources.poll(server.repository(), frozenset({MAIN}), credentials).tips == {MAIN: second}


@pytest.mark.parametrize("hang", ["all", "pack"])
def test_a_hanging_server_costs_the_timeout_and_leaves_no_process(
    tmp_path: Path, author: Author, serve: Serve, certificates: Certificates, hang: str
) -> None:
    author.commit({"a.yaml": "a: 1\n"})
    server = serve()
    server.hang = hang
    sources = Sources(tmp_path / "cache", timeout_seconds=1.0)
    started = time.monotonic()

    with pytest.raises(SourceError) as caught:
        sources.poll(server.repository(), frozenset({MAIN}), Credentials(ca=certificates.text("ca.crt")))

    assert time.monotonic() - started < LIMIT_SECONDS
    assert caught.value.facts["failure"] == "timeout"
    assert caught.value.transient
    eventually(lambda: not _processes(f":{server.port}/"), what="git has ended")


def test_a_poll_that_is_no_longer_needed_ends_at_once(
    sources: Sources, author: Author, serve: Serve, certificates: Certificates
) -> None:
    author.commit({"a.yaml": "a: 1\n"})
    server = serve()
    server.hang = "all"
    cancel = threading.Event()

    def lose_interest() -> None:
        server.reached.wait(60)
        cancel.set()

    watcher = threading.Thread(target=lose_interest)
    watcher.start()
    started = time.monotonic()

    with pytest.raises(SourceError):
        sources.poll(server.repository(), frozenset({MAIN}), Credentials(ca=certificates.text("ca.crt")), cancel=cancel)

    watcher.join()
    assert time.monotonic() - started < LIMIT_SECONDS
    eventually(lambda: not _processes(f":{server.port}/"), what="git has ended")


@pytest.mark.parametrize(
    "credentials", [{"username": "ada", "password": "pass-4711-word"}, {"bearer_token": TOKEN}], ids=["password", "token"]
)
def test_no_process_shows_a_credential_and_no_file_of_the_cache_keeps_one(
    tmp_path: Path, author: Author, serve: Serve, certificates: Certificates, credentials: dict[str, Any]
) -> None:
    author.commit({"a.yaml": "a: 1\n"})
    server = serve()
    server.basic = (credentials["username"], credentials["password"]) if "password" in credentials else None
    server.bearer = credentials.get("bearer_token", "")
    server.hang = "pack"
    sources = Sources(tmp_path / "cache", timeout_seconds=20.0)
    given = Credentials(ca=certificates.text("ca.crt"), **credentials)
    cancel = threading.Event()
    shown: dict[str, list[str]] = {}

    def look() -> None:
        server.reached.wait(60)
        for part in ("cmdline", "environ"):
            shown[part] = _processes(f":{server.port}/", part, all_of_them=True)
        cancel.set()

    watcher = threading.Thread(target=look)
    watcher.start()
    with pytest.raises(SourceError) as caught:
        sources.poll(server.repository(), frozenset({MAIN}), given, cancel=cancel)
    watcher.join()

    assert any(f":{server.port}/" in line for line in shown["cmdline"])
    server.hang = ""
    sources.poll(server.repository(), frozenset({MAIN}), given)
    kept = b"".join(file.read_bytes() for file in (tmp_path / "cache").rglob("*") if file.is_file()).decode("latin-1")
    for secret in given.secrets():
        assert not any(secret in line for lines in shown.values() for line in lines)
        assert secret not in kept
        assert secret not in f"{caught.value} {caught.value.facts} {caught.value.__cause__} {given!r}"
    assert not list(Path(os.environ.get("TMPDIR", "/tmp")).glob(f"gitops-agent-access-*/{server.port}"))  # noqa: S108


def test_what_a_server_says_back_is_redacted(
    sources: Sources, author: Author, serve: Serve, certificates: Certificates
) -> None:
    author.commit({"a.yaml": "a: 1\n"})
    secret = "pass-4711-word"
    server = serve()
    server.status = 404

    with pytest.raises(SourceError) as caught:
        sources.poll(
            server.repository(f"{secret}/config.git"),
            frozenset({MAIN}),
            Credentials(username="ada", password=secret, ca=certificates.text("ca.crt")),
        )

    assert secret not in re.sub(r"https://\S+?: ", "", str(caught.value), count=1)


def _processes(mark: str, part: str = "cmdline", *, all_of_them: bool = False) -> list[str]:
    """Contents of a /proc file of processes with a mark.

    Of all but ours without one.
    """
    processes = []
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit() or directory.name == str(os.getpid()):
            continue
        try:
            text = (directory / part).read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if all_of_them or mark in text:
            processes.append(text)
    return processes


@pytest.mark.parametrize(
    ("headers", "seconds"), [({"Retry-After": "77"}, 77.0), ({"Retry-After": "999999"}, 3600.0), ({}, 60.0)]
)
def test_the_pause_that_a_server_asks_for_is_kept(  # noqa: PLR0917 - fixtures
    sources: Sources, author: Author, serve: Serve, certificates: Certificates, headers: dict[str, str], seconds: float
) -> None:
    author.commit({"a.yaml": "a: 1\n"})
    server = serve()
    server.status, server.headers = 429, headers

    with pytest.raises(SourceError) as caught:
        sources.poll(server.repository(), frozenset({MAIN}), Credentials(ca=certificates.text("ca.crt")))

    assert caught.value.facts["retry_after"] == seconds


def test_a_web_page_is_no_empty_repository(sources: Sources, author: Author, serve: Serve, certificates: Certificates) -> None:
    author.commit({"a.yaml": "a: 1\n"})
    server = serve()
    server.status, server.headers = 200, {"Content-Type": "text/html; charset=utf-8"}

    with pytest.raises(SourceError, match="answers with a web page and not with a Git repository"):
        sources.poll(server.repository(), frozenset({MAIN}), Credentials(ca=certificates.text("ca.crt")))


def test_the_trace_of_a_call_holds_no_credentials(
    sources: Sources, author: Author, serve: Serve, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    author.commit({"a.yaml": "a: 1\n"})
    server = serve()
    server.basic = ("ada", "secret-password")
    texts: list[str] = []
    read = Path.open

    def kept(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.name == "headers" and path.parent.name.startswith("gitops-agent-access-"):
            with read(path, encoding="utf-8") as stream:
                texts.append(stream.read())
        return read(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", kept)

    credentials = Credentials(ca=certificates.text("ca.crt"), username="ada", password="secret-password")
    sources.poll(server.repository(), frozenset({MAIN}), credentials)

    encoded = base64.b64encode(b"ada:secret-password").decode()
    assert texts
    assert all("secret-password" not in text and encoded not in text for text in texts)
