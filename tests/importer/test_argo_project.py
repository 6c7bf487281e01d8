from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.importer.field_table import Meaning
from gitops_agent.manifest.key import Object
from tests.importer.peers import argo, conversion, field
from tests.importer.test_argo import application

LINE = "p, proj:shops:dev, applications, {}, shops/{}, allow"


def project(**spec: Any) -> Object:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "shops", "namespace": "argocd"},
        "spec": spec,
    }


def written(**spec: Any) -> dict[str, Object]:
    """The manifests for a project with two Applications, by kind."""
    result = argo([project(**spec), application("web", project="shops"), application("api", project="shops"), application("x")])
    return {manifest["kind"]: manifest for manifest in result.manifests}


@pytest.mark.parametrize(
    ("action", "verbs"),
    [
        ("get", ["get"]),
        ("sync", ["sync", "retry"]),
        ("override", ["update", "patch"]),
        ("delete", ["delete"]),
        ("action/apps/Deployment/restart", ["promote", "abort"]),
        ("*", ["get", "update", "patch", "delete", "sync", "retry", "promote", "abort"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_role_of_people_is_a_role_on_the_applications_of_the_project(action: str, verbs: list[str]) -> None:
    made = written(roles=[{"name": "dev", "policies": [LINE.format(action, "*")], "groups": ["acme:devs"]}])

    assert made["Role"]["metadata"] == {"name": "shops-dev", "namespace": "gitops-system"}
    (rule,) = made["Role"]["rules"]
    assert (rule["resourceNames"], rule["verbs"]) == (["api", "web"], verbs)
    assert made["RoleBinding"]["subjects"] == [{"kind": "Group", "name": "acme:devs", "apiGroup": "rbac.authorization.k8s.io"}]


def test_a_policy_names_applications() -> None:
    made = written(roles=[{"name": "dev", "policies": [LINE.format("get", "w*")], "groups": ["devs"]}])

    assert made["Role"]["rules"][0]["resourceNames"] == ["web"]


def test_what_has_no_equivalent_in_rbac_is_named() -> None:
    policies = [LINE.format("get", "*").replace("allow", "deny"), "p, a, logs, get, shops/*, allow", "nonsense"]
    roles = [{"name": "dev", "policies": policies, "groups": ["devs"], "jwtTokens": [{"iat": 1}]}]

    result = argo([project(roles=roles), application("web", project="shops")])

    assert result.manifests == ()
    row = field(result, "shops", "spec.roles")
    assert row.meaning is Meaning.NONE
    assert row.note.split("; ") == [
        "shops-dev: deny get on applications has no equivalent in RBAC",
        "shops-dev: allow get on logs has no equivalent in RBAC",
        "shops-dev: no action on nothing has no equivalent in RBAC",
        "shops-dev: there are no tokens of a project",
    ]


def test_destinations_are_an_account_with_roles() -> None:
    made = written(
        destinations=[{"namespace": "shop", "server": "*"}],
        clusterResourceWhitelist=[{"group": "networking.k8s.io", "kind": "IngressClass"}],
        namespaceResourceWhitelist=[
            {"group": "networking.k8s.io", "kind": "NetworkPolicy"},
            {"group": "", "kind": "Endpoints"},
        ],
    )

    assert made["ServiceAccount"]["metadata"] == {"name": "shops", "namespace": "gitops-system"}
    assert made["Role"]["metadata"] == {"name": "shops-deploy", "namespace": "shop"}
    assert [rule["resources"] for rule in made["Role"]["rules"]] == [["networkpolicies"], ["endpoints"]]
    assert made["ClusterRole"]["rules"][0]["resources"] == ["ingressclasses"]
    assert made["RoleBinding"]["subjects"] == [{"kind": "ServiceAccount", "name": "shops", "namespace": "gitops-system"}]


def test_a_project_that_restricts_nothing_needs_no_account() -> None:
    assert (
        written(destinations=[{"namespace": "*", "server": "*"}], clusterResourceWhitelist=[{"group": "*", "kind": "*"}]) == {}
    )


def test_sources_of_projects_are_a_setting() -> None:
    first, second = project(sourceRepos=["https://a/*", "!https://a/b"]), project(sourceRepos=["https://c", "https://a/*"])
    second["metadata"]["name"] = "others"

    result = argo([first, second])

    assert result.settings == {"source": {"allowedRepositories": ["https://c", "https://a/*"]}}
    assert field(result, "shops", "spec.sourceRepos").note == "a setting only allows: `!` is left out"
    assert argo([project(sourceRepos=["*"])]).settings == {}


def test_metadata_of_a_managed_namespace_is_a_namespace_to_declare() -> None:
    obj = application("web", syncPolicy={"managedNamespaceMetadata": {"labels": {"team": "web"}}})

    assert conversion(argo([obj]), "web").manifests == (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "web"}}},
    )
