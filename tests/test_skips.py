from __future__ import annotations

import pytest

from tests.skips import unlisted

pytest_plugins = ["pytester"]

_LISTED = "no Git bundle flux in /somewhere (GITOPS_AGENT_CORPUS names the folder): this public repository is not tried"


def test_only_reasons_of_the_table_are_listed() -> None:
    assert unlisted([_LISTED, "sshd is not installed"]) == ["sshd is not installed"]


@pytest.mark.parametrize(
    ("ci", "reason", "code"),
    [
        ("true", "sshd is not installed", pytest.ExitCode.TESTS_FAILED),
        ("true", _LISTED, pytest.ExitCode.OK),
        ("", "sshd is not installed", pytest.ExitCode.OK),
    ],
)
def test_in_ci_a_skip_that_is_not_listed_fails_the_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, reason: str, code: pytest.ExitCode
) -> None:
    monkeypatch.setenv("CI", ci)
    pytester.makeconftest("from tests.conftest import pytest_sessionfinish, pytest_terminal_summary")
    pytester.makepyfile(f"import pytest\n\ndef test_it():\n    pytest.skip({reason!r})\n")

    assert pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:xdist").ret == code
