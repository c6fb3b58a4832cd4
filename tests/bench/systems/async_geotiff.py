"""async-geotiff over obstore. It keeps no index, so every file's header is read again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.bench.results import Result
from tests.bench.scenarios import PIXEL_M, Area, Scene

if TYPE_CHECKING:
    from tests.bench.worker import Work

IN_FLIGHT = 64


class Reader:
    """All files and areas at once, so many reads in flight as ``IN_FLIGHT`` says."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def prepare(self) -> None:
        """Nothing is kept."""

    def load(self) -> None:
        import async_geotiff
        import numpy
        from obstore import store

        self.geotiff, self.np = async_geotiff, numpy
        if self.work.job.kind == "full":
            self.store: Any = store.LocalStore(self.work.folder)
        else:
            options: Any = {"allow_http": True, "pool_max_idle_per_host": "256"}
            self.store = store.HTTPStore.from_url(self.work.url, client_options=options)

    def run(self) -> Result:
        return asyncio.run(self._run())

    def arrays(self, answer: Result) -> Result:
        return answer

    async def _run(self) -> Result:
        self.turn = asyncio.Semaphore(IN_FLIGHT)
        read = {"chips": self._chips, "points": self._values, "index": self._header, "full": self._whole}
        parts = await asyncio.gather(*(read[self.work.job.kind](*asset) for asset in self.work.job.assets()))
        if self.work.job.kind == "index":
            return {"all": self.np.array(len(parts))}
        return {key: array for part in parts for key, array in part.items()}

    async def _header(self, scene: Scene, band: str) -> Any:
        async with self.turn:
            return await self.geotiff.GeoTIFF.open(f"{scene.path}/{band}.tif", store=self.store)

    async def _whole(self, scene: Scene, band: str) -> dict[str, Any]:
        file = await self._header(scene, band)
        return {"all": (await file.read()).data[0]}

    async def _chips(self, scene: Scene, band: str) -> dict[str, Any]:
        file = await self._header(scene, band)

        async def chip(area: Area) -> tuple[str, Any]:
            left, top, width, height = area.window(scene)
            window = self.geotiff.Window(col_off=left, row_off=top, width=width, height=height)
            async with self.turn:
                return f"{scene.id}/{band}/{area.id}", (await file.read(window=window)).data[0]

        return dict(await asyncio.gather(*map(chip, self.work.job.areas)))

    async def _values(self, scene: Scene, band: str) -> dict[str, Any]:
        """Each tile once, for all points in it."""
        file, np = await self._header(scene, band), self.np
        x, y = np.array(self.work.job.points).T
        columns = np.floor((x - scene.x) / PIXEL_M).astype(int)
        rows = np.floor((scene.y - y) / PIXEL_M).astype(int)
        tiles = np.stack([columns // file.tile_width, rows // file.tile_height])
        values = np.empty(len(x), file.dtype)

        async def take(across: int, down: int) -> None:
            async with self.turn:
                tile = await file.fetch_tile(across, down)
            mine = (tiles == [[across], [down]]).all(axis=0)
            top, left = down * file.tile_height, across * file.tile_width
            values[mine] = tile.array.data[0][rows[mine] - top, columns[mine] - left]

        await asyncio.gather(*(take(int(across), int(down)) for across, down in np.unique(tiles, axis=1).T))
        return {scene.id: values}
