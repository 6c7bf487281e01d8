"""`gitops-agent why KIND/NAME [FIELD]`: explains an object or a field of it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from gitops_agent.cli import complete, object_chain
from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.manifest.marks import owner

if TYPE_CHECKING:
    from gitops_agent.preview.why import Explanation, Place
    from gitops_agent.revision.revision import Revision

_SHORT = 12
_TITLE_WIDTH = 13


@click.command()
@click.argument("kind")
@click.argument("name", required=False)
@click.argument("field", required=False)
@out.output_option
@click.option(
    "-n", "--namespace", default="default", show_default=True, help="Of the object.", shell_complete=complete.namespaces
)
@out.connection_options
def why(
    kind: str,
    name: str | None,
    field: str | None,
    *,
    output: str,
    kubeconfig: str | None,
    context: str | None,
    namespace: str,
) -> None:
    """Explain an object or field: who declared it, wrote it, shaped it.

    The object is given as `KIND NAME` or `KIND/NAME`, a field as `spec.template.spec.containers[web].image`. The exit code is 3
    when no Application owns the object.
    """
    if "/" in kind:
        if field is not None:
            raise UsageError("give KIND/NAME and a field, or KIND, NAME and a field")
        kind, _, rest = kind.partition("/")
        name, field = rest, name
    access = ClusterClient.open(kubeconfig, context, namespace)
    live = object_chain.named(access, kind, name)
    chain = object_chain.chain(access, live)
    application = owner(chain[-1])
    if application is None:
        out.talk(f"no Application owns {ObjectKey.of(live)}: `kubectl get --show-managed-fields` names who wrote it")
        sys.exit(DIFFERENT)

    from gitops_agent.manifest.field_name import pointer_of
    from gitops_agent.preview.why import explain

    declared = chain[-1]
    path = pointer_of(field, declared) if field else ""
    raw = access.objects.get(APPLICATION.named(application.namespace, application.name))
    explanation = explain(access, raw, declared, path)
    if output in ("json", "yaml"):
        out.document(_document(explanation, chain, str(application)), output)
        return
    if output == "name":
        click.echo(str(application))
        return
    for title, text in _facts(explanation, chain, str(application), field or ""):
        click.echo(f"{title + ':':<{_TITLE_WIDTH}}{out.line(text)}")


def _facts(explanation: Explanation, chain: list[Object], application: str, field: str) -> list[tuple[str, str]]:
    facts = [("Object", str(ObjectKey.of(chain[0])))]
    facts += [("Owner", str(ObjectKey.of(obj))) for obj in chain[1:]]
    facts.append(("Application", f"{application}, {explanation.revision.short} is applied"))
    if explanation.declared is None:
        facts.append(("Declared in", "nothing: the applied commit does not declare it"))
    else:
        facts.append(("Declared in", _place(explanation.declared)))
    if explanation.field:
        facts += [("Field", f"{field} = {_text(explanation.value)}")]
        if explanation.git != explanation.value:
            facts.append(("In Git", _text(explanation.git)))
        facts += [
            ("Decided by" if not index else "Then by", _place(origin)) for index, origin in enumerate(explanation.origins)
        ]
    facts += [("Written by", _writer(writer)) for writer in explanation.writers]
    facts += [("Rule", rule) for rule in explanation.rules]
    facts += [("Comes after", text) for text in explanation.after] if not explanation.field else []
    facts += [("Problem", text) for text in explanation.problems]
    return facts


def _place(place: Place) -> str:
    where = f"{place.file}:{place.line}" if place.line else place.file or "the Application"
    change = f", {_change(place.change)}" if place.change is not None else ""
    return f"{where} ({place.what}){change}"


def _change(change: Revision) -> str:
    at = f" on {change.committed_at:%Y-%m-%d}" if change.committed_at else ""
    return f'{change.short} by {change.author}{at}: "{change.subject}"'


def _writer(writer: Any) -> str:
    at = f" at {writer.time}" if writer.time else ""
    return f"{writer.manager} ({writer.operation}){at}"


def _text(value: Any) -> str:
    from gitops_agent.manifest.merge_keys import ABSENT

    if value is ABSENT:
        return "not declared"
    return value if isinstance(value, str) else json.dumps(value)


def _document(explanation: Explanation, chain: list[Object], application: str) -> Object:
    from gitops_agent.manifest.merge_keys import ABSENT

    result: Object = {
        "object": str(ObjectKey.of(chain[0])),
        "owners": [str(ObjectKey.of(obj)) for obj in chain[1:]],
        "application": application,
        "revision": explanation.revision.commit,
        "declared": _place_document(explanation.declared) if explanation.declared is not None else None,
        "writers": [
            {"manager": writer.manager, "operation": writer.operation, "time": writer.time} for writer in explanation.writers
        ],
        "rules": list(explanation.rules),
        "after": list(explanation.after),
        "problems": list(explanation.problems),
    }
    if explanation.field:
        result |= {
            "field": explanation.field,
            "value": None if explanation.value is ABSENT else explanation.value,
            "git": None if explanation.git is ABSENT else explanation.git,
            "origins": [_place_document(origin) for origin in explanation.origins],
        }
    return result


def _place_document(place: Place) -> Object:
    change = place.change
    result: Object = {"file": place.file, "line": place.line, "what": place.what}
    if change is not None:
        result |= {"commit": change.commit, "author": change.author, "subject": change.subject}
    return result
