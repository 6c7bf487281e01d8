"""A plan made on this side: what a sync would do, against the live cluster, for any revision or a local directory.

The same build, plan and guard as in the agent; only the live objects are read directly. What would change is asked of the API
server by a dry run, so that defaults, webhooks and immutable fields are in the answer.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import click

from gitops_agent.agent.installation import protected
from gitops_agent.api.application import Application
from gitops_agent.api.parse import parse
from gitops_agent.cli import output as out
from gitops_agent.cli.access import Access
from gitops_agent.cli.belongings import owned
from gitops_agent.cli.counting import dependants
from gitops_agent.cli.main import DIFFERENT
from gitops_agent.cli.rollout_rest import Rest, rest
from gitops_agent.cluster.secrets import Secrets
from gitops_agent.errors import AgentError, CannotSee, NotFound, SourceError, UnknownKind, UsageError
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.changes import ABSENT, Change, changes
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.marks import DIGEST, FIELD_MANAGER, ID, PREFIX, REVISION
from gitops_agent.manifest.masking import masked_pair
from gitops_agent.render.renderer import KubeFacts, Rendered, Renderer, RenderLimits, RenderRequest
from gitops_agent.render.worktree import WorkTree
from gitops_agent.revision.revision import Revision
from gitops_agent.revision.tree import Tree
from gitops_agent.rollout.variants import COMMIT, ROLLOUT_HASH
from gitops_agent.source.credentials import Credentials
from gitops_agent.source.ref import Kind, Ref
from gitops_agent.source.repository import Repository
from gitops_agent.source.sources import Sources
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.autoscale import targets
from gitops_agent.sync.desired import LEFT_OUT, Desired, build, marked
from gitops_agent.sync.guard import Dependants
from gitops_agent.sync.live import LiveObject, Snapshot, observe
from gitops_agent.sync.plan import Plan, plan
from gitops_agent.sync.policy import Policy
from gitops_agent.sync.wording import plain

_THREADS = 16
_DIGITS = re.compile(r"[0-9a-f]{40}")
_SERVER_METADATA = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")
_MARKS = (ID, DIGEST, REVISION, ROLLOUT_HASH, COMMIT, "kubectl.kubernetes.io/last-applied-configuration")
_JSON = (dict, list, bool, int, float, type(None))
_PLAIN = ("New", "Changed", "Pruning")
"""Reasons that need no words: what they say is what the sign says."""
_WORDS = {
    ActionKind.CREATE: ("+", "Healthy"),
    ActionKind.UPDATE: ("~", "OutOfSync"),
    ActionKind.REPLACE: ("!", "HeldForApproval"),
    ActionKind.DELETE: ("-", "Degraded"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to compare the cluster with: the application's own reference, another revision, or a local directory."""

    revision: str = ""
    path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A plan, with the fields each update would change, what the API server would refuse, and what rollouts hold back."""

    plan: Plan
    rest: Rest
    fields: dict[ObjectKey, tuple[Change, ...]] = field(default_factory=dict)
    errors: dict[ObjectKey, AgentError] = field(default_factory=dict)


def compare(access: Access, raw: Object, wish: Wish) -> Comparison:
    """Plans, and asks the API server about every change.

    Raises:
        AgentError: the source, the render or the plan cannot be made.
    """
    application = parse(raw)
    facts = KubeFacts(version=str(access.transport.request("GET", "/version")["gitVersion"]).removeprefix("v"))
    with (
        tempfile.TemporaryDirectory(prefix="gitops-agent-") as scratch,
        _wanted(access, application, wish, Path(scratch)) as (tree, revision, path),
    ):
        rendered = render(tree, application, path=path, facts=facts, scratch=Path(scratch))
    autoscaled = _autoscaled(access)
    desired = build(
        rendered.manifests,
        application=application.key,
        revision=revision,
        namespace=application.namespace,
        scope=lambda kind: scope(access, kind),
        create_namespace=application.spec.destination.create_namespace,
        autoscaled=autoscaled,
        ignore_fields=application.spec.sync.ignore_fields,
    )
    live, objects = _live(access, application, desired)
    rested = rest(desired, objects, autoscaled)
    desired = rested.desired
    sync = application.spec.sync
    policy = Policy(
        prune=sync.prune,
        self_heal=True,
        guard=sync.deletion_guard,
        ignore_fields=sync.ignore_fields,
        agent_namespace=access.namespace,
        protected=protected(access.namespace),
        application_uid=application.uid,
    )
    made = plan(desired, live, policy)
    if made.uncounted or made.verdict.held:
        made = plan(desired, live, policy, dependants=dependants(access, made))
    fields, errors = _fields(access, made, objects)
    return Comparison(plan=made, rest=rested, fields=fields, errors=errors)


def render(tree: Tree, application: Application, *, path: str, facts: KubeFacts, scratch: Path) -> Rendered:
    """The application's render of a tree."""
    request = RenderRequest(
        application=application.key,
        path=path,
        options=application.spec.render,
        namespace=application.namespace,
        facts=facts,
    )
    return Renderer(scratch=scratch / "renders", limits=RenderLimits()).render(tree, request)


