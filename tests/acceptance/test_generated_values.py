"""Charts that make passwords up: once, and then never again."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.render.memory import memory_folder
from tests.acceptance.tenant import Tenant
from tests.acceptance.test_secrets import _events

pytestmark = [pytest.mark.cluster]

CHART = "apiVersion: v2\nname: db\nversion: 0.1.0\n"
HELPERS = '{{- define "password" -}}\n{{- .Values.password | default (randAlphaNum 24) -}}\n{{- end -}}\n'
SECRET = """\
{{- $ca := genCA "db" 365 }}
apiVersion: v1
kind: Secret
metadata: {name: db}
type: Opaque
stringData:
  user: {{ .Values.user }}
  ca.crt: {{ $ca.Cert | quote }}
data:
  password: {{ include "password" . | b64enc }}
"""
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db}\ndata: {mode: {{ .Values.mode }}}\n"
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: db}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: db}}
  template:
    metadata:
      labels: {app: db}
      annotations:
        checksum/secret: {{ include (print $.Template.BasePath "/secret.yaml") . | sha256sum }}
        checksum/config: {{ include (print $.Template.BasePath "/config.yaml") . | sha256sum }}
    spec:
      containers:
      - name: db
        image: example.com/db:1
        envFrom: [{secretRef: {name: db}}]
        env: [{name: SESSION, value: {{ randAlphaNum 12 | quote }}}, {name: MODE, value: {{ .Values.mode }}}]
"""
SHARED = "apiVersion: v1\nkind: Secret\nmetadata: {name: %s}\nstringData: {key: %s}\n"


def values(**changed: Any) -> str:
    return json.dumps({"user": "shop", "mode": "fast", "replicas": 1, **changed})


def chart(**changed: Any) -> dict[str, str | bytes]:
    return {
        "Chart.yaml": CHART,
        "values.yaml": values(**changed),
        "templates/_helpers.tpl": HELPERS,
        "templates/secret.yaml": SECRET,
        "templates/config.yaml": CONFIG,
        "templates/deployment.yaml": DEPLOYMENT,
    }


def secret(team: Tenant, name: str = "db") -> dict[str, str]:
    live = team.get("Secret", name)
    assert live is not None
    return {key: base64.b64decode(value).decode() for key, value in live["data"].items()}


def workload(team: Tenant) -> Object:
    live = team.get("Deployment", "db", api="apps/v1")
    assert live is not None
    return live


def pods(team: Tenant) -> Any:
    return workload(team)["spec"]["template"]


def versions(team: Tenant) -> list[str]:
    objects = (team.get("Secret", "db"), team.config("db"), workload(team))
    return [obj["metadata"]["resourceVersion"] for obj in objects if obj is not None]


def drift(team: Tenant) -> list[Object]:
    events = _events(team, team.installed.namespace) + _events(team, team.namespace)
    return [event for event in events if "Drift" in event["reason"] or event["reason"] == "Repaired"]


def settings() -> Mapping[str, str]:
    return {"render__scratch": str(memory_folder())}


def test_a_password_is_made_once_and_pods_restart_for_real_changes_only(own: Tenant) -> None:
    own.agent = own.installed.start()
    own.commit(chart())
    commit = own.repository.commit({"README.md": "1"})
    own.declare()
    own.settled(commit)
    first, template = secret(own), pods(own)
    assert len(first["password"]) == 24
    assert first["ca.crt"].startswith("-----BEGIN CERTIFICATE-----")

    for replicas in (2, 3, 4):
        own.settled(own.commit({"values.yaml": values(replicas=replicas)}))
        assert workload(own)["spec"]["replicas"] == replicas
        assert (secret(own), pods(own)) == (first, template)

    own.settled(own.commit({"values.yaml": values(user="admin")}))
    second = pods(own)
    assert secret(own) == {**first, "user": "admin"}
    assert _changed(template, second) == ["checksum/secret"]

    own.settled(own.commit({"values.yaml": values(user="admin", mode="slow")}))
    assert {variable["name"]: variable["value"] for variable in pods(own)["spec"]["containers"][0]["env"]} == {
        "SESSION": template["spec"]["containers"][0]["env"][0]["value"],
        "MODE": "slow",
    }

    before = versions(own)
    assert own.agent.stop() == 0
    own.agent = own.installed.start()
    own.looked()
    own.settled(own.commit({"README.md": "2"}))
    assert versions(own) == before

    own.edit("Secret", "db", {"data": {"password": base64.b64encode(b"rotated-by-a-person").decode()}})
    own.looked()
    commit = own.commit({"templates/other.yaml": SHARED % ("other", '{{ include "password" . | quote }}')})
    own.settled(commit)
    assert secret(own)["password"] == "rotated-by-a-person"
    own.settled(own.commit({"values.yaml": values(user="root", mode="slow")}))
    assert secret(own) == {**first, "user": "root", "password": "rotated-by-a-person"}
    assert own.application()["status"]["sync"]["status"] == "Synced"
    assert drift(own) == []
    texts = [own.agent.log.read_text(), json.dumps(own.application()), json.dumps(_events(own, own.installed.namespace))]
    assert not [
        text for text in texts if first["password"] in text or template["spec"]["containers"][0]["env"][0]["value"] in text
    ]


def _changed(before: Any, after: Any) -> list[str]:
    old, new = before["metadata"]["annotations"], after["metadata"]["annotations"]
    assert {**before, "metadata": None} == {**after, "metadata": None}
    return [name for name in old if old[name] != new[name]]


def test_objects_that_are_there_are_taken_over_with_their_passwords(team: Tenant) -> None:
    password = base64.b64encode(b"made-by-helm-long-ago").decode()
    team.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": {"password": password}}, manager="helm"
    )
    containers = [{"name": "db", "image": "example.com/db:1", "env": [{"name": "SESSION", "value": "session"}]}]
    containers[0]["env"].append({"name": "MODE", "value": "fast"})  # type: ignore[attr-defined]
    containers[0]["envFrom"] = [{"secretRef": {"name": "db"}}]
    annotations = {"checksum/secret": "old", "checksum/config": "old"}
    template = {"metadata": {"labels": {"app": "db"}, "annotations": annotations}, "spec": {"containers": containers}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "db"}}, "template": template}
    live = team.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "db"}, "spec": spec}, manager="helm")

    commit = team.commit(chart())
    team.declare()
    team.settled(commit)
    assert secret(team)["password"] == "made-by-helm-long-ago"
    after = pods(team)
    assert after["metadata"]["annotations"]["checksum/secret"] == "old"
    assert after["spec"] == live["spec"]["template"]["spec"]

    team.settled(team.commit({"values.yaml": values(user="admin")}))
    assert pods(team)["metadata"]["annotations"]["checksum/secret"] != "old"


def test_a_chart_may_have_its_values_made_anew(team: Tenant) -> None:
    commit = team.commit(chart())
    team.declare(render={"helm": {"generated": "render"}})
    team.settled(commit)
    first = secret(team)["password"]
    team.settled(team.commit({"values.yaml": values(replicas=2)}))
    assert secret(team)["password"] != first
