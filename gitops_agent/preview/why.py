"""Explains an object or field: who declared it, wrote it, shaped it.

Everything is read: the render of the applied commit, the history of the file, the field managers of the live object. Nothing is
guessed from names.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitops_agent.api.application import Application
from gitops_agent.api.parse import parse
from gitops_agent.api.problems import SpecInvalid, read
from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, SourceError
from gitops_agent.manifest.generated import SHOWN, blanked
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import ROLLOUT_POLICY
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.masking import is_secret, masked_pair
from gitops_agent.manifest.merge_keys import ABSENT, resolve
from gitops_agent.manifest.pointer import field_path
from gitops_agent.preview.comparison import (
    autoscaled_workloads,
    kube_facts,
    render_request,
)
from gitops_agent.preview.decryption_keys import decryption_keys
from gitops_agent.preview.desired_state import desired_state
from gitops_agent.preview.fetched_sources import fetched_sources, tree_of, with_bases
from gitops_agent.preview.field_origin import FieldOrigin, OriginFinder
from gitops_agent.preview.render_inputs import variables_of
from gitops_agent.preview.values_repositories import located
from gitops_agent.render.request import Rendered
from gitops_agent.render.variables.variable import Variable
from gitops_agent.render.worker.client import local_workers
from gitops_agent.revision import chart_dependency, remote_base
from gitops_agent.revision.revision import Revision
from gitops_agent.rollout.coverage import target
from gitops_agent.source.repository import Repository
from gitops_agent.source.sources import Sources
from gitops_agent.sync import object_options
from gitops_agent.sync.drift.report import owners
from gitops_agent.sync.hooks.hook import Hook
from gitops_agent.sync.ignore_fields import covers, paths
from gitops_agent.sync.ordering.apply_order import apply_edges
from gitops_agent.sync.ordering.graph import is_barrier

_REPLICAS = "/spec/replicas"
_NAME = re.compile(r"\$\{#?(\w+)")
_MOST_EDGES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something stands in Git, and the commit that wrote it.

    Attributes:
        file: relative to the root; empty for the Application's own spec.
        line: one-based; 0 for the whole file.
        what: the value there, or the document.
        change: the commit that wrote it last; None when that is not known.
    """

    file: str
    line: int = 0
    what: str = ""
    change: Revision | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A field manager that owns a field.

    Attributes:
        manager: its name.
        operation: `Apply` or `Update`.
        time: when it wrote last, RFC 3339, or empty.
    """

    manager: str
    operation: str
    time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What is known of an object, and of one of its fields.

    Attributes:
        key: the object.
        revision: the applied commit.
        declared: where the object is declared; None when the commit does not declare it.
        field: JSON pointer; empty for the whole object.
        value: live, as a text; empty without a field.
        git: as Git declares it; `ABSENT` where it does not.
        origins: what decides the field, overlays first.
        writers: who owns the field, or the object, newest first.
        rules: what shapes it beside Git, one line each.
        after: what is applied before it, and why.
        problems: what the agent says of it now.
    """

    key: ObjectKey
    revision: Revision
    declared: Place | None
    field: str = ""
    value: Any = ABSENT
    git: Any = ABSENT
    origins: tuple[Place, ...] = ()
    writers: tuple[Writer, ...] = ()
    rules: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def explain(access: ClusterClient, raw: Object, live: Object, path: str = "") -> Explanation:
    """Explains a live object of an Application.

    Args:
        access: the cluster.
        raw: the Application.
        live: the object.
        path: JSON pointer of a field, as `field_name.pointer_of` gives it; empty for the object.

    Raises:
        AgentError: the repository cannot be read or does not render.
    """
    application, key = parse(raw), ObjectKey.of(live)
    status = raw.get("status") or {}
    applied = str((status.get("sync") or {}).get("revision") or "")
    with (
        tempfile.TemporaryDirectory(prefix="gitops-agent-") as scratch,
        fetched_sources(access, application, Path(scratch), revision=applied) as (sources, repository, revision),
        with_bases(access, application, tree_of(sources, repository, application, revision)) as tree,
        local_workers() as workers,
    ):
        variables, keys = variables_of(access, application), decryption_keys(access, application)
        facts = kube_facts(access)
        request = render_request(application, path=application.spec.source.path, facts=facts, variables=variables, keys=keys)
        rendered = workers.render(tree, request)
        desired = desired_state(access, application, rendered, revision)
        declared = {manifest.key: manifest for manifest in desired.manifests}
        hook = next((candidate for candidate in desired.hooks if candidate.key == key), None)
        manifest = declared.get(key) if hook is None else hook.manifest
        source = _as_rendered(rendered, key, application)
        history = _History(sources, repository, revision, application)
        finder = OriginFinder(tree, request, rendered, workers.render)
        origins: tuple[FieldOrigin, ...] = ()
        documents: tuple[FieldOrigin, ...] = ()
        if source is not None:
            documents = finder.documents(source.key)
            made_up = manifest is not None and resolve(manifest.constant, path) == SHOWN
            origins = finder.origins(source.key, path) if path and not made_up and not is_secret(live) else ()
        # While the mirror is still there.
        document = history.place(manifest, documents) if manifest is not None else None
        places = tuple(history.origin(origin) for origin in origins)
    git, value = masked_pair(
        _as_declared(manifest, source, path), blanked(live, manifest.generated if manifest is not None else ())
    )
    rules = [*_rules(access, application, manifest, live, path), *_variables(places, variables)]
    if hook is not None:
        rules.append(f"it is a hook ({_moments(hook)}): it runs once for each content, and is no part of drift and pruning")
    elif path and manifest is not None and resolve(git, path) is ABSENT and _has_no_writer(access, live, path):
        rules.append("no manager owns it: it is a default of the API server, or an admission webhook set it")
    return Explanation(
        key=key,
        revision=revision,
        declared=document,
        field=path,
        value=resolve(value, path) if path else ABSENT,
        git=resolve(git, path) if path and manifest is not None else ABSENT,
        origins=places,
        writers=_writers(live, path),
        rules=tuple(rules),
        after=tuple(_after(declared, key)),
        problems=tuple(_problems(status, key)),
    )


