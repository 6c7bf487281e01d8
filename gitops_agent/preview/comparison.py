"""Previews a sync: a plan computed by the command, not the agent.

Against the live cluster, for any revision or a local directory.

The same build, plan and guard as in the agent; only the live objects are read directly. What would change is asked of the API
server by a dry run, so that defaults, webhooks and immutable fields are in the answer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from gitops_agent.api.application import Application
from gitops_agent.api.parse import parse
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, Forbidden, NotFound, UnknownKind, UsageError
from gitops_agent.install.bundle import protected
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.field_report import FieldChange, object_changes
from gitops_agent.manifest.fields import SERVER_METADATA
from gitops_agent.manifest.generated import blanked
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.marks import DIGEST, FIELD_MANAGER, FOLLOWED, ID, PREFIX, REVISION, TAKEN_OVER, owner
from gitops_agent.manifest.revision_name import commit_of
from gitops_agent.preview import signature
from gitops_agent.preview.chart_dependencies import with_dependencies
from gitops_agent.preview.decryption_keys import decryption_keys
from gitops_agent.preview.dependants import dependants
from gitops_agent.preview.desired_state import desired_state
from gitops_agent.preview.fetched_sources import (
    MIRRORS,
    chart_access,
    fetched,
    repository_of,
    values_beside_directory,
    with_mounted_chart,
)
from gitops_agent.preview.kept_repository import KeptRepository
from gitops_agent.preview.mark_reader import MarkReader
from gitops_agent.preview.owned_objects import labelled
from gitops_agent.preview.remote_bases import mounted
from gitops_agent.preview.render_inputs import variables_of
from gitops_agent.preview.rollout_projection import RolloutProjection, rest
from gitops_agent.render.decryption.keys.kind import KeyMaterial
from gitops_agent.render.request import Format, KubeFacts, Rendered, RenderRequest
from gitops_agent.render.variables.variable import Variable
from gitops_agent.render.worker.client import local_workers
from gitops_agent.render.worktree import WorkTree
from gitops_agent.revision.revision import Revision
from gitops_agent.revision.tree import Tree
from gitops_agent.rollout.canary_objects import COMMIT, ROLLOUT_HASH
from gitops_agent.source.sources import Sources
from gitops_agent.sync.action import REMARKED, Action, ActionKind
from gitops_agent.sync.autoscalers import targets
from gitops_agent.sync.cluster_pin import refuse_foreign
from gitops_agent.sync.desired import Desired, marked
from gitops_agent.sync.drift.report import declared_changes
from gitops_agent.sync.hook_runs.record import HookRecord
from gitops_agent.sync.hook_runs.sync_phase import due, inputs_of, stopped
from gitops_agent.sync.hooks.hook import Hook
from gitops_agent.sync.hooks.moment import Moment, operation_of
from gitops_agent.sync.live.live_object import LiveObject, Snapshot, damaged_mark
from gitops_agent.sync.planning.crd_upgrade import check
from gitops_agent.sync.planning.other_owners import OtherOwners
from gitops_agent.sync.planning.other_tools import left_to_owners, takeovers
from gitops_agent.sync.planning.plan import Plan
from gitops_agent.sync.planning.plan import plan as plan_of
from gitops_agent.sync.planning.policy import PlanPolicy
from gitops_agent.sync.planning.unlistable_objects import from_json

_THREADS = 16
_PATH_SHOWN = 200
_MARKS = (ID, DIGEST, REVISION, ROLLOUT_HASH, COMMIT, "kubectl.kubernetes.io/last-applied-configuration")
"""Reasons that need no words: what they say is what the sign says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewTarget:
    """The desired state to compare: own reference, other revision, or directory.

    Attributes:
        revision: what a user typed; empty for what the Application follows.
        path: a directory of this machine, in place of the repository.
        kept: the mirror that has the repository already.
        folder: where repositories are fetched to; a temporary one when None.
    """

    revision: str = ""
    path: Path | None = None
    kept: KeptRepository | None = None
    folder: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A plan with changed fields, refusals, withheld objects and due hooks.

    Fields of an object that was refused as forbidden are those that Git declares: defaults and webhooks are not in them.
    `stopped` says that the plan does not run, since a hook failed, and what makes it run; empty where it does.
    `format` is what the files are.
    """

    plan: Plan
    rest: RolloutProjection
    fields: dict[ObjectKey, tuple[FieldChange, ...]] = field(default_factory=dict)
    errors: dict[ObjectKey, AgentError] = field(default_factory=dict)
    hooks: tuple[tuple[Moment, Hook], ...] = ()
    stopped: str = ""
    format: Format = Format.PLAIN


def compare(access: ClusterClient, raw: Object, target: PreviewTarget) -> Preview:
    """Plans, and asks the API server about every change.

    Raises:
        AgentError: the source, the render or the plan cannot be made.
    """
    application = parse(raw)
    facts = kube_facts(access)
    with (
        tempfile.TemporaryDirectory(prefix="gitops-agent-") as scratch,
        _wanted(access, application, target, target.folder or Path(scratch)) as (tree, revision, path),
    ):
        variables, keys = variables_of(access, application), decryption_keys(access, application)
        rendered = render(tree, application, path=path, facts=facts, variables=variables, keys=keys)
        unsigned = _unsigned(access, application, target, target.folder or Path(scratch), revision)
    autoscaled = autoscaled_workloads(access)
    access.transport.identity.pin()
    refuse_foreign(rendered.manifests, access.transport.identity.uid)
    desired = desired_state(
        access, application, rendered, revision, autoscaled=autoscaled, ignore_fields=application.spec.sync.ignore_fields
    )
    if unsigned:
        desired = replace(desired, warnings=(unsigned, *desired.warnings))
    marks = MarkReader(access)
    live, objects = _live(access, application, desired, marks)
    if marks.problem:
        warning = f"marks could not be verified, so forged ones count as the Application's here: {marks.problem}"
        desired = replace(desired, warnings=(*desired.warnings, warning))
    rested = rest(desired, objects, autoscaled)
    desired = rested.desired
    sync = application.spec.sync
    policy = PlanPolicy(
        prune=sync.prune,
        self_heal=True,
        guard=sync.deletion_guard,
        ignore_fields=sync.ignore_fields,
        agent_namespace=access.namespace,
        protected=protected(access.namespace),
        recorded=from_json(((raw.get("status") or {}).get("resources") or {}).get("kinds")),
        application_uid=application.uid,
    )
    check(desired.manifests)
    plan = plan_of(desired, live, policy)
    if plan.uncounted or plan.verdict.held:
        plan = plan_of(desired, live, policy, dependants=dependants(access, plan))
    adopted = [action for action in takeovers(plan) if action.live is not None]
    with ThreadPoolExecutor(_THREADS) as pool:
        plan = left_to_owners(plan, OtherOwners(access.objects).managed(adopted, pool))
    fields, errors = _fields(access, plan, objects)
    hooks, stopped = _hooks(application, desired, plan)
    return Preview(plan=plan, rest=rested, fields=fields, errors=errors, hooks=hooks, stopped=stopped, format=rendered.format)


def _hooks(application: Application, desired: Desired, plan: Plan) -> tuple[tuple[tuple[Moment, Hook], ...], str]:
    """The hooks that a sync would run, and why it waits."""
    applied = (application.status.get("sync") or {}).get("revision")
    operation = operation_of(
        synced=bool(applied), returns=FOLLOWED in application.annotations, taken_over=TAKEN_OVER in application.annotations
    )
    inputs, record = (
        inputs_of(desired.content, desired.hooks, operation, ""),
        HookRecord.from_json(application.status.get("hooks")),
    )
    changes = any(not action.drift and action.reason != REMARKED for action in plan.changes())
    now = datetime.now(UTC).replace(microsecond=0)
    failed = stopped(record, inputs) if changes else None
    words = (
        f"the {failed.moment.value} hook {failed.key} failed; the plan waits for a commit that declares something else, "
        f"or for `gitops-agent sync {application.key.name}`"
        if failed is not None
        else ""
    )
    return due(record, inputs, changes=changes, now=now), words


def _unsigned(access: ClusterClient, application: Application, target: PreviewTarget, folder: Path, revision: Revision) -> str:
    """Why the agent would not follow what is previewed, for its signature."""
    commit, repository = commit_of(revision.commit), repository_of(application)
    if not commit:
        return ""
    if target.kept is not None:
        return signature.warning(access, application, repository, target.kept.sources, commit)
    with closing(Sources(folder / MIRRORS, allow_file=repository.url.startswith("file:"))) as sources:
        return signature.warning(access, application, repository, sources, commit)


def render(
    tree: Tree, application: Application, *, path: str, facts: KubeFacts, variables: tuple[Variable, ...], keys: KeyMaterial
) -> Rendered:
    """The application's render of a tree."""
    with local_workers() as workers:
        return workers.render(tree, render_request(application, path=path, facts=facts, variables=variables, keys=keys))


