"""Writes the Helm chart of the agent, from `deploy/`.

Problem: two ways to install drift apart as soon as both are edited. Decision: the chart is printed from the objects of
`deploy/` and its components, with expressions in the few places that people set; a test renders it and compares it with
kustomize. CRDs are templates, because Helm never upgrades what lies in `crds/`, and stay when the release goes.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from gitops_agent import __version__
from gitops_agent.install import bundle
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump, load_all

NAME = "gitops-agent"
COMPONENTS = {
    "impersonate": "impersonate",
    "flowControl": "flow-control",
    "protectMarks": "protect-marks",
    "monitoring": "monitoring",
    "webhooks": "webhooks",
    "dashboard": "dashboard",
    "chat": "chat",
    "approval": "approval",
    "network.prometheus": "network/prometheus",
    "network.inClusterGit": "network/in-cluster-git",
    "network.receivers": "network/receivers",
    "network.mail": "network/mail",
    "network.collector": "network/collector",
}
"""The components that a value switches on, and their folders."""

_RBAC = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
_CONFIG = "x-config-name"
_INLINE = {
    _CONFIG: '{{ include "gitops-agent.config" . }}',
    "x-image": '{{ include "gitops-agent.image" . | quote }}',
    "x-replicas": "{{ .Values.replicas }}",
    "x-pull-policy": "{{ .Values.image.pullPolicy }}",
}
_BLOCK = re.compile(r"^(?P<indent> *)(?P<key>\w+): x-(?P<how>yaml|with)-(?P<path>[\w.]+)$", re.MULTILINE)
_NOTE = "{{- /* Generated from deploy/ by `make generate`. */ -}}\n"
_KEEP = {"helm.sh/resource-policy": "keep"}

_HELPERS = """\
{{- define "gitops-agent.image" -}}
{{ .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end -}}
{{- define "gitops-agent.config" -}}
gitops-agent-config-{{ toYaml .Values.config | sha256sum | trunc 10 }}
{{- end -}}
"""

_NOTES = """\
The agent runs in {{ .Release.Namespace }} with the rights
{{- if .Values.write }} of a cluster administrator{{ else }} to read only{{ end }}.

  gitops-agent check --as-agent -n {{ .Release.Namespace }}
  gitops-agent create APP --repo URL --path PATH -n {{ .Release.Namespace }}
"""

_VALUES = """\
# The image of the agent. No registry serves one: build it from the Dockerfile.
image:
  repository: gitops-agent
  # The version of the chart when empty.
  tag: ""
  # Such as sha256:…; it counts instead of the tag.
  digest: ""
  pullPolicy: IfNotPresent
imagePullSecrets: []

# A lease lets exactly one of them act.
replicas: {replicas}

# Whether the agent may change the cluster. Without it (deploy/read-only) it sees and reports.
write: true

# The settings of the agent, as in docs/reference/configuration.md; a changed one rolls the pods.
config:
{config}
resources:
  agent:
{agent}  render:
{render}
nodeSelector: {{}}
tolerations: []
topologySpreadConstraints: []
priorityClassName: ""
affinity:
{affinity}
podAnnotations: {{}}
podLabels: {{}}
# Further environment variables of the agent, such as OTEL_EXPORTER_OTLP_ENDPOINT.
env: []

serviceAccount:
  annotations: {{}}

# CRDs are upgraded with the chart, and stay when it is uninstalled.
crds:
  install: true

# The namespace of the release, with the labels of Pod Security; off where `helm --create-namespace` makes it.
namespace:
  create: false

networkPolicy:
  enabled: true
  # Let only the namespace `monitoring` read the metrics.
  restrictMetrics: false

