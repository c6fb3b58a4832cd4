"""A catalogue of awkward items behind a STAC API, which counts the items that it hands out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shapely.geometry import MultiPolygon, Point, Polygon, box, mapping

from rasteret_sql.demo.search import search
from tests.stac.serving import Answer, Asked, Handler, Server, api, item, serving

CLOUDS: tuple[Any, ...] = (0, 12.5, 20, 20.5, 99.9, None, "absent")
PLATFORMS: tuple[Any, ...] = ("sentinel-2a", "it's", "B", None, "absent")
GSDS: tuple[Any, ...] = (10, 30.0, "absent")
FOOTPRINTS = (
    box(10, 45, 11, 46),
    Polygon(
        [(10, 45), (14, 45), (14, 45.2), (10.2, 45.2), (10.2, 49), (10, 49)]
    ),  # an L: its box is mostly empty
    Polygon([(12, 47), (13, 48), (13.2, 47.9), (12.2, 46.9)]),  # slanted, as orbits are
    Point(11, 46),
    MultiPolygon([box(179, 45, 180, 46), box(-180, 45, -179, 46)]),  # across the antimeridian
    box(-70, -34, -69, -33),
)
BEGIN = datetime(2024, 3, 30, 22, tzinfo=UTC)


def items() -> list[dict[str, Any]]:
    """Every value beside every other kind: lacking, null, with quotes, ranges of time, odd shapes."""
    made = []
    for n in range(42):
        values = {
            "eo:cloud_cover": CLOUDS[n % 7], "platform": PLATFORMS[n % 5], "gsd": GSDS[n % 3],
            **_times(n),
        }  # fmt: skip
        properties = {name: value for name, value in values.items() if value != "absent"}
        footprint = FOOTPRINTS[n % 6]
        made.append(
            item(f"i{n:02}", **properties)
            | {"geometry": mapping(footprint), "bbox": list(footprint.bounds)}
            | {"collection": "even" if n % 2 == 0 else "odd"}
        )
    return made


def _times(n: int) -> dict[str, Any]:
    """Six hours apart, across a change to summer time; every eighth has a range, some without a moment."""
    moment = BEGIN + timedelta(hours=6 * n, microseconds=n % 4)
    texts = {"datetime": moment.isoformat().replace("+00:00", "Z")}
    if n % 8 == 7:
        around = {"start_datetime": -5, "end_datetime": 5}
        texts |= {name: (moment + timedelta(days=days)).isoformat() for name, days in around.items()}
    return texts | ({"datetime": None} if n % 16 == 7 else {})


@dataclass
class Catalogue:
    """The API while it is served."""

    server: Server
    handed_out: int = 0
    """Items since the last look."""

    def since(self) -> int:
        count, self.handed_out = self.handed_out, 0
        return count


@contextmanager
def served() -> Iterator[Catalogue]:
    """The catalogue on a free port of this machine."""
    every = items()

    def answer(server: Server, asked: Asked) -> Answer:
        body = dict(asked.body)
        within = _within(body.pop("datetime", None))
        page = search([each for each in every if within(each["properties"])], body)
        catalogue.handed_out += len(page.items)
        body["token"] = page.next_token
        following = {"href": f"{server.url}/search", "method": "POST", "body": asked.body | body}
        links = [{"rel": "next", **following}] if page.next_token else []
        return Answer(body={"type": "FeatureCollection", "features": page.items, "links": links})

    handler: Handler = api("filter", "cql2-json", "sort", search=answer)
    with serving(handler) as server:
        catalogue = Catalogue(server=server)
        yield catalogue


def _within(interval: str | None) -> Any:
    """STAC's rule: the range of an item, or its moment, meets the interval."""
    if interval is None:
        return lambda properties: True
    first, _, last = interval.partition("/")
    low, high = (None if side == ".." else datetime.fromisoformat(side) for side in (first, last or first))

    def meets(properties: dict[str, Any]) -> bool:
        start = datetime.fromisoformat(properties.get("start_datetime") or properties["datetime"])
        end = datetime.fromisoformat(properties.get("end_datetime") or properties["datetime"])
        return (high is None or start <= high) and (low is None or end >= low)

    return meets
