"""Real repositories: old manifests, charts with parts, and common mistakes."""

from __future__ import annotations

import pytest

from gitops_agent.manifest.key import Object
from tests.acceptance.objects import config_map, deployment, files, namespace, service
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]

RBAC = "rbac.authorization.k8s.io"


def _role(name: str, **body: object) -> Object:
    return {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": name}, **body}


def test_an_aggregated_role_is_no_fight_with_the_controller_that_fills_it(team: Tenant) -> None:
    name, part = team.namespace, f"{team.namespace}-part"
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    selector = {"clusterRoleSelectors": [{"matchLabels": {"part-of": name}}]}
    gathered = _role(name, aggregationRule=selector, rules=[])
    source = _role(part, rules=rules)
    source["metadata"]["labels"] = {"part-of": name}
    commit = team.commit(files(gathered, source))
    team.declare()

    team.settled(commit)
    team.until(
        lambda: (team.get("ClusterRole", name, namespace="", api=f"{RBAC}/v1") or {}).get("rules") == rules, "it is filled"
    )
    team.looked()
    status = team.application()["status"]
    assert (status["sync"]["status"], status["resources"]["drifted"]) == ("Synced", 0)

    for role in (name, part):
        team.delete("ClusterRole", role, namespace="", api=f"{RBAC}/v1")


def test_a_retired_api_version_is_reported_with_its_file_and_what_to_write_instead(team: Tenant) -> None:
    old: Object = {"apiVersion": "extensions/v1beta1", "kind": "Deployment", "metadata": {"name": "old"}, "spec": {}}
    ingress: Object = {"apiVersion": "networking.k8s.io/v1beta1", "kind": "Ingress", "metadata": {"name": "old"}, "spec": {}}
    team.commit(files(old, ingress))
    team.declare()

    message = team.says("Invalid", "deployment-old.yaml")
    assert "write apiVersion: apps/v1" in message
    problems = {problem["object"]: problem["message"] for problem in team.application()["status"]["resources"]["problems"]}
    advice = problems[f"networking.k8s.io/Ingress:{team.namespace}/old"]
    assert advice.startswith("ingress-old.yaml: ")
    assert advice.endswith("write apiVersion: networking.k8s.io/v1")


def test_a_wrong_value_is_reported_with_file_and_field_and_no_more_words_than_needed(team: Tenant) -> None:
    wrong = config_map("numeric")
    wrong["data"] = {"port": 8080, "debug": True}
    team.commit(files(wrong))
    team.declare()

    message = team.says("Invalid")
    assert "configmap-numeric.yaml: " in message
    assert ".data.port: expected string, got 8080" in message
    assert "; " in message
    assert "valueUnstructured" not in message


def test_a_secret_that_is_no_base64_is_reported_by_file_and_key(team: Tenant) -> None:
    obj = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": {"password": "hunter2 in clear"}}
    team.commit(files(obj))
    team.declare()

    message = team.says("InvalidManifest", "secret-db.yaml")
    assert "the value of password is not base64" in message
    assert "hunter2" not in message


def test_what_is_left_out_is_counted_and_named_in_the_status(team: Tenant) -> None:
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate", "annotations": {"argocd.argoproj.io/hook": "Skip"}},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "x"}]}}},
    }
    commit = team.commit(files(job, config_map("good")))
    team.declare()

    status = team.settled(commit)["status"]
    assert (status["resources"]["total"], status["resources"]["synced"], status["resources"]["leftOut"]) == (1, 1, 1)
    why = "argocd.argoproj.io/hook: Skip is not run: it asks to be skipped"
    assert status["warnings"] == [f"batch/Job:{team.namespace}/migrate in job-migrate.yaml: {why}"]


def test_a_commit_that_declares_nothing_says_so(team: Tenant) -> None:
    commit = team.commit({"README.md": "# Nothing yet\n"})
    team.declare()

    team.settled(commit)
    assert "it declares no object" in team.condition()["message"]


def test_pods_that_a_namespace_does_not_admit_are_explained(team: Tenant) -> None:
    strict = namespace(f"{team.namespace}-strict")
    strict["metadata"]["labels"] = {"pod-security.kubernetes.io/enforce": "restricted"}
    inner = strict["metadata"]["name"]
    team.commit(files(strict, deployment("web"), service("web")))
    team.declare(destination={"namespace": inner})

    def told() -> list[str]:
        reasons = (team.application().get("status") or {}).get("health", {}).get("reasons") or []
        return [reason for reason in reasons if "violates PodSecurity" in reason]

    assert "similar events" not in team.until(told, "the admission policy is named")[0]
    team.delete("Namespace", inner, namespace="")


EXPORTED = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata:
    name: exported
    uid: 11111111-1111-1111-1111-111111111111
    resourceVersion: "12345"
    creationTimestamp: "2020-01-01T00:00:00Z"
    managedFields: [{manager: kubectl, operation: Update, apiVersion: v1, fieldsType: FieldsV1, fieldsV1: {"f:spec": {}}}]
    annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}
  spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}], sessionAffinity: None, type: ClusterIP}
  status: {loadBalancer: {}}
---
apiVersion: v1
kind: ConfigMapList
items:
- {metadata: {name: untyped}, data: {key: value}}
---
# a document of nothing but words
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: nulls, creationTimestamp: null, annotations: null, labels: &labels {app: nulls}}
spec:
  replicas: null
  strategy: {}
  selector: {matchLabels: *labels}
  template:
    metadata: {creationTimestamp: null, labels: {<<: *labels, extra: "yes"}}
    spec:
      nodeSelector: null
      tolerations: []
      containers: [{name: main, image: "registry.example.com/pause:1", resources: {}, env: null, args: []}]
status: {}
"""


def test_exported_listed_empty_and_anchored_documents_are_applied_once_and_then_left_alone(team: Tenant) -> None:
    text = "\ufeff" + EXPORTED.replace("\n", "\r\n")
    commit = team.commit(
        {
            "exported.yaml": text,
            "empty.yaml": "",
            "more.json": '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"json"},"data":{"key":"value"}}',
        }
    )
    team.declare()

    status = team.settled(commit)["status"]
    assert status["resources"]["total"] == 4
    assert team.configs() == {"untyped", "json"}
    before = (team.get("Deployment", "nulls", api="apps/v1") or {})["metadata"]["generation"]
    team.looked()
    assert (team.get("Deployment", "nulls", api="apps/v1") or {})["metadata"]["generation"] == before
    assert team.application()["status"]["resources"]["drifted"] == 0
