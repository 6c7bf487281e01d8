"""`gitops-agent bootstrap`: lets Git manage the agent itself.

Everything that can be refused is asked before anything is written: the cluster and the rights in it, the repository, its path,
the right to push, and whether the agent's credentials read it. Git is written before the cluster, so an interruption leaves a
cluster without the agent, or an agent that follows what is committed; the same command goes on from there.
"""

from __future__ import annotations

import base64
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT
from gitops_agent.cli.watch_until import seconds_of, until
from gitops_agent.errors import AgentError, NotFound, SourceError, UnknownKind, UsageError

if TYPE_CHECKING:
    from gitops_agent.cluster.client import ClusterClient
    from gitops_agent.install.installed import Installed
    from gitops_agent.install.overlay import Overlay
    from gitops_agent.manifest.key import Object, ObjectKey
    from gitops_agent.source.repository import Repository

_PAUSE_SECONDS = 0.2
_STANDARD_INPUT = "-"


@click.command()
@click.option("--repo", required=True, help="The repository: https://, ssh://, user@host:path.")
@click.option("--path", required=True, help="The directory of this cluster in it, such as clusters/production.")
@click.option("--branch", default="main", show_default=True, help="The branch.")
@click.option("--name", default="root", show_default=True, help="The name of the Application that follows the path.")
@click.option("--image", default="", help="The image of the agent; the one in Git when it is not given.")
@click.option("--secret", default="", help="The Secret with the agent's credentials of the repository.")
@click.option(
    "--credential",
    "credentials",
    multiple=True,
    metavar="KEY=FILE",
    help="A key of that Secret, from a file or - for standard input, such as identity=key; repeatable.",
)
@click.option("--message", default="", help="The message of the commit.")
@click.option("--new-cluster", is_flag=True, help="Let this cluster take the place of the one that the path names.")
@click.option(
    "--write", "clone", type=click.Path(path_type=Path), help="Write the files into this clone, and stop: you commit and push."
)
@click.option("--print", "prints", is_flag=True, help="Print the files, and write nothing.")
@click.option("--dry-run", is_flag=True, help="Check everything, show what would be written, and stop.")
@out.wait_options("Wait until the agent has applied the commit.")
@out.cluster_options
def bootstrap(
    *,
    repo: str,
    path: str,
    branch: str,
    name: str,
    image: str,
    secret: str,
    credentials: tuple[str, ...],
    message: str,
    new_cluster: bool,
    clone: Path | None,
    prints: bool,
    dry_run: bool,
    waits: bool,
    timeout: str,
    kubeconfig: str | None,
    context: str | None,
    namespace: str,
) -> None:
    """Let Git manage the agent itself.

    Writes the agent's manifests and the Application that follows PATH into the repository, with your own Git (its name,
    signature, credential helper and SSH agent); installs the agent, and creates the Secret with which it reads the repository.
    From then on a commit changes and upgrades it. Running it again changes nothing, or brings the manifests of this version.

    Everything is checked before anything is written. Exit codes: 0 the agent has applied the commit; 1 the repository or the
    cluster refused something; 2 an option, or what is there already, stands against it; 3 the agent has not applied it in time.
    """
    from gitops_agent.cluster.client import ClusterClient
    from gitops_agent.install import bundle
    from gitops_agent.install.overlay import Image, Overlay
    from gitops_agent.source.repository import Repository

    deadline = time.monotonic() + seconds_of(timeout, "--timeout")
    if namespace != bundle.NAMESPACE:
        raise UsageError(f"the agent installs into {bundle.NAMESPACE}")
    if sum((clone is not None, prints, dry_run)) > 1:
        raise UsageError("--write, --print and --dry-run exclude each other")
    if credentials and not secret:
        raise UsageError("--credential: name the Secret that holds it with --secret")
    data = _read(credentials)
    repository = Repository(url=repo, secret=f"{namespace}/{secret}" if secret else "")
    access = ClusterClient.open(kubeconfig, context, namespace)
    overlay = Overlay(
        url=repo,
        branch=branch,
        path=_below(path),
        name=name,
        secret=secret,
        cluster_uid=_cluster_uid(access),
        image=Image.parse(image) if image else Image(name=bundle.NAME),
    )
    _check_application(overlay.root())
    if prints:
        _print(overlay, image)
        return
    if clone is not None:
        _write(clone, repository, overlay, image, new_cluster=new_cluster)
        return
    _Bootstrap(access, repository, overlay).run(
        image, data, message, new_cluster=new_cluster, dry_run=dry_run, deadline=deadline if waits else 0.0
    )