class _History:
    """The commits that wrote files and lines, of one revision."""

    def __init__(self, sources: Sources, repository: Repository, revision: Revision, application: Application) -> None:
        self._sources, self._repository, self._revision, self._application = sources, repository, revision, application

    def place(self, manifest: Manifest, documents: Sequence[FieldOrigin]) -> Place:
        """Where an object is declared: the document that the others patch."""
        for origin in reversed(documents):
            file = readable(origin.file)
            return Place(file=file, line=origin.line, what=origin.value, change=self._change(origin.file, 0))
        return Place(file=manifest.file, what=f"document {manifest.document + 1}", change=self._change(manifest.file, 0))

    def origin(self, origin: FieldOrigin) -> Place:
        """Where a value stands."""
        what = f"{origin.path} = {origin.value}"
        if not origin.file:
            return Place(file="", what=f"spec.render{origin.path.replace('/', '.')} = {origin.value}")
        other = located(self._application, self._revision, origin.file)
        file = readable(origin.file) if other is None else str(other)
        return Place(file=file, line=origin.line, what=what, change=self._change(origin.file, origin.line))

    def _change(self, file: str, line: int) -> Revision | None:
        other = located(self._application, self._revision, file)
        try:
            if other is not None:
                return self._sources.last_change(other.repository, other.revision, other.path, line=line)
            return self._sources.last_change(self._repository, self._revision, file, line=line)
        except SourceError:
            return None


def readable(path: str) -> str:
    """A path for people, also in what was fetched beside the commit."""
    return chart_dependency.readable(remote_base.readable(path))


def _as_rendered(rendered: Rendered, key: ObjectKey, application: Application) -> Manifest | None:
    """The object as the renderer gave it, perhaps without a namespace."""
    for manifest in rendered.manifests:
        rendered_key = manifest.key
        namespace = rendered_key.namespace or (application.namespace if key.namespace else "")
        if (rendered_key.group, rendered_key.kind, namespace, rendered_key.name) == (
            key.group,
            key.kind,
            key.namespace,
            key.name,
        ):
            return manifest
    return None


