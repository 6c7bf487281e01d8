from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitops_agent.api.parse import parse
from gitops_agent.manifest.yaml import dump_all, load_all
from tests.cli.conftest import Run
from tests.importer.peers import objects
from tests.importer.test_argo import application
from tests.importer.test_flux import KUSTOMIZATION, kustomizations

REPOSITORY_SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: config, namespace: argocd, labels: {argocd.argoproj.io/secret-type: repository}}
stringData: {url: 'git@git.example.com:config.git', sshPrivateKey: KEY, enableLfs: 'true'}
"""
KNOWN_HOSTS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-ssh-known-hosts-cm, namespace: argocd}
data: {ssh_known_hosts: git.example.com ssh-ed25519 AAAA}
"""


@pytest.fixture
def flux_files(tmp_path: Path) -> Path:
    folder = tmp_path / "flux"
    folder.mkdir()
    (folder / "all.yaml").write_text(dump_all(kustomizations()))
    (folder / "template.yaml").write_text("{{ if .Values.x }}")
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "b.yaml").write_text(KUSTOMIZATION)
    return folder


def test_resources_are_printed(flux_files: Path, run: Run) -> None:
    result = run("import", "flux", "--offline", "-f", str(flux_files))

    assert result.code == 0
    (obj,) = load_all(result.stdout.encode())
    assert parse(obj).spec.source.path == "apps/shop"
    assert result.stderr == "2 objects of Flux read, 1 resource written, every field has an equivalent\n"


def test_a_directory_gets_resources_and_a_report(flux_files: Path, tmp_path: Path, run: Run) -> None:
    result = run("import", "flux", "--offline", "-f", str(flux_files), "-o", str(tmp_path / "out"))

    names = ["resources/gitops-system.application.shop.yaml", "report.md", "report.json"]
    assert result.lines == [str(tmp_path / "out" / name) for name in names]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["tool"], report["complete"]) == ("flux", True)
    assert (tmp_path / "out" / "report.md").read_text().startswith("# Import from Flux\n")


def test_an_object_without_an_equivalent_is_exit_code_3(tmp_path: Path, run: Run) -> None:
    (tmp_path / "a.yaml").write_text(KUSTOMIZATION)

    result = run("import", "flux", "--offline", "-f", str(tmp_path / "a.yaml"))

    assert result.code == 3
    assert "not imported: kustomize.toolkit.fluxcd.io/Kustomization:flux-system/shop: GitRepository" in result.stderr


def test_what_this_version_refuses_is_written_apart_and_suspended(tmp_path: Path, run: Run) -> None:
    refused = application(source={"repoURL": "http://git.example.com/config.git", "targetRevision": "main", "path": "."})
    (tmp_path / "a.yaml").write_text(dump_all([refused]))

    result = run("import", "argo", "--offline", "-f", str(tmp_path / "a.yaml"), "-o", str(tmp_path / "out"))

    assert result.code == 3
    assert "refused by this version" in result.stderr
    assert not (tmp_path / "out" / "resources").exists()
    (obj,) = load_all((tmp_path / "out" / "waiting" / "gitops-system.application.shop.yaml").read_bytes())
    assert obj["spec"]["suspend"]["reason"].startswith("waits for spec.source")


def test_credentials_are_copied_with_our_keys_when_asked_for(tmp_path: Path, run: Run) -> None:
    app = application(source={"repoURL": "git@git.example.com:config.git", "targetRevision": "main", "path": "."})
    (tmp_path / "a.yaml").write_text(dump_all([app, *objects(REPOSITORY_SECRET), *objects(KNOWN_HOSTS)]))
    command = ("import", "argo", "--offline", "-f", str(tmp_path / "a.yaml"), "-o", str(tmp_path / "out"))

    assert run(*command).code == 0
    assert not (tmp_path / "out" / "secrets").exists()
    assert run(*command, "--with-secrets").code == 0

    path = tmp_path / "out" / "secrets" / "gitops-system.secret.config.yaml"
    (secret,) = load_all(path.read_bytes())
    assert secret["stringData"] == {"identity": "KEY", "known_hosts": "git.example.com ssh-ed25519 AAAA"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert (path.parent / ".gitignore").read_text() == "*\n"
    (resource,) = load_all((tmp_path / "out" / "resources" / "gitops-system.application.shop.yaml").read_bytes())
    assert resource["spec"]["source"]["secretRef"] == {"name": "config"}
    assert "KEY" not in (tmp_path / "out" / "report.md").read_text()
    assert "| `data.enableLfs` |  | none |" in (tmp_path / "out" / "report.md").read_text()


def test_a_list_of_objects_is_read(tmp_path: Path, run: Run) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": kustomizations()}
    (tmp_path / "list.yaml").write_text(dump_all([items]))

    assert run("import", "flux", "--offline", "-f", str(tmp_path / "list.yaml")).code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-f", "gone.yaml"), "gone.yaml does not exist"),
        (("-f", ".", "--all"), "--file and --all exclude each other"),
        (("--all", "-n", "x"), "--all and --namespace exclude each other"),
        (("-f", ".", "--with-secrets"), "--with-secrets needs --output-directory"),
    ],
)
def test_a_wrong_command_line_is_refused(words: tuple[str, ...], message: str, run: Run) -> None:
    result = run("import", "flux", *words)

    assert result.code == 2
    assert message in result.stderr


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, run: Run) -> None:
    (tmp_path / "a.yaml").write_text("a: [")

    result = run("import", "argo", "-f", str(tmp_path / "a.yaml"))

    assert result.code == 2
    assert "a.yaml cannot be read" in result.stderr


def test_nothing_to_import_is_said(tmp_path: Path, run: Run) -> None:
    result = run("import", "argo", "-f", str(tmp_path))

    assert (result.code, result.stdout, result.stderr) == (0, "", "there is nothing to import\n")
