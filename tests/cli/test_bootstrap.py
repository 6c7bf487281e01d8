from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import load_all
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.cli.conftest import Run, Said

pytestmark = pytest.mark.slow
REPOSITORY = ("--repo", "https://git.example.com/config.git", "--path", "clusters/a")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("-n", "elsewhere"), "the agent installs into gitops-system"),
        (("--print", "--dry-run"), "exclude each other"),
        (("--credential", "password=x"), "name the Secret that holds it with --secret"),
        (("--secret", "git", "--credential", "password"), "say KEY=FILE"),
        (("--secret", "git", "--credential", "password=/nowhere"), "/nowhere cannot be read"),
        (("--timeout", "soon"), "--timeout soon"),
    ],
)
def test_options_are_checked_before_the_cluster_is_asked(run: Run, words: tuple[str, ...], text: str) -> None:
    result = run("bootstrap", *REPOSITORY, "--kubeconfig", "/nowhere", *words)

    assert (result.code, result.stdout) == (2, "")
    assert text in result.stderr


def test_a_key_that_is_no_credential_is_refused_without_its_value(run: Run, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a secret value")

    result = run("bootstrap", *REPOSITORY, "--secret", "git", "--credential", f"passwort={tmp_path / 'key'}")

    assert result.code == 2
    assert "it has none of the keys username, password" in result.stderr
    assert "a secret value" not in result.stderr


def test_a_cluster_that_does_not_answer_ends_it(run: Run, tmp_path: Path) -> None:
    result = run("bootstrap", *REPOSITORY, "--image", "agent:1", "--kubeconfig", str(tmp_path / "none"))

    assert result.code == 2
    assert "kubeconfig" in result.stderr


@pytest.mark.cluster
class TestPrinted:
    """What `--print` and `--write` give of the files."""

    @pytest.fixture
    def bootstrap(self, control_plane: ControlPlane, run: Run) -> Run:
        return lambda *words: run("bootstrap", *REPOSITORY, "--kubeconfig", str(control_plane.kubeconfig), *words)

    def test_the_files_are_printed_with_their_paths_and_the_cluster(self, control_plane: ControlPlane, bootstrap: Run) -> None:
        result: Said = bootstrap("--print", "--image", "registry.example.com/agent:1", "--secret", "git")
        uid = control_plane.request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]

        documents: list[Object] = load_all(result.stdout.encode(), file="stdout")
        (root,) = (document for document in documents if document.get("kind") == "Application")
        assert result.code == 0
        assert root["spec"]["destination"]["clusterUID"] == uid
        assert root["spec"]["source"]["secretRef"] == {"name": "git"}
        assert "# clusters/a/gitops-agent/root.yaml\n" in result.stdout

    def test_a_path_that_the_agent_would_refuse_is_refused(self, bootstrap: Run) -> None:
        result = bootstrap("--print", "--image", "agent:1", "--path", "../elsewhere")

        assert result.code == 2
        assert "spec.source.path" in result.stderr

    def test_a_folder_that_is_no_clone_is_refused(self, bootstrap: Run, tmp_path: Path) -> None:
        result = bootstrap("--write", str(tmp_path), "--image", "agent:1")

        assert (result.code, list(tmp_path.iterdir())) == (2, [])
        assert "it is not a clone of a Git repository" in result.stderr
