from __future__ import annotations

from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout.coverage import keeping, similar, unbound, uncovered
from gitops_agent.rollout.state import Version
from tests.rollout.policies import rolling


def named(kind: str, name: str, namespace: str = "shop") -> ObjectKey:
    return ObjectKey("apps", kind, namespace, name)


def policy(name: str, namespace: str = "shop") -> ObjectKey:
    return ObjectKey("gitops-agent.dev", "RolloutPolicy", namespace, name)


WEB, API = named("Deployment", "web"), named("Deployment", "api")


def test_a_policy_that_names_nothing_says_what_was_meant_and_what_is_held() -> None:
    (message,) = unbound({policy("web"): rolling(targetRef={"name": "wbe"})}, {WEB, API}).values()

    assert message == (
        "targetRef: Deployment wbe is not declared by this application; did you mean Deployment web?; "
        "until it names one, new versions of what no policy covers are held: Deployment api, Deployment web"
    )


def test_a_policy_whose_workload_is_declared_is_bound() -> None:
    assert unbound({policy("web"): rolling()}, {WEB}) == {}


def test_what_another_policy_or_a_rollout_under_way_covers_is_not_held() -> None:
    specs = {policy("web"): rolling(), policy("typo"): rolling(targetRef={"name": "apis"})}

    assert "held: Deployment api" in unbound(specs, {WEB, API})[policy("typo")]
    assert "held" not in unbound(specs, {WEB, API}, {API})[policy("typo")]
    assert uncovered({WEB, API, policy("web")}, {WEB}) == (API,)


def test_another_kind_or_namespace_of_the_same_name_is_what_was_meant() -> None:
    assert similar(named("StatefulSet", "web"), [WEB, API]) == "; did you mean Deployment web?"
    assert similar(named("Deployment", "web", "ship"), [WEB]) == (
        "; did you mean Deployment web of the policy's own namespace (it is in shop)?"
    )
    assert similar(named("Deployment", "nothing-alike"), [WEB]) == ""


def test_a_kept_version_has_the_replicas_of_the_newest_commit_and_its_own_name() -> None:
    def workload(image: str, replicas: int) -> Manifest:
        template: Object = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}}
        metadata = {"name": "web", "namespace": "shop"}
        spec = {"replicas": replicas, "template": template}
        return Manifest.of({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})

    kept = keeping(workload("web:1", 2), Version(commit="c1", hash="h1"), head=workload("web:2", 5), labelled=True).obj

    assert kept["spec"]["replicas"] == 5
    assert kept["spec"]["template"]["spec"]["containers"][0]["image"] == "web:1"
    assert kept["spec"]["template"]["metadata"]["labels"]["gitops-agent.dev/variant"] == "primary"
    assert kept["metadata"]["annotations"]["gitops-agent.dev/rollout-hash"] == "h1"