# Each is the component of that name in deploy/components.
components:
  # For tenants: an Application with serviceAccountName is written as that account.
  impersonate: false
  # A share of the API server's requests.
  flowControl: false
  # The API server lets only the agent write its marks.
  protectMarks: false
  # A ServiceMonitor, alerts and a dashboard, for the Prometheus operator and Grafana's sidecar.
  monitoring: false
  # POST /hooks/SENDER for forges, with their secrets in the Secret gitops-agent-webhooks.
  webhooks: false
  # The dashboard, at the Service gitops-agent-dashboard; viewers sign in with a token of the cluster.
  dashboard: false
  # POST /chat/slack for commands of Slack; see docs/how-to/chatops.md for the Secret and the ConfigMap it needs.
  chat: false
  # Verbs of RBAC for sync, pause, approve, promote, abort and retry, demanded of every client.
  approval: false
  network:
    prometheus: false
    inClusterGit: false
    receivers: false
    mail: false
    collector: false
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The objects of the agent, by their part of the chart."""

    crds: list[Object]
    namespace: list[Object]
    rbac: list[Object]
    write: list[Object]
    config: Object
    deployment: Object
    policies: list[Object]
    others: list[Object]

    @classmethod
    def read(cls) -> Parts:
        """The objects as `install` applies them.

        Raises:
            RenderError: kustomize is missing or failed.
        """
        objects = bundle.manifests(bundle.Flavour.FULL)
        of = {kind: [obj for obj in objects if obj["kind"] == kind] for kind in {obj["kind"] for obj in objects}}
        rbac = [obj for kind in _RBAC for obj in of[kind]]
        write = [obj for obj in rbac if obj["metadata"]["name"].endswith("-write")]
        return cls(
            crds=of["CustomResourceDefinition"],
            namespace=of["Namespace"],
            rbac=[obj for obj in rbac if obj not in write],
            write=write,
            config=of["ConfigMap"][0],
            deployment=of["Deployment"][0],
            policies=[*of["NetworkPolicy"], *of["PodDisruptionBudget"]],
            others=[*of["Secret"], *of["Service"]],
        )


def files() -> dict[str, str]:
    """The chart: path to content."""
    parts = Parts.read()
    network, budget = parts.policies
    restricted = copy(network)
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    restricted["spec"]["ingress"][0]["from"] = [monitoring]
    account = copy(parts.rbac[0])
    account["metadata"]["annotations"] = "x-with-serviceAccount.annotations"
    policies = [
        _when(".Values.networkPolicy.restrictMetrics", _template([restricted]), _template([network])),
        "---\n" + _when("gt (int .Values.replicas) 1", _template([budget])),
    ]
    return {
        "Chart.yaml": _chart(),
        "values.yaml": _values(parts),
        "values.schema.json": _schema(),
        "templates/_helpers.tpl": _HELPERS,
        "templates/NOTES.txt": _NOTES,
        "templates/crds.yaml": _NOTE + _when(".Values.crds.install", _template([_kept(crd) for crd in parts.crds])),
        "templates/namespace.yaml": _NOTE + _when(".Values.namespace.create", _template(parts.namespace)),
        "templates/rbac.yaml": _NOTE
        + _template([account, *parts.rbac[1:]])
        + _when(".Values.write", "---\n" + _template(parts.write)),
        "templates/config.yaml": _NOTE + _config(parts.config) + "---\n" + _template(parts.others),
        "templates/deployment.yaml": _NOTE + _deployment(parts.deployment),
        "templates/policies.yaml": _NOTE + _when(".Values.networkPolicy.enabled", policies[0]) + policies[1],
        **{
            f"templates/{folder.replace('/', '-')}.yaml": _NOTE
            + _when(f".Values.components.{value}", _template(_component(folder)))
            for value, folder in COMPONENTS.items()
        },
    }


def write(directory: Path) -> None:
    """Replaces the chart in a directory."""
    shutil.rmtree(directory, ignore_errors=True)
    for name, text in files().items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)


def _component(folder: str) -> list[Object]:
    root = bundle.folder() / "components" / folder
    (kustomization,) = load_all((root / "kustomization.yaml").read_bytes(), file=folder)
    return [obj for name in kustomization["resources"] for obj in load_all((root / name).read_bytes(), file=name)]


def _patched(folder: str) -> dict[str, list[Object]]:
    """The variables and ports that a component adds to the agent's container."""
    file = bundle.folder() / "components" / folder / "deployment.yaml"
    (patch,) = load_all(file.read_bytes(), file=str(file))
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    return {name: container[name] for name in ("env", "ports")}


def _kept(obj: Object) -> Object:
    """The object with the request to stay when the release goes."""
    return {**obj, "metadata": {**obj["metadata"], "annotations": (obj["metadata"].get("annotations") or {}) | _KEEP}}


def _deployment(obj: Object) -> str:
    deployment = copy(obj)
    deployment["spec"]["replicas"] = "x-replicas"
    template = deployment["spec"]["template"]
    pod = template["spec"]
    for container in pod["containers"]:
        container |= {"image": "x-image", "imagePullPolicy": "x-pull-policy"}
        container["resources"] = f"x-yaml-resources.{container['name']}"
    (volume,) = (volume for volume in pod["volumes"] if volume["name"] == "config")
    volume["configMap"]["name"] = _CONFIG
    pod["affinity"] = "x-with-affinity"
    for name in ("nodeSelector", "tolerations", "topologySpreadConstraints", "imagePullSecrets", "priorityClassName"):
        pod[name] = f"x-with-{name}"
    text = _template([deployment])
    for holder in ("env", "ports"):
        head = f"        {holder}:\n"
        text = text.replace(head, head + "".join(_switched(holder)), 1)
    further = (("      annotations", "podAnnotations"), ("      labels", "podLabels"), ("        env", "env"))
    for holder, value in further:
        head = f"{holder}:\n"
        text = text.replace(head, f"{head}{{{{- with .Values.{value} }}}}{{{{ toYaml . | nindent 8 }}}}{{{{- end }}}}\n", 1)
    return text