class _Bootstrap:
    """One run against a cluster and a repository.

    Args:
        access: the cluster, as its administrator.
        repository: that will manage the agent.
        overlay: the files.
    """

    def __init__(self, access: ClusterClient, repository: Repository, overlay: Overlay) -> None:
        self._access, self._repository, self._made = access, repository, overlay

    def run(
        self, image: str, data: dict[str, bytes], message: str, *, new_cluster: bool, dry_run: bool, deadline: float
    ) -> None:
        """Checks everything, then writes to Git and to the cluster."""
        from gitops_agent import __version__
        from gitops_agent.install import bootstrap as files
        from gitops_agent.install.installed import Installed
        from gitops_agent.install.user_clone import UserClone
        from gitops_agent.private_directory import private_directory

        overlay = self._made
        _administrator(self._access)
        installed = Installed.read(self._access.objects, overlay.name)
        installed.check(overlay.root())
        with private_directory("gitops-agent-bootstrap-") as folder:
            clone = UserClone.made(self._repository, overlay.branch, folder / "clone")
            layout = files.Layout.read(clone.root, overlay.path)
            overlay = files.with_image(overlay, layout, image)
            before = clone.commit
            self._reads(data, empty=not before)
            changed = layout.write(overlay, new_cluster=new_cluster)
            manifests = files.rendered(clone.root, overlay.path)
            text = message or f"{'Update' if layout.cluster_uid else 'Bootstrap'} gitops-agent {__version__} in {overlay.path}"
            committed = bool(changed) and clone.committed([overlay.path], text)
            if committed:
                clone.push(dry_run=True)
            if dry_run:
                self._show(changed, installed)
                return
            if committed:
                clone.push(dry_run=False)
            commit = clone.commit
        where = f"{self._repository} at {overlay.branch}"
        out.talk(f"{where}: {commit[:12]}, {len(changed)} files in {overlay.path}" if committed else f"{where}: unchanged")
        self._install(manifests, data, installed)
        if deadline:
            self._wait(commit, deadline)

    def _reads(self, data: dict[str, bytes], *, empty: bool) -> None:
        """Checks that the agent's credentials read the repository.

        Raises:
            AgentError: they do not, or the Secret is missing.
        """
        from tempfile import TemporaryDirectory

        from gitops_agent.cluster.secrets import Secrets
        from gitops_agent.source.ref import Ref
        from gitops_agent.source.sources import Credentials, Sources

        content: dict[str, bytes] = dict(data)
        if self._made.secret and not data:
            try:
                secret = Secrets(self._access.transport).read(self._access.namespace, self._made.secret)
            except NotFound as error:
                text = f"there is no Secret {self._made.secret} in {self._access.namespace}: give its keys with --credential"
                raise UsageError(text) from error
            content = dict(secret.sent_to(self._repository.host))
        credentials = Credentials.from_secret(content) if content else None
        with TemporaryDirectory(prefix="gitops-agent-") as scratch:
            sources = Sources(Path(scratch), allow_file=self._repository.transport == "file")
            try:
                sources.poll(self._repository, frozenset({Ref(kind="branch", value=self._made.branch)}), credentials)
            except SourceError as error:
                if not (empty and error.reason == "EmptyRepository"):
                    raise SourceError(f"the agent cannot read the repository: {error}", reason=error.reason) from error
            finally:
                sources.close()

    def _show(self, changed: tuple[str, ...], installed: Installed) -> None:
        for name in changed:
            click.echo(f"would write {name}")
        if not changed:
            click.echo(f"{self._made.path} in {self._repository} is as it should be")
        if installed.root is None:
            over = f" in place of {installed.image}" if installed.image else ""
            click.echo(f"would install the agent{over}, and create the Application {self._made.name}")

    def _install(self, manifests: list[Object], data: dict[str, bytes], installed: Installed) -> None:
        """Applies what the agent cannot apply yet."""
        from gitops_agent.install.installed import missing, take_over
        from gitops_agent.manifest.key import ObjectKey
        from gitops_agent.manifest.kinds import APPLICATION

        objects = self._access.objects
        root = [obj for obj in manifests if ObjectKey.of(obj).group_kind == APPLICATION]
        others = [obj for obj in manifests if obj not in root]
        if installed.root is not None:
            others, root = missing(objects, others), missing(objects, root)
        take_over(objects, others, _said)
        if data:
            self._secret(data)
        for obj in root:
            key = ObjectKey.of(obj)
            self._served(obj)
            _said(key, True)

    def _secret(self, data: dict[str, bytes]) -> None:
        from gitops_agent.install.installed import version_of
        from gitops_agent.manifest.kinds import SECRET

        key = SECRET.named(self._access.namespace, self._made.secret)
        encoded = {name: base64.b64encode(value).decode() for name, value in data.items()}
        body: Object = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"namespace": key.namespace, "name": key.name},
            "type": "Opaque",
            "data": encoded,
        }
        before = version_of(self._access.objects, key)
        after = self._access.objects.apply(body)
        _said(key, before != after["metadata"].get("resourceVersion"))

    def _served(self, obj: Object) -> None:
        """Applies the Application once its kind is served."""
        from gitops_agent.manifest.marks import FIELD_MANAGER

        pause, tries = threading.Event(), 150
        for attempt in range(tries):
            try:
                self._access.objects.apply(obj, field_manager=FIELD_MANAGER)
            except (UnknownKind, NotFound):
                if attempt == tries - 1:
                    raise
                self._access.discovery.invalidate()
                pause.wait(_PAUSE_SECONDS)
            else:
                return

    def _wait(self, commit: str, deadline: float) -> None:
        """Waits until the agent has applied the commit; exits with 3 otherwise."""
        from gitops_agent.api.application_row import summary
        from gitops_agent.cli.wait import because, ended, outcome
        from gitops_agent.manifest.kinds import APPLICATION
        from gitops_agent.manifest.marks import REQUESTED
        from gitops_agent.operations.agent_lease import absence

        name = self._made.name
        key = APPLICATION.named(self._access.namespace, name)
        if not ended(self._access.objects.get(key), commit):
            self._access.objects.merge_patch(key, {"metadata": {"annotations": {REQUESTED: f"{time.time():.3f}"}}})
        last = ""

        def seen(application: Object) -> None:
            nonlocal last
            row = summary(application)
            text = out.line(f"{row['sync']}, {row['health']}: {row['message']}")
            if text != last:
                out.talk(text)
                last = text

        seconds = deadline - time.monotonic()
        result = until(self._access, name, lambda live: ended(live, commit), seconds=seconds, seen=seen)
        if result is None or outcome(result):
            out.talk(f"{name} is not ready at {commit[:12]}{because(absence(self._access))}: see `gitops-agent status {name}`")
            sys.exit(DIFFERENT)
        click.echo(f"{name} is ready at {commit[:12]}: the agent follows {self._made.path} of {self._repository}")


