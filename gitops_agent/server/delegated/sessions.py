"""Viewers whom a proxy signed in, and guests.

The headers of the proxy are those that the API server knows too: `X-Remote-User`, and `X-Remote-Group` once for each group.
They count because only the proxy gets as far as sending them: the listener accepts no connection without its certificate.
Names that begin with `system:` belong to the cluster itself, and no proxy may claim them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace

from gitops_agent.server.delegated.reviewed_transport import Subject
from gitops_agent.server.delegated.viewers import DelegatedViewers
from gitops_agent.server.http.sessions import signed_out
from gitops_agent.server.viewer import Viewer

RESERVED = "system:"
_AUTHENTICATED = "system:authenticated"
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,256}")
_GROUPS = 200


class ProxySessions:
    """Viewers of a proxy.

    Args:
        viewers: makes them.
    """

    mode = "proxy"
    issuer = ""

    def __init__(self, viewers: DelegatedViewers) -> None:
        self._viewers = viewers

    def viewer(self, headers: Mapping[str, str]) -> Viewer:
        """The viewer whom the headers name."""
        user, groups = _text(headers.get("x-remote-user", "")), _text(headers.get("x-remote-group", ""))
        # Lines of one header are joined by a newline, which none can hold: more than one user is none.
        if not _NAME.fullmatch(user) or user.startswith(RESERVED):
            raise signed_out("the proxy names no user in X-Remote-User, or one of the cluster itself")
        chosen = [group for group in groups.split("\n") if _NAME.fullmatch(group) and not group.startswith(RESERVED)]
        return self._viewers.of(Subject(user=user, groups=(*sorted(set(chosen))[:_GROUPS], _AUTHENTICATED)))

    def sign_in(self, token: str) -> tuple[Viewer, list[str]]:
        """Refuses: the proxy signs in."""
        del token
        raise signed_out("open the dashboard through the proxy, which signs you in")

    def sign_out(self) -> list[str]:
        """Nothing to remove: the proxy keeps the session."""
        return []


class GuestSessions:
    """One viewer for all, who only reads.

    Args:
        viewers: makes the viewer.
        user: the name whose rights count.
        groups: its groups.
    """

    mode = "guest"
    issuer = ""

    def __init__(self, viewers: DelegatedViewers, user: str, groups: tuple[str, ...]) -> None:
        self._viewers, self._subject = viewers, Subject(user=user, groups=groups, reads_only=True)

    def viewer(self, headers: Mapping[str, str]) -> Viewer:
        """The guest; limits count for each browser."""
        browser = "\n".join(headers.get(name, "") for name in ("x-forwarded-for", "user-agent", "accept-language"))
        return replace(self._viewers.of(self._subject), digest=hashlib.sha256(browser.encode()).hexdigest())

    def sign_in(self, token: str) -> tuple[Viewer, list[str]]:
        """Refuses: guests do not sign in."""
        del token
        raise signed_out("this dashboard is for guests, and has no sign-in")

    def sign_out(self) -> list[str]:
        """Nothing to remove."""
        return []


def _text(value: str) -> str:
    """A header as UTF-8; empty where it is none."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return ""