def render_request(
    application: Application, *, path: str, facts: KubeFacts, variables: tuple[Variable, ...], keys: KeyMaterial
) -> RenderRequest:
    """What is rendered for an application."""
    return RenderRequest(
        application=application.key,
        path=path,
        options=application.spec.render,
        namespace=application.namespace,
        facts=facts,
        variables=variables,
        keys=keys,
    )


def kube_facts(access: ClusterClient) -> KubeFacts:
    """The cluster as charts may ask about it."""
    return KubeFacts(version=str(access.transport.request("GET", "/version")["gitVersion"]).removeprefix("v"))


def autoscaled_workloads(access: ClusterClient) -> frozenset[ObjectKey]:
    """The workloads scaled by live autoscalers; none when unlistable."""
    try:
        return targets(access.objects.list(access.discovery.find("autoscaling", "HorizontalPodAutoscaler")).items)
    except AgentError:
        return frozenset()


@contextmanager
def _wanted(
    access: ClusterClient, application: Application, target: PreviewTarget, scratch: Path
) -> Iterator[tuple[Tree, Revision, str]]:
    """What is rendered: (the tree, its revision, the path in it)."""
    if target.path is not None:
        root, path = root_of(target.path)
        with mounted(WorkTree(root)) as bases:
            tree = with_mounted_chart(bases, application, scratch, lambda *chart: chart_access(access, *chart))
            tree = with_dependencies(tree, application, lambda *chart: chart_access(access, *chart))
            with values_beside_directory(access, application, tree, scratch) as whole:
                yield whole, Revision(repository=str(root), ref="", commit=""), path
        return
    with fetched(access, application, scratch, revision=target.revision, kept=target.kept) as (tree, revision):
        yield tree, revision, application.spec.source.path


