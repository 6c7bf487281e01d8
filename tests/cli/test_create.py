from __future__ import annotations

import pytest

from gitops_agent.api.parse import parse
from gitops_agent.manifest.yaml import load_all
from tests.cli.cluster_env import ClusterEnv
from tests.cli.conftest import Run

REPOSITORY = "https://git.example.com/config.git"


def exported(run: Run, *words: str) -> dict[str, object]:
    result = run("create", "shop", "--repo", REPOSITORY, *words, "--export")
    assert (result.code, result.stderr) == (0, "")
    (document,) = load_all(result.stdout.encode(), file="stdout")
    assert isinstance(document, dict)
    parse(document)
    return document


def test_an_export_holds_nothing_but_what_was_given(run: Run) -> None:
    assert exported(run) == {
        "apiVersion": "gitops-agent.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": "gitops-system"},
        "spec": {"source": {"repoURL": REPOSITORY, "ref": {"branch": "main"}, "path": "."}},
    }


def test_every_option_becomes_its_field(run: Run) -> None:
    words = (
        *("--path", "apps/shop", "--semver", "^1.2", "--secret", "git", "--dest-namespace", "shop", "--create-namespace"),
        *("--service-account", "deployer", "--values", "apps/shop/values-production.yaml", "--mode", "manual"),
        *("--interval", "1m", "--no-prune", "--depends-on", "crds", "--orphan", "-l", "team=shop", "-n", "team"),
    )

    document = exported(run, *words)

    assert document["metadata"] == {"name": "shop", "namespace": "team", "labels": {"team": "shop"}}
    assert document["spec"] == {
        "source": {"repoURL": REPOSITORY, "ref": {"semver": "^1.2"}, "path": "apps/shop", "secretRef": {"name": "git"}},
        "render": {"helm": {"valuesFiles": ["apps/shop/values-production.yaml"]}},
        "destination": {"namespace": "shop", "createNamespace": True},
        "serviceAccountName": "deployer",
        "sync": {"mode": "manual", "interval": "1m", "prune": False},
        "dependsOn": [{"name": "crds"}],
        "deletionPolicy": "orphan",
    }


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--branch", "main", "--tag", "v1"), "needs exactly one of branch, tag, semver and commit"),
        (("--create-namespace",), "createNamespace needs a namespace"),
        (("--interval", "soon"), "spec.sync.interval"),
        (("-l", "team"), "say NAME=VALUE"),
    ],
)
def test_what_the_agent_would_refuse_is_refused_here(run: Run, words: tuple[str, ...], text: str) -> None:
    result = run("create", "shop", "--repo", REPOSITORY, *words)

    assert (result.code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert text in result.stderr


@pytest.mark.cluster
def test_an_application_is_created_once_and_never_changed(stage: ClusterEnv, run: Run) -> None:
    first = run("create", "shop", "--repo", REPOSITORY, "--path", "apps/shop")
    second = run("create", "shop", "--repo", REPOSITORY, "--path", "apps/other")

    assert (first.code, first.stdout) == (0, "application.gitops-agent.dev/shop\n")
    assert "gitops-agent wait shop" in first.stderr
    assert second.code == 2
    assert "exists in namespace" in second.stderr
    assert "--export" in second.stderr
    assert stage.get("shop")["spec"]["source"]["path"] == "apps/shop"
