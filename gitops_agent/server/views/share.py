"""Links that show something to people without an account of the cluster."""

from __future__ import annotations

from pydantic import Field

from gitops_agent.server.views.base import ApplicationName, Time, View


class ShareBody(View):
    """What a link shows: either `application` or `filter`."""

    application: ApplicationName | None = None
    """One Application."""

    filter: str = Field(default="", max_length=300)
    """The Applications that match, as in the search box, of the namespaces in which the viewer may `share`."""

    ttl: str = "24h"
    """How long it is good, such as `8h`; at most `168h`."""


class ShareLink(View):
    """A link that was made. It is shown once and kept nowhere."""

    url: str
    """The address to send; a path where `server.externalURL` is not set."""

    expires: Time
    """When it ends."""


class SharedView(View):
    """What a link shows."""

    application: ApplicationName | None = None
    """The one Application; null for a list."""

    filter: str = ""
    """The filter of a list."""

    namespaces: tuple[str, ...] = ()
    """The namespaces of the list."""

    expires: Time
    """When it ends."""

    cluster: str = ""
    """The name of the cluster."""
