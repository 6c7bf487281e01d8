"""`gitops-agent trace KIND/NAME`: which Application an object belongs to.

The marks of the agent are on the objects it applies. Pods, ReplicaSets and Jobs carry none that count, so their owners are
followed first.
"""

from __future__ import annotations

import sys

import click

from gitops_agent.cli import complete, object_chain
from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.manifest.marks import REVISION, annotation, owner
from gitops_agent.manifest.revision_name import short

_DEPTH = 10
_TITLE_WIDTH = 13


@click.command()
@click.argument("kind")
@click.argument("name", required=False)
@out.output_option
@click.option(
    "-n", "--namespace", default="default", show_default=True, help="Of the object.", shell_complete=complete.namespaces
)
@out.connection_options
def trace(kind: str, name: str | None, *, output: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Show which Application an object belongs to, and from which commit.

    The object is given as `KIND NAME` or `KIND/NAME`, in the words of kubectl. The exit code is 3 when no Application owns it.
    """
    access = ClusterClient.open(kubeconfig, context, namespace)
    chain = object_chain.chain(access, object_chain.named(access, kind, name))
    application = owner(chain[-1])
    applications = _applications(access, application)
    if output in ("json", "yaml"):
        out.document(_document(chain, application, applications), output)
    elif output == "name":
        for key in applications:
            click.echo(str(key))
    else:
        for title, text in _facts(chain, application, applications):
            click.echo(f"{title + ':':<{_TITLE_WIDTH}}{out.line(text)}")
    if application is None:
        out.talk("no Application owns it")
        sys.exit(DIFFERENT)


def _applications(access: ClusterClient, application: AppKey | None) -> dict[AppKey, Object | None]:
    """The Application, the one that declares it, and so on."""
    result: dict[AppKey, Object | None] = {}
    while application is not None and application not in result and len(result) < _DEPTH:
        result[application] = None
        try:
            live = access.objects.get(APPLICATION.named(application.namespace, application.name))
        except AgentError as error:
            out.talk(out.line(f"Application {application} cannot be read: {error}"))
            break
        result[application] = live
        application = owner(live)
    return result


def _facts(chain: list[Object], application: AppKey | None, applications: dict[AppKey, Object | None]) -> list[tuple[str, str]]:
    from gitops_agent.api.application_row import source_text, summary

    facts = [("Object", str(ObjectKey.of(chain[0])))]
    facts += [("Owner", str(ObjectKey.of(obj))) for obj in chain[1:]]
    for key, live in applications.items():
        facts.append(
            ("Application" if key == application else "Declared by", f"Application {key}" if key != application else str(key))
        )
        if live is None:
            continue
        source, row = live["spec"]["source"], summary(live)
        facts.append(("Source", source_text(source)))
        if key == application:
            facts.append(("Revision", short(annotation(chain[-1], REVISION) or "unknown")))
        facts.append(("Status", f"{row['sync']}, {row['health']}: {row['message']}"))
    return facts


def _document(chain: list[Object], application: AppKey | None, applications: dict[AppKey, Object | None]) -> Object:
    return {
        "object": str(ObjectKey.of(chain[0])),
        "owners": [str(ObjectKey.of(obj)) for obj in chain[1:]],
        "application": str(application) if application else "",
        "declaredBy": [str(key) for key in applications if key != application],
        "revision": annotation(chain[-1], REVISION) or "",
    }