def _writers(live: Object, path: str) -> tuple[Writer, ...]:
    writers = [
        Writer(
            manager=str(entry.get("manager") or ""),
            operation=str(entry.get("operation") or ""),
            time=str(entry.get("time") or ""),
        )
        for entry in owners(live, path)
        if not entry.get("subresource") or path.startswith("/status")
    ]
    return tuple(sorted(writers, key=lambda writer: writer.time, reverse=True))


def _rules(
    access: ClusterClient, application: Application, manifest: Manifest | None, live: Object, path: str
) -> Iterator[str]:
    """What shapes an object or a field beside Git."""
    key = ObjectKey.of(live)
    if path in ("", _REPLICAS) and key in autoscaled_workloads(access):
        yield "an autoscaler sets spec.replicas, so they are not applied"
    ignored = paths(key, application.spec.sync.ignore_fields)
    if ignored and (not path or covers(ignored, path)):
        yield f"spec.sync.ignoreFields: {', '.join(ignored)} is neither applied nor drift"
    if not application.spec.sync.self_heal:
        yield "spec.sync.selfHeal is false: drift is reported and stays"
    generated = (
        [field for field in manifest.generated if not path or resolve(manifest.constant, path) == SHOWN] if manifest else []
    )
    if generated:
        fields = "it" if path else ", ".join(map(field_path, generated[:_MOST_EDGES]))
        yield f"the chart generates {fields}: the value was made once, and the one in the cluster is kept"
    options = object_options.read(manifest.obj)[0] if manifest is not None else object_options.NONE
    if options.ignore:
        yield "an annotation of it says that it is not applied"
    if options.create_only:
        yield "an annotation of it says that it is created once and then left alone"
    if options.prune_disabled:
        yield "an annotation of it says that it is never deleted"
    yield from _rollouts(access, key)


def _as_declared(manifest: Manifest | None, source: Manifest | None, path: str) -> Object:
    """What Git declares, fields that are not applied included."""
    if manifest is None:
        return {}
    left_out = path and source is not None and resolve(manifest.constant, path) is ABSENT
    return source.constant if left_out and source is not None else manifest.constant


def _has_no_writer(access: ClusterClient, live: Object, path: str) -> bool:
    """Whether neither a manager owns a field nor an autoscaler sets it."""
    return not any(owners(live, path)) and not (path == _REPLICAS and ObjectKey.of(live) in autoscaled_workloads(access))


def _moments(hook: Hook) -> str:
    return ", ".join(sorted({moment.value for _, moment in hook.times}))


def _variables(origins: Sequence[Place], variables: Sequence[Variable]) -> Iterator[str]:
    """Where the variables of a value get theirs from."""
    used = {name for origin in origins for name in _NAME.findall(origin.what)}
    for variable in variables:
        if variable.name in used:
            yield f"${{{variable.name}}} is a variable of {variable.source}"


def _rollouts(access: ClusterClient, key: ObjectKey) -> Iterator[str]:
    """The policy that rolls a workload out."""
    try:
        policies = access.listed(ROLLOUT_POLICY.kind, namespace=key.namespace) if key.namespace else []
    except AgentError:
        return
    for policy in policies:
        try:
            spec = read(RolloutPolicySpec, policy.get("spec"), root="spec")
        except SpecInvalid:
            continue
        if target(key.namespace, spec) == key:
            status = policy.get("status") or {}
            weight = f", {status['weight']} % of the traffic" if status.get("weight") else ""
            yield f"RolloutPolicy {policy['metadata']['name']} rolls it out: {status.get('phase') or 'not begun'}{weight}"


def _after(declared: dict[ObjectKey, Manifest], key: ObjectKey) -> Iterator[str]:
    edges = apply_edges(declared.values()).get(key, [])
    for edge in [edge for edge in edges if not is_barrier(edge.before)][:_MOST_EDGES]:
        yield f"{edge.before}: {edge.why}"


def _problems(status: Object, key: ObjectKey) -> Iterator[str]:
    for problem in (status.get("resources") or {}).get("problems") or ():
        if problem.get("object") == str(key):
            yield f"{problem.get('reason')}: {problem.get('message')}"
