"""The state of an Application as a small picture, for a README.

Problem: a picture in a page of another site comes without a sign-in, so it is public. Decision: there are none unless the
administrator names the Applications; every other name, whether there is such an Application or not, gives the same picture.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gitops_agent.api.application_row import State, state_of, summary
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.wildcard import matches
from gitops_agent.manifest.key import AppKey, Object

_NAME = re.compile(r"[a-z0-9.-]{1,253}")
_UNKNOWN = "unknown"
_GREEN, _BLUE, _AMBER, _RED, _GREY = "#1a7f37", "#0969da", "#9a6700", "#c62828", "#57606a"
_COLOURS = {
    State.HEALTHY: _GREEN,
    State.PROGRESSING: _BLUE,
    State.HELD: _AMBER,
    State.DEGRADED: _RED,
    State.MISSING: _RED,
}
_CHARACTER_WIDTH = 7
_PADDING = 10
_LONGEST_NAME = 40
_HEADERS = {"cache-control": "public, max-age=60", "cross-origin-resource-policy": "cross-origin"}


class Badges:
    """Pictures of the Applications that patterns name.

    Args:
        patterns: of `namespace/name`; none at all when empty.
        read: the live Application of a key, None when there is none.
    """

    def __init__(self, patterns: tuple[str, ...], read: Callable[[AppKey], Object | None]) -> None:
        self._patterns, self._read = patterns, read

    def routes(self) -> list[Route]:
        """The route of all pictures."""
        return [Route("/badge/{namespace}/{name}.svg", self._answer, methods=["GET"])] if self._patterns else []

    async def _answer(self, request: Request) -> Response:
        key = AppKey(request.path_params["namespace"], request.path_params["name"])
        if not _NAME.fullmatch(key.name):
            return Response(status_code=404)
        return Response(_picture(key.name[:_LONGEST_NAME], self._state(key)), headers=_HEADERS, media_type="image/svg+xml")

    def _state(self, key: AppKey) -> State | None:
        if not any(matches(pattern, f"{key.namespace}/{key.name}") for pattern in self._patterns):
            return None
        try:
            live = self._read(key)
        except AgentError:
            return None
        return state_of(live, summary(live)) if live is not None else None


def _picture(name: str, state: State | None) -> str:
    word = state.value.lower() if state is not None else _UNKNOWN
    colour = _COLOURS.get(state, _GREY) if state is not None else _GREY
    left, right = (len(text) * _CHARACTER_WIDTH + _PADDING for text in (name, word))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{name}: {word}">'
        f"<title>{name}: {word}</title>"
        f'<rect width="{left}" height="20" fill="#24292f"/><rect x="{left}" width="{right}" height="20" fill="{colour}"/>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,sans-serif" font-size="11">'
        f'<text x="{left / 2}" y="14">{name}</text><text x="{left + right / 2}" y="14">{word}</text></g></svg>'
    )
