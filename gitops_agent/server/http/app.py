"""The dashboard as an ASGI application: routes, sessions, limits, answers.

Answers are made in threads, because they talk to the API server and to Git; few of the costly ones at a time. The thread of the
server itself only sorts, compresses and sends.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import orjson
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as Path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gitops_agent.errors import AgentError, NotFound
from gitops_agent.observe.log import logger
from gitops_agent.server.answers.call import Call, Service
from gitops_agent.server.answers.logs import log_target
from gitops_agent.server.answers.share import shared_viewer
from gitops_agent.server.answers.table import ANSWERS
from gitops_agent.server.http.event_stream import EventStreams, Wish
from gitops_agent.server.http.headers import HSTS, SECURITY, Origins
from gitops_agent.server.http.limits import Rate, network
from gitops_agent.server.http.log_streams import LogStreams
from gitops_agent.server.http.problems import RequestProblem, encoded, problem
from gitops_agent.server.http.sessions import Sessions
from gitops_agent.server.openapi import text
from gitops_agent.server.routes import ACTION_BYTES, ROUTES, Route
from gitops_agent.server.viewer import Viewer
from gitops_agent.server.views.applications import ApplicationList
from gitops_agent.server.views.base import View
from gitops_agent.server.views.session import SignIn
from gitops_agent.server.web.assets import page

_log = logger("dashboard")
_REQUEST_SECONDS = 15.0
_COSTLY_SECONDS = 90.0
_COSTLY = 4
_WAITING = 16
_ANSWER_BYTES = 8 << 20
_COMPRESSED_FROM = 1024
_CODE = "code"


class Dashboard:
    """The application.

    Args:
        service: what answers are made from.
        sessions: who viewers are.
        origins: the names the server answers to.
        streams: the open pages.
        secure: whether browsers come over TLS.
        pages: routes beside the API and the page.
    """

    def __init__(
        self,
        service: Service,
        sessions: Sessions,
        origins: Origins,
        streams: EventStreams,
        *,
        secure: bool = False,
        pages: Sequence[Path] = (),
    ) -> None:
        self._service, self._sessions, self._origins, self._streams = service, sessions, origins, streams
        self._headers = [(name.encode(), value.encode()) for name, value in (SECURITY | (HSTS if secure else {})).items()]
        self._requests, self._sign_ins = Rate(120, 2.0), Rate(5, 60.0)
        self._logs = LogStreams()
        self._costly: asyncio.Semaphore | None = None
        self._queued = 0
        self._description = text().encode()
        paths = [Path(route.path, self._endpoint(route), methods=[route.method]) for route in ROUTES]
        paths += pages
        paths.append(Path("/{path:path}", self._page, methods=["GET"]))
        self._app = Starlette(routes=paths)
        self._loop: asyncio.AbstractEventLoop | None = None
        service.source.listen(streams.touch)

    def stop(self) -> None:
        """Ends the streams."""
        self._streams.stop()
        self._logs.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Checks the request, and adds the headers of every answer."""
        if scope["type"] != "http":
            return
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._costly = loop, asyncio.Semaphore(_COSTLY)
            self._streams.attach(loop)

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message.get("headers", ())}
                added = (header for header in self._headers if header[0] not in own)
                message = {**message, "headers": [*message.get("headers", ()), *added]}
            await send(message)

        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            path = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
            self._origins.check(scope["method"], path, headers)
            await self._app(scope, receive, headed)
        except RequestProblem as error:
            await self._refuse(error)(scope, receive, headed)
        except ClientDisconnect:
            return

    def _endpoint(self, route: Route) -> Any:
        async def endpoint(request: Request) -> Response | ASGIApp:
            try:
                return await self._handle(route, request)
            except AgentError as error:
                return self._refuse(error)
            except TimeoutError:
                late = RequestProblem(504, "the answer was not ready in time: try again", reason="Unavailable")
                return self._refuse(late)
            except ClientDisconnect:
                raise
            except Exception as error:  # noqa: BLE001 - one request must not show a traceback, nor end the server
                _log.exception("unexpected error in an answer", route=route.name, error=type(error).__name__)
                return self._refuse(RequestProblem(500, "something went wrong; the log says what", reason="Error"))

        return endpoint

    async def _handle(self, route: Route, request: Request) -> Response | ASGIApp:
        if route.name == "openapi":
            return self._bytes(request, self._description, "application/json")
        if route.name == "signOut":
            return self._with_cookies(Response(status_code=204), self._sessions.sign_out())
        body = await self._body(route, request)
        if route.name == "signIn":
            assert isinstance(body, SignIn)  # noqa: S101 - for the type checker: the route says so
            return await self._sign_in(request, body.token)
        viewer = await self._viewer(route, request)
        self._requests.check(viewer.digest, "requests")
        self._requests.count(viewer.digest)
        query = _query(route, request)
        if route.name == "stream":
            return self._stream(viewer, query, request)
        call = Call(service=self._service, viewer=viewer, names=request.path_params, query=query, body=body)
        if route.follows and query["follow"] == "true":
            return await self._follow(call)
        self._streams.used()
        view = await self._answer(route, call)
        if isinstance(view, ApplicationList):
            etag = f'W/"{view.epoch}-{view.seq}-{viewer.digest[:16]}"'
            if request.headers.get("if-none-match") == etag:
                return Response(status_code=304, headers={"etag": etag})
            return self._json(request, view, route.status, {"etag": etag, "cache-control": "private, no-cache"})
        return self._json(request, view, route.status, {"cache-control": "no-store"})

    async def _viewer(self, route: Route, request: Request) -> Viewer:
        if not route.shared:
            return await asyncio.to_thread(self._sessions.viewer, _headers(request))
        address = f"links {network(request.client.host if request.client else '')}"
        self._requests.check(address, "requests")
        self._requests.count(address)
        return await asyncio.to_thread(shared_viewer, self._service, request.path_params["share"])

    async def _answer(self, route: Route, call: Call) -> View:
        answer = ANSWERS[route.name]
        if not route.costly and call.query.get("commits") != "true":
            return await asyncio.wait_for(asyncio.to_thread(answer, call), _REQUEST_SECONDS)
        assert self._costly is not None  # noqa: S101 - set before the first request
        if self._queued >= _WAITING:
            raise RequestProblem(503, "too many plans and trees are being made: try again", reason="Throttled", retry_after=5)
        self._queued += 1
        try:
            async with asyncio.timeout(_COSTLY_SECONDS), self._costly:
                return await asyncio.to_thread(answer, call)
        finally:
            self._queued -= 1

    async def _body(self, route: Route, request: Request) -> View | None:
        chunks = bytearray()
        most = ACTION_BYTES if route.body is not None else 0
        async for chunk in request.stream():
            chunks += chunk
            if len(chunks) > most:
                raise RequestProblem(413, f"the body is longer than {most} bytes", reason="Invalid")
        if route.body is None:
            return None
        try:
            return route.body.model_validate_json(bytes(chunks))
        except ValidationError as error:
            faults = (f"{'.'.join(map(str, each['loc'])) or 'the body'}: {each['msg']}" for each in error.errors())
            raise RequestProblem(422, "; ".join(list(faults)[:5]), reason="Invalid") from None

    async def _sign_in(self, request: Request, token: str) -> Response:
        address = network(request.client.host if request.client else "")
        self._sign_ins.check(address, "failed sign-ins")
        try:
            viewer, cookies = await asyncio.to_thread(self._sessions.sign_in, token)
        except RequestProblem:
            self._sign_ins.count(address)
            raise
        call = Call(service=self._service, viewer=viewer, names={}, query={})
        view = await asyncio.wait_for(asyncio.to_thread(ANSWERS["me"], call), _REQUEST_SECONDS)
        return self._with_cookies(self._json(request, view, 200, {"cache-control": "no-store"}), cookies)

    def _stream(self, viewer: Viewer, query: Mapping[str, str], request: Request) -> ASGIApp:
        mark = request.headers.get("last-event-id") or query["last"]

        async def stream(scope: Scope, receive: Receive, send: Send) -> None:
            del scope
            try:
                await self._streams.serve(viewer, Wish(topics=query["topics"], mark=mark), receive, send)
            except AgentError as error:
                await self._refuse(error)(request.scope, receive, send)

        return stream

    async def _follow(self, call: Call) -> ASGIApp:
        self._logs.check(call.viewer)
        target = await asyncio.wait_for(asyncio.to_thread(log_target, call), _REQUEST_SECONDS)

        async def follow(scope: Scope, receive: Receive, send: Send) -> None:
            del scope
            await self._logs.serve(call.viewer, call.viewer.access.transport, target, receive, send)

        return follow

    async def _page(self, request: Request) -> Response:
        path = request.path_params["path"]
        if path.startswith("api/"):
            return self._refuse(NotFound(f"the API has no {request.url.path[:200]}", status=404))
        code = request.query_params.get(_CODE)
        if code and not path:
            return await self._exchange(request, code)
        shipped = page()
        asset = shipped.assets.get(request.url.path)
        if asset is None and path.startswith("assets/"):
            return self._refuse(NotFound(f"there is no file {request.url.path[:200]}", status=404))
        asset = asset or shipped.document
        headers = {"etag": asset.etag, "cache-control": asset.cache_control, "vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == asset.etag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(asset.compressed, headers=headers | {"content-encoding": "gzip"}, media_type=asset.content_type)
        return Response(asset.body, headers=headers, media_type=asset.content_type)

    async def _exchange(self, request: Request, code: str) -> Response:
        """Turns the code of the address into a cookie, and removes it from the address."""
        address = network(request.client.host if request.client else "")
        try:
            self._sign_ins.check(address, "failed sign-ins")
            _, cookies = await asyncio.to_thread(self._sessions.sign_in, code)
        except RequestProblem as error:
            self._sign_ins.count(address)
            return self._refuse(error)
        response = Response(status_code=303, headers={"location": "/", "cache-control": "no-store"})
        return self._with_cookies(response, cookies)

    def _json(self, request: Request, view: View, status: int, headers: dict[str, str]) -> Response:
        body = view.model_dump_json(by_alias=True).encode()
        if len(body) > _ANSWER_BYTES:
            raise RequestProblem(413, "the answer is too long: name one object with object=", reason="Invalid")
        return self._bytes(request, body, "application/json", status, headers)

    @staticmethod
    def _bytes(request: Request, body: bytes, media: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        sent = {"vary": "Accept-Encoding, Cookie", **(headers or {})}
        if len(body) >= _COMPRESSED_FROM and "gzip" in request.headers.get("accept-encoding", ""):
            body, sent = gzip.compress(body, 1, mtime=0), sent | {"content-encoding": "gzip"}
        return Response(body, status_code=status, headers=sent, media_type=media)

    @staticmethod
    def _with_cookies(response: Response, cookies: list[str]) -> Response:
        for cookie in cookies:
            response.headers.append("set-cookie", cookie)
        return response

    def _refuse(self, error: AgentError) -> Response:
        view = problem(error)
        if view.status == 401:  # noqa: PLR2004 - HTTP
            view = view.model_copy(update={"mode": self._sessions.mode, "issuer": self._sessions.issuer})
        status, body, headers = encoded(view)
        if retry := getattr(error, "retry_after", None):
            headers["retry-after"] = str(int(retry))
        return Response(body, status_code=status, headers={**headers, "cache-control": "no-store"})


def _headers(request: Request) -> dict[str, str]:
    """By lower-case names; lines of one name are joined by newlines."""
    joined: dict[str, str] = {}
    for name, value in request.headers.items():
        between = "; " if name == "cookie" else "\n"
        joined[name] = f"{joined[name]}{between}{value}" if name in joined else value
    return joined


def _query(route: Route, request: Request) -> dict[str, str]:
    """The parameters of a route, with their defaults; others are refused.

    Raises:
        RequestProblem: one is unknown or of the wrong type.
    """
    given = dict(parse_qsl(request.url.query, keep_blank_values=True))
    unknown = sorted(set(given) - {query.name for query in route.query})
    if unknown:
        raise RequestProblem(422, f"there is no parameter {unknown[0][:60]}", reason="Invalid")
    result = {}
    for query in route.query:
        default = "" if query.default is None else orjson.dumps(query.default).decode().strip('"')
        result[query.name] = given.get(query.name, default)
        if query.type == "boolean" and result[query.name] not in ("true", "false"):
            raise RequestProblem(422, f"{query.name}: say true or false", reason="Invalid")
    return result
