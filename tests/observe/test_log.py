from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator

import pytest
import structlog

from gitops_agent.errors import AgentError, ProcessError
from gitops_agent.observe.log import configure, logger


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


CANARY = "canary7f3a9c51"
HOSTILE = f"cannot fetch https://robot:{CANARY}@git.example.com: DB_PASSWORD={CANARY}"


def errors(kind: type[AgentError] = AgentError) -> Iterator[type[AgentError]]:
    """Every class of the tree of errors."""
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == AgentError.__module__:
            yield from errors(below)


def raise_from_cause(kind: type[AgentError]) -> None:
    """Raises an error whose message and cause quote a credential."""
    cause = ConnectionError(HOSTILE)
    if kind is ProcessError:
        raise ProcessError(HOSTILE, command=(HOSTILE,), returncode=1, stderr=HOSTILE) from cause
    raise kind(HOSTILE) from cause


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_line_shows_a_credential_that_an_error_or_a_fact_quotes(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure("debug", form)
    kinds = list(errors())
    for kind in kinds:
        try:
            raise_from_cause(kind)
        except AgentError as error:
            logger("test").exception("failed", error=error)
            logger("test").debug(HOSTILE, facts={"list": [HOSTILE], "url": HOSTILE}, error=error, answer=HOSTILE.encode())
            logging.getLogger("of others").warning("failed: %s", HOSTILE, exc_info=error)
    written = capsys.readouterr().err

    assert CANARY not in written
    assert written.count("git.example.com") >= 5 * len(kinds)


def fail(token: str) -> None:
    raise RuntimeError("it did not work")


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_no_local_variables(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    secret = uuid.uuid4().hex
    configure("info", form)
    try:
        fail(secret)
    except RuntimeError as error:
        logger("test").exception("failed", error=error)
    written = capsys.readouterr().err

    assert "it did not work" in written
    assert secret not in written