def root_of(path: Path) -> tuple[Path, str]:
    """The repository of a directory, and the path below its root.

    So bases outside of the directory can be reached.
    """
    path = path.resolve()
    try:
        exists = path.exists()
    except OSError as error:
        raise UsageError(f"{str(path)[:_PATH_SHOWN]} cannot be read: {error.strerror}") from None
    if not exists:
        raise UsageError(f"{path} does not exist")
    tree, below = WorkTree.around(path)
    return tree.root, below


def _live(
    access: ClusterClient, application: Application, desired: Desired, marks: MarkReader
) -> tuple[Snapshot, dict[ObjectKey, Object]]:
    ours, unseen = labelled(access, application.key)
    objects = {ObjectKey.of(obj): obj for obj in ours if owner(obj) == application.key or damaged_mark(obj)}
    missing = [manifest.key for manifest in desired.manifests if manifest.key not in objects]

    def get(key: ObjectKey) -> Object | None:
        try:
            return access.objects.get(key)
        except (NotFound, UnknownKind):
            return None

    with ThreadPoolExecutor(_THREADS) as pool:
        answers = zip(missing, pool.map(get, missing), strict=True)
        objects |= {key: obj for key, obj in answers if obj is not None}
    live: dict[ObjectKey, LiveObject] = {live.key: live for live in marks.observed(objects.values(), application.uid)}
    return Snapshot(objects=live, baselines={}, cannot_see=unseen, complete=True), objects


def _fields(
    access: ClusterClient, plan: Plan, objects: dict[ObjectKey, Object]
) -> tuple[dict[ObjectKey, tuple[FieldChange, ...]], dict[ObjectKey, AgentError]]:
    """Changed fields and refusals of each update, by server-side dry run."""
    fields: dict[ObjectKey, tuple[FieldChange, ...]] = {}
    errors: dict[ObjectKey, AgentError] = {}

    def ask(action: Action) -> None:
        if action.manifest is None:
            return
        body = marked(action.manifest, application=plan.application, revision=plan.revision, live=action.live)
        before = objects.get(action.key)
        try:
            after = access.objects.apply(body, dry_run=True, field_manager=FIELD_MANAGER)
        except UnknownKind:
            return
        except AgentError as error:
            if not (isinstance(error, NotFound) and before is None):
                errors[action.key] = error
            if isinstance(error, Forbidden) and before is not None:
                fields[action.key] = declared_changes(action.manifest, before)
            return
        if before is not None:
            hidden = action.manifest.generated
            fields[action.key] = object_changes(_bare(blanked(before, hidden)), _bare(blanked(after, hidden)))

    applied = [
        action for action in plan.changes() if action.intent in (ActionKind.CREATE, ActionKind.UPDATE, ActionKind.REPLACE)
    ]
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(ask, applied))
    return fields, errors


def _bare(obj: Object) -> Object:
    """The object without what only the server writes and without our marks."""
    result = copy(obj)
    result.pop("status", None)
    metadata = result.get("metadata") or {}
    for name in SERVER_METADATA:
        metadata.pop(name, None)
    for holder in ("annotations", "labels"):
        values = metadata.get(holder) or {}
        kept = {name: value for name, value in values.items() if name not in _MARKS and name != PREFIX + "application"}
        if kept:
            metadata[holder] = kept
        else:
            metadata.pop(holder, None)
    return result