def scope(access: Access, kind: GroupKind) -> bool | None:
    """Whether a kind is namespaced, None when the cluster does not know it."""
    try:
        return access.discovery.find(kind.group, kind.kind).namespaced
    except (UnknownKind, CannotSee):
        return None


def _autoscaled(access: Access) -> frozenset[ObjectKey]:
    """The workloads whose replicas belong to a live autoscaler; none when autoscalers cannot be listed."""
    try:
        return targets(access.objects.list(access.discovery.find("autoscaling", "HorizontalPodAutoscaler")).items)
    except AgentError:
        return frozenset()


def show(comparison: Comparison) -> int:
    """Prints the plan and returns the exit code: 0 for no change, 3 for some."""
    made = comparison.plan
    shown = [action for action in made.changes() if action.intent in _WORDS]
    for action in shown:
        sign, word = _WORDS[action.intent]
        click.echo(out.coloured(f"{sign} {action.key}", word) + _aside(action, comparison.rest))
        for change in comparison.fields.get(action.key, ()):
            click.echo("    " + out.line(f"{change.path}: {_text(change.old)} → {_text(change.new)}"))
        for text in _toll(made.verdict.blast.dependants.get(action.key)):
            click.echo(f"    takes along {out.line(text)}")
        if action.key in comparison.errors:
            click.echo("    " + out.coloured(f"refused: {plain(str(comparison.errors[action.key]))}", "False"))
    for warning in made.warnings:
        out.talk(f"warning: {out.line(warning)}")
    left_out = [action for action in made.actions if action.reason in LEFT_OUT]
    for action in left_out:
        out.talk(f"left out: {action.key}: {out.line(action.message)}")
    for note in comparison.rest.notes:
        out.talk(out.line(note))
    counts = {kind: sum(1 for action in shown if action.intent is kind) for kind in _WORDS}
    text = ", ".join(f"{count} to {kind.value}" for kind, count in counts.items() if count)
    where = made.revision.short or "the directory"
    out.talk(
        f"plan {made.hash[:12]}: {text}"
        if text
        else f"no differences: {len(made.actions) - len(left_out)} objects are as {where} declares"
    )
    if made.verdict.held:
        out.talk(f"it would be held: {made.verdict.message}")
    return DIFFERENT if shown else 0


def _toll(under: Dependants | None) -> Iterator[str]:
    """What goes along with a deletion, in words."""
    if under is not None:
        if under.total:
            more = ", …" if len(under.samples) < under.total else ""
            yield f"{under.total} objects that are not of this application: {', '.join(under.samples)}{more}"
        yield from under.notes
        yield from (f"what cannot be seen of {kind}" for kind in under.cannot_see)


def document(comparison: Comparison) -> Object:
    """The comparison as JSON values."""
    made = comparison.plan
    return {
        "application": str(made.application),
        "revision": made.revision.commit,
        "plan": made.hash,
        "held": made.verdict.message if made.verdict.held else "",
        "actions": [
            {
                "object": str(action.key),
                "action": action.intent.value,
                "reason": action.reason,
                "message": action.message or (comparison.rest.aside(action.key) if action.reason in _PLAIN else ""),
                "fields": [
                    {"path": c.path, "old": _json(c.old), "new": _json(c.new)} for c in comparison.fields.get(action.key, ())
                ],
                "refused": str(comparison.errors[action.key]) if action.key in comparison.errors else "",
            }
            for action in made.changes()
        ],
        "warnings": list(made.warnings),
        "rollouts": list(comparison.rest.notes),
    }


@contextmanager
def _wanted(access: Access, application: Application, wish: Wish, scratch: Path) -> Iterator[tuple[Tree, Revision, str]]:
    """What is rendered: (the tree, its revision, the path in it)."""
    if wish.path is not None:
        root, path = root_of(wish.path)
        yield WorkTree(root), Revision(repository=str(root), ref="", commit=""), path
        return
    with fetched(access, application, scratch, revision=wish.revision) as (tree, revision):
        yield tree, revision, application.spec.source.path


