"""Errors as RFC 9457 has them: `application/problem+json`."""

from __future__ import annotations

from gitops_agent.server.views.base import View


class ProblemView(View):
    """Why a request was refused."""

    type: str = "about:blank"
    """The page about the reason."""

    title: str
    """What the reason stands for."""

    status: int
    """The HTTP status."""

    detail: str
    """What is wrong with this request, for people."""

    reason: str
    """A code from the table of reasons."""

    remedy: str = ""
    """What to do about it."""

    mode: str = ""
    """How to sign in, in an answer 401."""

    issuer: str = ""
    """The host of the OIDC provider at which `GET /auth/login` signs in, in an answer 401."""
