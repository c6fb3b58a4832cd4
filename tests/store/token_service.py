"""A service that gives tokens for containers, as the Planetary Computer's does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.store.server import FaultServer


@dataclass(kw_only=True)
class TokenService:
    """Answers ``GET /token/account/container`` with what ``make`` gives."""

    server: FaultServer
    make: Callable[[], str] = lambda: "sig=none"
    said_to_hold: timedelta = timedelta(hours=1)
    """Until ``msft:expiry``."""
    given: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.url("token")

    @property
    def asked(self) -> list[str]:
        """Targets of the requests so far."""
        return [request.target for request in self.server.requests]

    def answer(self, target: str, headers: Mapping[str, str]) -> bool:
        if target.startswith("/token/account/bucket"):
            self.given.append(self.make())
            expiry = (datetime.now(UTC) + self.said_to_hold).isoformat().replace("+00:00", "Z")
            told = {"msft:expiry": expiry, "token": self.given[-1]}
            self.server.files[target.lstrip("/")] = json.dumps(told).encode()
        return True


@contextmanager
def token_service() -> Iterator[TokenService]:
    with FaultServer() as server:
        service = TokenService(server=server)
        server.allow = service.answer
        yield service