@contextmanager
def fetched(access: Access, application: Application, scratch: Path, *, revision: str = "") -> Iterator[tuple[Tree, Revision]]:
    """The repository at what the application follows, or at a commit or branch, with the caller's own access to its Secret.

    Raises:
        AgentError: it cannot be had; the message names the repository.
    """
    spec = application.spec.source
    repository = Repository(
        url=spec.repo_url, secret=f"{application.key.namespace}/{spec.secret_ref.name}" if spec.secret_ref else ""
    )
    ref = reference(application)
    if revision:
        ref = Ref(kind="commit" if _DIGITS.fullmatch(revision) else "branch", value=revision)
    sources = Sources(scratch / "mirrors", allow_file=spec.repo_url.startswith("file:"))
    try:
        try:
            poll = sources.poll(repository, frozenset({ref}), credentials(access, application))
            if ref in poll.errors:
                raise poll.errors[ref]
            found = sources.resolve(repository, ref)
        except SourceError as error:
            raise SourceError(f"{spec.repo_url}: {error}", reason=error.reason, transient=error.transient) from error
        yield sources.tree(repository, found.commit), found
    finally:
        sources.close()


def reference(application: Application) -> Ref:
    """What the application follows."""
    ref = application.spec.source.ref
    for kind in get_args(Kind):
        value = getattr(ref, kind)
        if value:
            return Ref(kind=kind, value=value)
    raise UsageError(f"Application {application.key} names no branch, tag, semver range or commit")


def credentials(access: Access, application: Application) -> Credentials | None:
    """What the application's Secret says, read with the caller's own permissions."""
    reference = application.spec.source.secret_ref
    if reference is None:
        return None
    return Credentials.from_secret(Secrets(access.transport).get_secret(application.key.namespace, reference.name))


def root_of(path: Path) -> tuple[Path, str]:
    """The repository a directory lies in, so that bases outside of it can be reached, and the path below that."""
    path = path.resolve()
    if not path.exists():
        raise UsageError(f"{path} does not exist")
    tree, below = WorkTree.around(path)
    return tree.root, below


def _live(access: Access, application: Application, desired: Desired) -> tuple[Snapshot, dict[ObjectKey, Object]]:
    found, unseen = owned(access, application.key)
    objects = {ObjectKey.of(obj): obj for obj in found}
    missing = [manifest.key for manifest in desired.manifests if manifest.key not in objects]

    def get(key: ObjectKey) -> Object | None:
        try:
            return access.objects.get(key)
        except (NotFound, UnknownKind):
            return None

    with ThreadPoolExecutor(_THREADS) as pool:
        answers = zip(missing, pool.map(get, missing), strict=True)
        objects |= {key: obj for key, obj in answers if obj is not None}
    live: dict[ObjectKey, LiveObject] = {key: observe(obj) for key, obj in objects.items()}
    return Snapshot(objects=live, baselines={}, cannot_see=unseen, complete=True), objects


def _fields(
    access: Access, made: Plan, objects: dict[ObjectKey, Object]
) -> tuple[dict[ObjectKey, tuple[Change, ...]], dict[ObjectKey, AgentError]]:
    """What each update would change and what would be refused, as the API server sees it."""
    fields: dict[ObjectKey, tuple[Change, ...]] = {}
    errors: dict[ObjectKey, AgentError] = {}

    def ask(action: Action) -> None:
        if action.manifest is None:
            return
        body = marked(action.manifest, application=made.application, revision=made.revision, live=action.live)
        before = objects.get(action.key)
        try:
            after = access.objects.apply(body, dry_run=True, field_manager=FIELD_MANAGER)
        except UnknownKind:
            return
        except AgentError as error:
            if not (isinstance(error, NotFound) and before is None):
                errors[action.key] = error
            return
        if before is not None:
            fields[action.key] = changes(*masked_pair(_bare(before), _bare(after)))

    asked = [action for action in made.changes() if action.intent in (ActionKind.CREATE, ActionKind.UPDATE, ActionKind.REPLACE)]
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(ask, asked))
    return fields, errors


def _bare(obj: Object) -> Object:
    """The object without what only the server writes and without our marks."""
    result = copy(obj)
    result.pop("status", None)
    metadata = result.get("metadata") or {}
    for name in _SERVER_METADATA:
        metadata.pop(name, None)
    for holder in ("annotations", "labels"):
        values = metadata.get(holder) or {}
        kept = {name: value for name, value in values.items() if name not in _MARKS and name != PREFIX + "application"}
        if kept:
            metadata[holder] = kept
        else:
            metadata.pop(holder, None)
    return result


def _aside(action: Action, rested: Rest) -> str:
    if action.kind is ActionKind.HOLD or action.reason in _PLAIN:
        held = rested.aside(action.key) if action.reason in _PLAIN else ""
        return f"  ({out.line(held)})" if held else ""
    return f"  ({out.line(action.message or action.reason)})"


def _text(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=repr) if type(value) in _JSON else repr(value)
    return text if len(text) <= 100 else text[:99] + "…"  # noqa: PLR2004 - one line


def _json(value: Any) -> Any:
    return None if value is ABSENT else value
