from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from gitops_agent import config
from gitops_agent.config.settings import LeaderSettings, Settings, paths, sections, variable
from gitops_agent.errors import UsageError


def test_a_path_has_its_variable() -> None:
    assert variable("source.allowFile") == "GITOPS_AGENT_SOURCE__ALLOW_FILE"


def test_every_path_has_a_variable_of_its_own() -> None:
    assert len({variable(path) for path in paths()}) == len(paths())


def test_every_setting_says_what_it_is_for() -> None:
    silent = [
        f"{name}.{field}"
        for name, model in sections().items()
        for field, info in model.model_fields.items()
        if not info.description
    ]

    assert silent == []


def test_every_setting_is_read() -> None:
    """A setting that nothing reads is an empty promise."""
    package = Path(config.__file__).parents[1]
    read = {
        match
        for path in package.rglob("*.py")
        if path.parent.name != "config"
        for match in re.findall(r"\bsettings\.([a-z]+\.[a-z_]+)", path.read_text())
    }

    assert {f"{name}.{field}" for name, model in sections().items() for field in model.model_fields} - read == set()


def test_a_number_carries_its_unit_or_counts_things() -> None:
    counts = {"concurrency", "max_files", "workers", "apply_concurrency", "port", "outbox_limit"}
    counts |= {"deletion_budget", "deletion_budget_percent"}
    bare = [
        field
        for model in sections().values()
        for field, info in model.model_fields.items()
        if info.annotation in {int, float} and not field.endswith(("_seconds", "_mib")) and field not in counts
    ]

    assert bare == []


def test_a_lease_survives_one_lost_renewal() -> None:
    with pytest.raises(ValidationError, match="one lost request would lose the lease"):
        LeaderSettings(duration_seconds=10, renew_seconds=6)


def test_the_cache_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert Settings().source.cache_dir == tmp_path / "gitops-agent" / "agent"


OIDC = {"issuer": "https://login.example.com", "clientID": "dashboard"}


@pytest.mark.parametrize(
    ("oidc", "address", "words"),
    [
        ({}, "https://gitops.example.com", "needs oidc.issuer, oidc.clientID$"),
        (OIDC, "", "needs server.externalURL"),
        (OIDC, "http://gitops.example.com", "needs https in server.externalURL"),
    ],
    ids=["no provider", "no address", "no TLS"],
)
def test_a_sign_in_that_cannot_work_is_refused_at_the_start(oidc: dict[str, str], address: str, words: str) -> None:
    sections = {"dashboard": {"auth": "oidc"}, "oidc": oidc, "server": {"externalURL": address}}

    with pytest.raises(UsageError, match=words):
        config.load(
            None, {}, {f"{section}.{name}": value for section, values in sections.items() for name, value in values.items()}
        )


@pytest.mark.parametrize(
    "issuer",
    [
        "http://login.example.com",
        "https://a@b",
        "https://a?b",
        "ftp://a",
        "login.example.com",
        "https://",
        "https://[",
        "https://a b",
    ],
)
def test_an_issuer_is_an_https_address(issuer: str) -> None:
    with pytest.raises(UsageError, match=r"oidc\.issuer: is no https address"):
        config.load(None, {}, {"oidc.issuer": issuer})


@pytest.mark.parametrize(
    ("dashboard", "words"),
    [
        ({"auth": "proxy"}, "the proxy proves itself by its client certificate"),
        ({"auth": "proxy", "proxyCA": "ca.crt"}, "needs dashboard.proxyCA"),
        ({"tlsCertificate": "a.crt"}, "need each other"),
        ({"proxyCA": "ca.crt"}, "is for dashboard.auth: proxy"),
        ({"auth": "guest", "guestUser": "system:admin"}, "belong to the cluster itself"),
        ({"guestGroups": "system:masters"}, "belong to the cluster itself"),
        ({"auth": "none"}, "dashboard.auth"),
    ],
    ids=["no certificates", "no own certificate", "no key", "no proxy", "a user of the cluster", "administrators", "unknown"],
)
def test_a_dashboard_that_would_trust_too_much_is_refused_at_the_start(dashboard: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        config.load(None, {}, {f"dashboard.{name}": value for name, value in dashboard.items()})