def _said(key: ObjectKey, changed: bool) -> None:  # noqa: FBT001 - the installation calls it so
    click.echo(f"{key} {'applied' if changed else 'unchanged'}")


def _write(folder: Path, repository: Repository, overlay: Overlay, image: str, *, new_cluster: bool) -> None:
    """Writes the files into a clone of the user's."""
    from gitops_agent.install import bootstrap as files
    from gitops_agent.install.user_clone import UserClone

    clone = UserClone.around(folder, repository, overlay.branch)
    layout = files.Layout.read(clone.root, overlay.path)
    changed = layout.write(files.with_image(overlay, layout, image), new_cluster=new_cluster)
    files.rendered(clone.root, overlay.path)
    for name in changed:
        click.echo(name)
    out.talk(
        f"{len(changed)} files written: commit and push them, then run the same command without --write"
        if changed
        else "nothing changed: run the same command without --write"
    )


def _print(overlay: Overlay, image: str) -> None:
    """Prints the files, each after its path."""
    from gitops_agent.install.overlay import FOLDER

    if not image:
        raise UsageError("--print: name the image of the agent with --image")
    files = overlay.once() | {f"{FOLDER}/{name}": data for name, data in overlay.generated().items()}
    for name, data in sorted(files.items()):
        click.echo(f"---\n# {overlay.path}/{name}\n{data.decode().removeprefix('---')}", nl=False)


def _read(credentials: tuple[str, ...]) -> dict[str, bytes]:
    """The keys of the Secret, checked as the agent will.

    Raises:
        UsageError: a file cannot be read, or they are no credentials.
    """
    from gitops_agent.source.credentials import Credentials

    data: dict[str, bytes] = {}
    for pair in credentials:
        key, equals, source = pair.partition("=")
        if not equals or not key or not source:
            raise UsageError(f"--credential {key[:80]}: say KEY=FILE, such as identity=$HOME/.ssh/agent")
        try:
            text = sys.stdin.buffer.read() if source == _STANDARD_INPUT else Path(source).expanduser().read_bytes()
        except OSError as error:
            raise UsageError(f"--credential {key}: {source} cannot be read: {error.strerror}") from error
        data[key] = text
    if data:
        try:
            Credentials.from_secret(data)
        except SourceError as error:
            raise UsageError(f"--credential: {error}") from error
    return data


def _below(path: str) -> str:
    """The path as the Application names it."""
    return path.strip("/").removeprefix("./") or "."


def _check_application(root: Object) -> None:
    """Checks the options as the agent checks the Application."""
    from gitops_agent.api.parse import SpecInvalid, parse

    try:
        parse(root)
    except SpecInvalid as error:
        raise UsageError(str(error)) from error


def _cluster_uid(access: ClusterClient) -> str:
    access.transport.identity.pin()
    if not access.transport.identity.uid:
        raise AgentError("the UID of the namespace kube-system cannot be read, and the path could not name its cluster")
    return access.transport.identity.uid


def _administrator(access: ClusterClient) -> None:
    """Checks that the user may install everything.

    Raises:
        UsageError: they may not.
    """
    attributes = {"verb": "*", "group": "*", "resource": "*"}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = access.transport.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=body)
    if not (answer.get("status") or {}).get("allowed"):
        raise UsageError("you may not install the agent: its roles and CRDs take the rights of cluster-admin")
