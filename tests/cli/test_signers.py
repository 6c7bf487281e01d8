from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gitops_agent.cli.main import cli
from gitops_agent.errors import AgentError, UsageError

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKzcYKI0PsMlpAOb6EePmDKKqIzr0rMMJ1bQsGvpiEnx"
FINGERPRINT = "SHA256:"


def run(*files: Path, output: str = "json") -> tuple[int, list[dict[str, str]], str]:
    result = CliRunner().invoke(cli, ["signers", "check", *map(str, files), "-o", output], obj={"verbose": False})
    if isinstance(result.exception, AgentError):
        raise result.exception
    return result.exit_code, json.loads(result.stdout or "[]"), result.stderr


def test_each_line_is_explained_with_its_end(tmp_path: Path) -> None:
    file = tmp_path / "allowed_signers"
    file.write_text(
        f'a@example.com namespaces="git",valid-before="20200101" {ED25519}\n'
        f'b@example.com namespaces="git",valid-before="29990101" {ED25519}\n'
        f'c@example.com valid-after="29990101" {ED25519}\n'
        f'd@example.com namespaces="file" {ED25519}\n'
        f"*@example.com cert-authority {ED25519}\n"
    )

    code, rows, _ = run(file)

    assert code == 0
    assert [(row["who"], row["kind"], row["state"]) for row in rows] == [
        ("a@example.com", "SSH", "ended on 2020-01-01"),
        ("b@example.com", "SSH", "counts until 2999-01-01"),
        ("c@example.com", "SSH", "begins to count on 2999-01-01"),
        ("d@example.com", "SSH", "does not sign for Git (namespaces file)"),
        ("*@example.com", "SSH authority", "counts"),
    ]
    assert all(row["key"].startswith(FINGERPRINT) for row in rows)


def test_files_that_let_no_commit_through_are_an_alarm(tmp_path: Path) -> None:
    file, other = tmp_path / "allowed_signers", tmp_path / "notes"
    file.write_text(f'a@example.com valid-before="20200101" {ED25519}\n')
    other.write_text("who is who")

    code, _, messages = run(file, other)

    assert code == 3
    assert "no signer counts today" in messages
    assert "notes is none of the names that are read" in messages


def test_a_scope_and_a_list_of_revoked_keys_are_mentioned(tmp_path: Path) -> None:
    (tmp_path / "a.sshpub").write_text(ED25519)
    (tmp_path / "revoked_keys").write_text(ED25519)
    _, (row,), _ = run(tmp_path / "a.sshpub")
    (tmp_path / "scopes.yaml").write_text(f"- {{key: '{row['key']}', paths: [apps/*/kustomization.yaml]}}\n")

    _, _, messages = run(*tmp_path.iterdir())

    assert f"{row['key']} may change only apps/*/kustomization.yaml" in messages
    assert "revoked_keys is given" in messages


def test_what_a_secret_would_be_refused_for_is_the_error(tmp_path: Path) -> None:
    file = tmp_path / "allowed_signers"
    file.write_text("a ssh-dss AAAA\n")

    with pytest.raises(AgentError, match='these files: allowed_signers line 1: no key type "ssh-dss" any more'):
        run(file)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "allowed_signers").write_text("")
    with pytest.raises(UsageError, match="two files have one name"):
        run(file, tmp_path / "more" / "allowed_signers")
