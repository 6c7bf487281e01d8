from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator

import pytest
import structlog

from gitops_agent.observe.log import configure, logger


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


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
