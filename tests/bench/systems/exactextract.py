"""exactextract over rasterio: one thread a file, which reads all that its fields lie in at once.

Variant ``32 threads, one call``: arrays of all files are held until one call takes them all.
"""

from __future__ import annotations

from typing import Any

from tests.bench.results import Result
from tests.bench.systems import rasterstats

NAMES = ("count", "mean", "stdev", "min", "max")


class Reader(rasterstats.Reader):
    """Of rasters on one grid that come in one call exactextract works out the fractions of a field once."""

    def load(self) -> None:
        super().load()
        import exactextract
        import exactextract.feature
        import exactextract.raster

        self.exactextract = exactextract
        self.features = [
            {"type": "Feature", "properties": {}, "geometry": self.shapely.geometry.mapping(field)}
            for field in self.fields
        ]

    def run(self) -> Any:
        if self.work.variant != "32 threads, one call":
            return self._each(self._statistics, self.work.job.assets())
        read = self._each(self._source, self.work.job.assets())
        found = self._extract(list(read.values()))
        several = len(read) > 1
        return {
            scene: [
                [field["properties"][f"{scene}_{name}" if several else name] for name in NAMES]
                for field in found
            ]
            for scene in read
        }

    def arrays(self, answer: Any) -> Result:
        return {scene: self.np.array(lines, float) for scene, lines in answer.items()}

    def _extract(self, sources: Any) -> Any:
        return self.exactextract.exact_extract(sources, self.features, list(NAMES))

    def _statistics(self, asset: rasterstats.Asset) -> dict[str, Any]:
        (source,) = self._source(asset).values()
        found = self._extract(source)
        return {asset[0].id: [[field["properties"][name] for name in NAMES] for field in found]}

    def _source(self, asset: rasterstats.Asset) -> dict[str, Any]:
        pixels, affine, nodata = self._around(asset)
        rows, columns = pixels.shape
        xmin, ymax = affine * (0, 0)
        xmax, ymin = affine * (columns, rows)
        source = self.exactextract.raster.NumPyRasterSource(
            pixels, xmin, ymin, xmax, ymax, nodata=nodata, name=asset[0].id
        )
        return {asset[0].id: source}
