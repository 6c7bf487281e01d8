"""Share links: making one, and what one shows.

What a link shows of an Application and of a rollout is listed field by field: what views get later is not shown by links.
"""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime, timedelta
from typing import cast

from gitops_agent.api.durations import parse_duration
from gitops_agent.errors import Forbidden, NotFound, UsageError
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.server.answers.application import application
from gitops_agent.server.answers.call import Answer, Call, Service
from gitops_agent.server.answers.history import timeline
from gitops_agent.server.answers.listing import applications, matches
from gitops_agent.server.answers.rollouts import rollout
from gitops_agent.server.application_row import row_of
from gitops_agent.server.rights import SHARE
from gitops_agent.server.shares.link import Scope
from gitops_agent.server.shares.share_links import ShareLinks
from gitops_agent.server.shares.shared_viewer import SharedViewer
from gitops_agent.server.views import share as views
from gitops_agent.server.views.application import ApplicationView
from gitops_agent.server.views.base import ApplicationName
from gitops_agent.server.views.rollout import RolloutView

LONGEST = timedelta(days=7)
_SHORTEST = timedelta(minutes=1)
_NAMESPACES = 20
_APPLICATION_FIELDS = (
    *("namespace", "name", "agent", "headline", "ready", "sync", "health", "source", "held", "counts", "paused", "window"),
    *("pinned", "rollout", "rollouts"),
)
_ROLLOUT_FIELDS = ("row", "stable", "target", "steps", "until", "waits_for", "metrics", "history", "rejected")


def share(call: Call) -> views.ShareLink:
    """A new link, of what the viewer may `share`."""
    links, body = _links(call.service), cast("views.ShareBody", call.body)
    if (body.application is None) == (not body.filter):
        raise UsageError("say either application or filter")
    try:
        length = parse_duration(body.ttl, lowest=_SHORTEST, highest=LONGEST)
    except ValueError:
        raise UsageError(f"ttl={body.ttl[:40]}: say a duration from 1m to 168h") from None
    expires = int(time.time() + length.total_seconds())
    until = timestamp(datetime.fromtimestamp(expires, UTC))
    if body.application is not None:
        scope = Scope(application=_shareable(call, body.application), expires=expires)
    else:
        scope = Scope(filter=body.filter, namespaces=_namespaces(call), expires=expires)
    return views.ShareLink(url=links.make(scope, until=until, actor=call.viewer.user), expires=until)


def shared_viewer(service: Service, link: str) -> SharedViewer:
    """Who opens a link.

    Raises:
        NotFound: the link is not good.
        AgentError: the key of links cannot be read.
    """
    links = _links(service)
    scope = links.open(link)
    test = matches(scope.filter)

    def holds(key: AppKey) -> bool:
        live = service.source.application(key)
        return live is not None and test(row_of(live, service.source.policy))

    digest = hashlib.sha256(link.encode()).hexdigest()
    return SharedViewer(user="", groups=(), mode="share", access=links.nothing, digest=digest, scope=scope, matches=holds)


def shared(call: Call) -> views.SharedView:
    """What a link shows."""
    scope = cast("SharedViewer", call.viewer).scope
    name = scope.application
    return views.SharedView(
        application=ApplicationName(namespace=name.namespace, name=name.name) if name is not None else None,
        filter=scope.filter,
        namespaces=scope.namespaces,
        expires=timestamp(datetime.fromtimestamp(scope.expires, UTC)),
        cluster=call.service.cluster,
    )


def _shared_application(call: Call) -> ApplicationView:
    view = application(call)
    fields = {name: getattr(view, name) for name in _APPLICATION_FIELDS}
    fields["headline"] = view.headline.model_copy(update={"next": ()})
    return ApplicationView.model_validate({"uid": "", "resource_version": "", **fields})


def _shared_rollout(call: Call) -> RolloutView:
    view = rollout(call)
    return RolloutView.model_validate({"resource_version": "", **{name: getattr(view, name) for name in _ROLLOUT_FIELDS}})


def _links(service: Service) -> ShareLinks:
    if service.shares is None:
        raise NotFound("this dashboard has no share links: dashboard.shareLinks is off", status=404)
    return service.shares


def _shareable(call: Call, name: ApplicationName) -> AppKey:
    key = AppKey(name.namespace, name.name)
    shown = call.viewer.sees(key)
    if call.service.source.application(key) is None or not shown:
        raise NotFound(f"there is no Application {key.name} in namespace {key.namespace} that you may see", status=404)
    if not call.viewer.rights(key.namespace).may(SHARE, "applications", key.name):
        raise Forbidden(f"you may not {SHARE} applications in {key.namespace}", status=403)
    return key


def _namespaces(call: Call) -> tuple[str, ...]:
    """The namespaces whose Applications the viewer may all see and share."""
    every = sorted({key.namespace for key in call.service.source.applications()})
    rights = [call.viewer.rights(namespace) for namespace in every]
    chosen = tuple(each.namespace for each in rights if each.sees_all and each.may(SHARE, "applications"))
    if not chosen:
        raise Forbidden(f"you may {SHARE} all applications of no namespace: share one Application", status=403)
    if len(chosen) > _NAMESPACES:
        raise UsageError(f"you may {SHARE} applications of {len(chosen)} namespaces, and a link holds {_NAMESPACES}")
    return chosen


ANSWERS: dict[str, Answer] = {
    "share": share,
    "shared": shared,
    "sharedApplications": cast("Answer", applications),
    "sharedApplication": _shared_application,
    "sharedTimeline": cast("Answer", timeline),
    "sharedRollout": _shared_rollout,
}