def _switched(holder: str) -> Iterator[str]:
    """The variables or ports that components add.

    What several need stands there once.
    """
    users: dict[str, tuple[Object, list[str]]] = {}
    for folder in ("webhooks", "dashboard", "chat"):
        for item in _patched(folder)[holder]:
            users.setdefault(item["name"], (item, []))[1].append(f".Values.components.{folder}")
    for item, switches in sorted(users.values(), key=lambda user: len(user[1]) > 1):
        yield _when(switches[0] if len(switches) == 1 else f"or {' '.join(switches)}", _indented([item], 8))


def _config(obj: Object) -> str:
    config = copy(obj)
    config["metadata"]["name"] = _CONFIG
    config["data"] = {"config.yaml": "x-config"}
    return _template([config]).replace("x-config\n", "|\n    {{- toYaml .Values.config | nindent 4 }}\n")


def _template(objects: list[Object]) -> str:
    """The objects as a template, with expressions for what is set."""
    text = "---\n".join(dump(obj) for obj in objects).replace("{{", '{{ "{{" }}')
    if objects[0]["kind"] != "CustomResourceDefinition":
        text = text.replace(bundle.NAMESPACE, "{{ .Release.Namespace }}")
    for word, expression in _INLINE.items():
        text = re.sub(rf"{word}$", lambda _, e=expression: e, text, flags=re.MULTILINE)  # type: ignore[misc]
    return _BLOCK.sub(_block, text)


def _block(match: re.Match[str]) -> str:
    indent, key, path = match["indent"], match["key"], match["path"]
    if key == "priorityClassName":
        return f"{{{{- with .Values.{path} }}}}\n{indent}{key}: {{{{ . }}}}\n{{{{- end }}}}"
    body = f"{{{{- toYaml {{}} | nindent {len(indent) + 2} }}}}"
    if match["how"] == "yaml":
        return f"{indent}{key}:\n{indent}  {body.replace('{}', f'.Values.{path}')}"
    return f"{{{{- with .Values.{path} }}}}\n{indent}{key}:\n{indent}  {body.replace('{}', '.')}\n{{{{- end }}}}"


def _when(condition: str, text: str, otherwise: str = "") -> str:
    """A text that a condition switches on."""
    other = f"{{{{- else }}}}\n{otherwise}" if otherwise else ""
    return f"{{{{- if {condition} }}}}\n{text}{other}{{{{- end }}}}\n"


def _chart() -> str:
    return dump(
        {
            "apiVersion": "v2",
            "name": NAME,
            "description": "A pull-based GitOps agent with progressive delivery",
            "type": "application",
            "version": __version__,
            "appVersion": __version__,
            "kubeVersion": ">=1.30.0-0",
        }
    )


def _values(parts: Parts) -> str:
    spec = parts.deployment["spec"]
    agent, render = spec["template"]["spec"]["containers"]
    (config,) = load_all(parts.config["data"]["config.yaml"].encode(), file="config.yaml")
    return _VALUES.format(
        replicas=spec["replicas"],
        config=_indented(config, 2),
        agent=_indented(agent["resources"], 4),
        render=_indented(render["resources"], 4),
        affinity=_indented(spec["template"]["spec"]["affinity"], 2),
    )


def _indented(value: Any, blanks: int) -> str:
    return "".join(f"{' ' * blanks}{line}\n" for line in dump(value).splitlines())


def _schema() -> str:
    """What Helm checks of the values: names and types."""
    flag, text = {"type": "boolean"}, {"type": "string"}
    anything, listing = {"type": "object"}, {"type": "array"}

    def fields(**properties: Any) -> Object:
        return {"type": "object", "additionalProperties": False, "properties": properties}

    nested = fields(**{name.partition(".")[2]: flag for name in COMPONENTS if "." in name})
    policy = {"enum": ["Always", "IfNotPresent", "Never"]}
    image = fields(repository={**text, "minLength": 1}, tag=text, digest=text, pullPolicy=policy)
    schema = fields(
        image=image,
        imagePullSecrets=listing,
        replicas={"type": "integer", "minimum": 1},
        write=flag,
        config=anything,
        resources=fields(agent=anything, render=anything),
        nodeSelector=anything,
        tolerations=listing,
        topologySpreadConstraints=listing,
        priorityClassName=text,
        affinity=anything,
        podAnnotations=anything,
        podLabels=anything,
        env=listing,
        serviceAccount=fields(annotations=anything),
        crds=fields(install=flag),
        namespace=fields(create=flag),
        networkPolicy=fields(enabled=flag, restrictMetrics=flag),
        components=fields(**{name: flag for name in COMPONENTS if "." not in name}, network=nested),
    )
    schema["properties"]["global"] = anything
    head = {"$schema": "https://json-schema.org/draft-07/schema#"}
    return orjson.dumps(head | schema, option=orjson.OPT_INDENT_2).decode() + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
