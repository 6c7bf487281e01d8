from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.credentials import Credentials
from gitops_agent.source.git_auth import access, sweep
from gitops_agent.source.repository import Repository

HTTPS = Repository(url="https://git.example.com:8443/config.git")
SSH = Repository(url="ssh://git@git.example.com/config.git")
HARD = "p\"a\\s's w;o#r$d `id` %41"


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def _config(setting_file: str, name: str, url: str = "https://git.example.com:8443/config.git") -> str:
    done = subprocess.run(
        ["git", "config", "--file", setting_file, "--get-urlmatch", name, url], check=False, capture_output=True, text=True
    )
    return done.stdout.rstrip("\n")


def test_credentials_lie_in_private_files_for_as_long_as_the_call(scratch: Path) -> None:
    with access(HTTPS, Credentials(username="ada", password=HARD, ca="CA", cert="CERT", key="KEY")) as setting:
        (directory,) = scratch.iterdir()
        assert directory.stat().st_mode & 0o777 == 0o700
        assert {file.stat().st_mode & 0o777 for file in directory.iterdir()} == {0o600}
        assert not any(HARD in text for text in (*setting.environment.values(), *setting.config))
        assert HARD in setting.secrets

    assert list(scratch.iterdir()) == []


def test_the_directory_goes_away_when_the_call_fails(scratch: Path) -> None:
    with pytest.raises(KeyError), access(HTTPS, Credentials(username="ada", password=HARD)):
        raise KeyError
    assert list(scratch.iterdir()) == []


def test_git_gives_the_password_to_the_host_it_is_for_and_to_no_other() -> None:
    with access(HTTPS, Credentials(username="ada", password=HARD)) as setting:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            **setting.environment,
        }

        def ask(host: str, protocol: str = "https") -> str:
            question = f"protocol={protocol}\nhost={host}\n\n"
            done = subprocess.run(
                ["git", "credential", "fill"], input=question, env=environment, capture_output=True, text=True, check=False
            )
            return done.stdout

        assert f"username=ada\npassword={HARD}\n" in ask("git.example.com:8443")
        for host in ("git.example.com", "git.example.com:444", "evil.example.com:8443", "git.example.com.evil:8443"):
            assert "password" not in ask(host)
        assert "password" not in ask("git.example.com:8443", "http")


def test_a_bearer_token_is_a_header_for_its_host_and_redirects_are_refused() -> None:
    with access(HTTPS, Credentials(bearer_token='to"k\\en')) as setting:
        file = setting.environment["GIT_CONFIG_GLOBAL"]
        assert _config(file, "http.extraHeader") == 'Authorization: Bearer to"k\\en'
        assert _config(file, "http.extraHeader", "https://other.example.com/") == ""
        assert _config(file, "http.followRedirects") == "false"


def test_redirects_are_followed_once_with_a_password_and_never_with_a_certificate() -> None:
    with access(HTTPS, Credentials(username="ada", password=HARD)) as setting:
        assert _config(setting.environment["GIT_CONFIG_GLOBAL"], "http.followRedirects") == "initial"
    with access(HTTPS, Credentials(cert="CERT", key="KEY")) as setting:
        assert _config(setting.environment["GIT_CONFIG_GLOBAL"], "http.followRedirects") == "false"


def test_only_the_protocol_of_the_repository_is_allowed() -> None:
    with access(HTTPS, None) as setting:
        assert setting.environment["GIT_ALLOW_PROTOCOL"] == "https"
    with access(SSH, Credentials(identity="KEY", known_hosts="host key")) as setting:
        assert setting.environment["GIT_ALLOW_PROTOCOL"] == "ssh"


def test_a_proxy_is_used_and_its_password_is_neither_shown_nor_handed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://ada:proxy-4711@proxy.example.com:3128")
    monkeypatch.setenv("NO_PROXY", "internal.example.com")

    with access(HTTPS, None) as setting:
        assert _config(setting.environment["GIT_CONFIG_GLOBAL"], "http.proxy").endswith("@proxy.example.com:3128")
        assert "proxy-4711" in setting.secrets
        assert not any("proxy-4711" in value for value in setting.environment.values())
        assert setting.environment["NO_PROXY"] == "internal.example.com"


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        (None, "known_hosts"),
        (Credentials(identity="KEY"), "known_hosts"),
        (Credentials(identity="KEY", known_hosts=" \n"), "known_hosts"),
        (Credentials(known_hosts="host key"), "identity"),
    ],
)
def test_ssh_without_known_hosts_or_key_is_refused_before_anything_runs(credentials: Credentials | None, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught, access(SSH, credentials):
        pass
    assert caught.value.reason == "AuthenticationFailed"


def test_an_ssh_key_for_an_https_url_is_reported() -> None:
    with pytest.raises(SourceError, match="the URL is https"), access(HTTPS, Credentials(identity="KEY")):
        pass


def test_ssh_reads_no_configuration_but_the_one_of_the_call() -> None:
    with access(SSH, Credentials(identity="KEY\r\nKEY", known_hosts="host key")) as setting:
        command = setting.environment["GIT_SSH_COMMAND"]
        text = Path(command.removeprefix("ssh -F ").strip("'")).read_text()
        for line in (
            "StrictHostKeyChecking yes",
            "GlobalKnownHostsFile",
            "IdentitiesOnly yes",
            "IdentityAgent none",
            "BatchMode yes",
        ):
            assert line in text
        assert (Path(command.removeprefix("ssh -F ")).parent / "identity").read_bytes() == b"KEY\nKEY\n"
        assert "SSH_ASKPASS" not in setting.environment


def test_what_a_killed_process_left_behind_is_swept_away_and_nothing_else(scratch: Path) -> None:
    left = scratch / "gitops-agent-access-left"
    fresh = scratch / "gitops-agent-access-fresh"
    other = scratch / "other"
    for directory in (left, fresh, other):
        directory.mkdir()
        (directory / "store").write_text("secret")
    outside = scratch / "outside"
    outside.mkdir()
    (scratch / "gitops-agent-access-link").symlink_to(outside)
    with access(HTTPS, Credentials(username="ada", password=HARD)) as setting:
        used = Path(setting.environment["GIT_CONFIG_GLOBAL"]).parent
        for directory in (left, other, used, outside):
            os.utime(directory, (1, 1))

        sweep()

        assert not left.exists()
        assert used.exists()
    assert fresh.exists()
    assert other.exists()
    assert outside.exists()
