from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.errors import NotFound
from gitops_agent.install import bundle
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.marks import FINALIZER, marked
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.acceptance.installed_agent import apply, path
from tests.cli.conftest import Run, Said
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

NAMESPACE = "/api/v1/namespaces/gitops-system"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SHOP = AppKey("gitops-system", "shop")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of its own, since CRDs are shared."""
    with ControlPlane.start(tmp_path_factory.mktemp("uninstall") / "plane", tied=True) as plane:
        yield plane


@pytest.fixture
def uninstall(cluster: ControlPlane, run: Run) -> Run:
    """Runs the command against that control plane."""
    return lambda *words: run("uninstall", "--kubeconfig", str(cluster.kubeconfig), *words)


@pytest.fixture
def installed(cluster: ControlPlane, run: Run) -> ControlPlane:
    """An installation with an Application and its ConfigMap."""
    code = run("install", "--apply", "--kubeconfig", str(cluster.kubeconfig)).code
    assert code == 0
    eventually(lambda: cluster.request("GET", "/apis/gitops-agent.dev/v1alpha1/applications"))
    source = {"repoURL": "https://git.example.com/config.git", "ref": {"branch": "main"}, "path": "shop"}
    application: Object = {
        "apiVersion": "gitops-agent.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": SHOP.name, "namespace": SHOP.namespace, "finalizers": [FINALIZER]},
        "spec": {"source": source, "destination": {"namespace": "default"}},
    }
    eventually(lambda: apply(cluster, application))
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "default"}}
    apply(cluster, marked(config_map, application=SHOP, digest="d", revision="r"), manager="gitops-agent")
    return cluster


def exists(cluster: ControlPlane, place: str) -> bool:
    try:
        cluster.request("GET", place)
    except NotFound:
        return False
    return True


WORKLOAD = "/api/v1/namespaces/default/configmaps/web"


def leftovers(cluster: ControlPlane) -> list[str]:
    """Every cluster-wide part that is still there."""
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    names = [
        item["metadata"]["name"]
        for place in (CRDS, f"{rbac}/clusterroles", f"{rbac}/clusterrolebindings")
        for item in cluster.request("GET", place)["items"]
    ]
    return [name for name in names if "gitops-agent" in name]


def test_uninstalling_keeps_the_workloads_and_leaves_no_namespace(installed: ControlPlane, uninstall: Run) -> None:
    result = uninstall("--yes")

    assert (result.code, result.lines[-1]) == (0, "gitops-agent is uninstalled from gitops-system")
    assert exists(installed, WORKLOAD)
    assert not exists(installed, NAMESPACE)
    assert leftovers(installed) == []
    assert uninstall("--yes").stdout == "nothing is installed in gitops-system\n"


def test_pruning_has_to_be_asked_for_and_deletes_the_objects_first(installed: ControlPlane, uninstall: Run) -> None:
    result = uninstall("--yes", "--prune")

    assert "- deleted: 1 ConfigMap of shop" in result.lines
    assert (result.code, result.lines[-1]) == (0, "gitops-agent is uninstalled from gitops-system")
    assert not exists(installed, WORKLOAD)
    assert not exists(installed, NAMESPACE)


def test_a_dry_run_shows_what_is_removed_and_kept_and_changes_nothing(installed: ControlPlane, uninstall: Run) -> None:
    result = uninstall("--dry-run")

    assert result.code == 0
    assert "- Namespace:gitops-system" in result.lines
    assert "- Application shop" in result.lines
    assert "= kept: 1 ConfigMap of shop" in result.lines
    assert exists(installed, NAMESPACE)


def test_an_agent_that_git_manages_is_named_with_its_directory(installed: ControlPlane, uninstall: Run) -> None:
    (deployment,) = (obj for obj in bundle.manifests(bundle.Flavour.FULL) if obj["kind"] == "Deployment")
    apply(installed, marked(deployment, application=SHOP, digest="d", revision="r"), manager="gitops-agent")

    result = uninstall("--dry-run")

    assert "note: Git manages this agent, by shop of https://git.example.com/config.git: the files stay there" in result.stderr
    assert "= kept: 1 ConfigMap of shop" in result.lines


def test_without_a_terminal_it_asks_for_a_flag(installed: ControlPlane, uninstall: Run) -> None:
    result: Said = uninstall()

    assert result.code == 2
    assert "--yes" in result.stderr
    assert exists(installed, NAMESPACE)


def test_a_namespace_with_objects_of_another_origin_stays(installed: ControlPlane, uninstall: Run) -> None:
    stranger = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "notes", "namespace": "gitops-system"}}
    apply(installed, stranger)

    result = uninstall("--yes")

    assert "= kept: Namespace gitops-system, because it holds ConfigMap:gitops-system/notes" in result.lines
    assert exists(installed, path(stranger))
    assert leftovers(installed) == []
    installed.request("DELETE", path(stranger))
