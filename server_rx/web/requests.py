"""What holds for every HTTP request: HEAD is GET without its body, and a parameter that no route has is refused."""

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radiosem.errors import InputError

EVENT_STREAM = "text/event-stream"


class Heads:
    """Answers HEAD as GET without the body (RFC 9110, 9.3.2); of the stream of events, which has no end, by itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
        elif scope["path"] == "/v1/events":
            await Response(media_type=EVENT_STREAM)(scope, receive, send)
        else:
            await self._app({**scope, "method": "GET"}, receive, without_body)


def refuse_unknown(request: Request) -> None:
    """Raise InputError naming a query parameter that the route does not have: a slip of the pen would go unheeded."""
    known = _parameters(request.scope["route"].dependant)
    for name, value in request.query_params.items():
        if name not in known:
            raise InputError(f"{name[:80]} is {value[:80]!r}, but there is no such parameter; {_listed(known)}")


def _parameters(dependant: Dependant) -> list[str]:
    inner = [name for part in dependant.dependencies for name in _parameters(part)]
    return [parameter.alias for parameter in dependant.query_params] + inner


def _listed(known: list[str]) -> str:
    return f"there are {', '.join(known)}" if known else "there are none"
