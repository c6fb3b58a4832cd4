"""rasterio: variant ``sequential``, or a number of threads; one thread reads all areas of a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from tests.bench.results import Result
from tests.bench.scenarios import PIXEL_M, ZONE, Scene

if TYPE_CHECKING:
    from tests.bench.worker import Work


class Reader:
    """With threads through ``/vsis3/``, which needs no HEAD to learn a file's size as ``/vsicurl/`` does."""

    def __init__(self, work: Work) -> None:
        self.work = work
        number = work.variant.partition(" ")[0]
        self.threads = int(number) if number.isdecimal() else 1
        server, _, self.bucket = work.url.rpartition("/")
        os.environ.update(
            AWS_S3_ENDPOINT=server.removeprefix("http://"),
            AWS_HTTPS="NO",
            AWS_VIRTUAL_HOSTING="FALSE",
            AWS_NO_SIGN_REQUEST="YES",
            AWS_REGION="us-west-2",
        )

    def prepare(self) -> None:
        """Nothing is kept."""

    def load(self) -> None:
        import numpy
        import rasterio
        import rasterio.vrt
        import rasterio.windows

        self.rasterio, self.np = rasterio, numpy

    def run(self) -> Result:
        work: dict[str, Callable[[], Result]] = {
            "chips": lambda: self._each(self._chips, self.work.job.assets()),
            "warp": lambda: self._each(self._warped, self.work.job.assets()),
            "points": lambda: self._each(self._values, self.work.job.assets()),
            "samples": lambda: self._each(self._values, self.work.job.assets()),
            "index": self._headers,
            "full": self._whole,
        }
        return work[self.work.job.kind]()

    def arrays(self, answer: Result) -> Result:
        return answer

    def _each(self, read: Callable[[tuple[Scene, str]], dict[str, Any]], assets: Iterable[Any]) -> Result:
        if self.threads == 1:
            parts = [read(asset) for asset in assets]
        else:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(self.threads) as pool:
                parts = list(pool.map(read, assets))
        return {key: array for part in parts for key, array in part.items()}

    def _open(self, asset: tuple[Scene, str]) -> Any:
        scene, band = asset
        if self.work.job.local or self.work.variant == "local":  # the latter gives the reference
            return self.rasterio.open(self.work.folder / scene.path / f"{band}.tif")
        if self.work.variant == "sequential":  # as it is written without thought
            return self.rasterio.open(f"{self.work.url}/{scene.path}/{band}.tif")
        return self.rasterio.open(f"/vsis3/{self.bucket}/{scene.path}/{band}.tif")

    def _chips(self, asset: tuple[Scene, str]) -> dict[str, Any]:
        scene, band = asset
        window = self.rasterio.windows.Window
        with self._open(asset) as file:
            return {
                f"{scene.id}/{band}/{area.id}": file.read(1, window=window(*area.window(scene)))
                for area in self.work.job.areas
            }

    def _warped(self, asset: tuple[Scene, str]) -> dict[str, Any]:
        scene, band = asset
        affine = self.rasterio.Affine
        exact = {"tolerance": 1e-6} if self.work.variant == "local" else {}
        out = {}
        with self._open(asset) as file:
            for area in self.work.job.areas:
                with self.rasterio.vrt.WarpedVRT(
                    file,
                    crs=f"EPSG:{ZONE}",
                    transform=affine(PIXEL_M, 0, area.x, 0, -PIXEL_M, area.y),
                    width=area.size,
                    height=area.size,
                    **exact,
                ) as warped:
                    out[f"{scene.id}/{band}/{area.id}"] = warped.read(1)
        return out

    def _values(self, asset: tuple[Scene, str]) -> dict[str, Any]:
        """A whole tile for all points in it; ``sample`` reads pixel by pixel and takes far longer."""
        scene, _ = asset
        np, window = self.np, self.rasterio.windows.Window
        with self._open(asset) as file:
            x, y = np.array(self.work.job.points).T
            columns = np.floor((x - scene.x) / PIXEL_M).astype(int)
            rows = np.floor((scene.y - y) / PIXEL_M).astype(int)
            height, width = file.block_shapes[0]
            tiles = np.stack([rows // height, columns // width])
            values = np.empty(len(x), file.dtypes[0])
            for down, across in np.unique(tiles, axis=1).T:
                mine = (tiles == [[down], [across]]).all(axis=0)
                top, left = down * height, across * width
                part = window(left, top, min(width, file.width - left), min(height, file.height - top))
                values[mine] = file.read(1, window=part)[rows[mine] - top, columns[mine] - left]
        return {scene.id: values}

    def _headers(self) -> Result:
        def header(asset: tuple[Scene, str]) -> dict[str, Any]:
            with self._open(asset) as file:  # the profile, and that tiles have places in the file
                placed = file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1)
                return {f"{asset[0].id}/{asset[1]}": (file.profile, placed)}

        found = self._each(header, self.work.job.assets())
        return {"all": self.np.array(len(found))}

    def _whole(self) -> Result:
        scene, band = self.work.job.assets()[0]
        threads = min(self.threads, os.cpu_count() or 1)
        with self.rasterio.open(self.work.folder / scene.path / f"{band}.tif", NUM_THREADS=threads) as file:
            return {"all": file.read(1)}
