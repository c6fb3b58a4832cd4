"""rasterstats over rasterio: one thread a file, which reads all that its fields lie in at once."""

from __future__ import annotations

import math
from typing import Any

from tests.bench.results import Result
from tests.bench.scenarios import Scene
from tests.bench.systems import rasterio

NAMES = ("count", "mean", "std", "min", "max")
Asset = tuple[Scene, str]


class Reader(rasterio.Reader):
    """Zones are counted in arrays, so that a file's tiles are read and decoded once."""

    def load(self) -> None:
        super().load()
        import numpy
        import rasterio.features
        import rasterstats
        import shapely

        self.np, self.shapely, self.rasterstats = numpy, shapely, rasterstats
        self.geometry_window = rasterio.features.geometry_window
        rings = [shapely.linearrings(ring) for ring in self.work.job.fields]
        self.fields: list[Any] = list(shapely.polygons(rings))
        self.around = shapely.box(*shapely.total_bounds(self.fields))

    def run(self) -> Any:
        return self._each(self._statistics, self.work.job.assets())

    def arrays(self, answer: Any) -> Result:
        """With the standard deviation of a sample, where rasterstats gives that of a population."""
        return {scene: self.np.array([_line(field) for field in fields]) for scene, fields in answer.items()}

    def _around(self, asset: Asset) -> tuple[Any, Any, int | None]:
        """Pixels around all fields, their affine, and nodata."""
        with self._open(asset) as file:
            window = self.geometry_window(file, [self.around])
            nodata = None if file.nodata is None else int(file.nodata)  # pixels are integers
            return file.read(1, window=window), file.window_transform(window), nodata

    def _statistics(self, asset: Asset) -> dict[str, Any]:
        pixels, affine, nodata = self._around(asset)
        return {
            asset[0].id: self.rasterstats.zonal_stats(
                self.fields, pixels, affine=affine, nodata=nodata, stats=NAMES
            )
        }


def _line(found: dict[str, Any]) -> list[float]:
    count = found["count"]
    if not count:
        return [0.0] + [math.nan] * 4
    spread = found["std"] * math.sqrt(count / (count - 1)) if count > 1 else 0.0
    return [float(value) for value in (count, found["mean"], spread, found["min"], found["max"])]
