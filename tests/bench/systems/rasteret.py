"""Rasteret with its cached Parquet collection; of its options only plain HTTP is allowed in addition."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.bench.results import Result
from tests.bench.scenarios import ZONE

if TYPE_CHECKING:
    from tests.bench.worker import Work

INSET_M = 1.0
"""Areas end inside the pixels at their edges: the same windows, no doubt about rounding."""


class Reader:
    """A collection built by ``prepare`` is loaded as part of the work, as an index is read by ours."""

    def __init__(self, work: Work) -> None:
        self.work, self.job = work, work.job
        self.home = work.scratch / "collection_records"

    def prepare(self) -> None:
        self.load()
        if self.job.kind != "index":
            self._build()

    def load(self) -> None:
        import geopandas
        import numpy
        import pyarrow
        import rasteret
        import rasteret.fetch.cog
        import shapely.geometry

        rasteret.fetch.cog._OBSTORE_CLIENT_OPTIONS["allow_http"] = "true"
        self.rasteret, self.geopandas, self.np = rasteret, geopandas, numpy
        self.arrow, self.box = pyarrow, shapely.geometry.box
        if self.job.kind == "index":
            self.records = self._records()

    def run(self) -> Any:
        if self.job.kind == "index":
            return len(self._build()) * len(self.job.bands)
        collection = self.rasteret.load(self.home)
        asked: dict[str, Any] = {"bands": list(self.job.bands), "geometry_crs": ZONE}
        if self.job.kind == "points":
            x, y = zip(*self.job.points, strict=True)
            points = self.arrow.table({"x": x, "y": y})
            # Without bbox its filter has a term a point, and 10,000 of them crash it.
            everywhere = (-180.0, -90.0, 180.0, 90.0)
            return collection.sample_points(points, x_column="x", y_column="y", bbox=everywhere, **asked)
        if self.job.kind == "full":
            return collection.get_numpy(geometries=self._inside(self.job.scenes[0].bounds).bounds, **asked)
        asked["geometries"] = [self._inside(area.bounds) for area in self.job.areas]
        if self.job.kind == "warp":
            asked["target_crs"] = ZONE
        elif len(self.job.areas) == len(self.job.bands) == 1:  # its fastest way for one area
            order = collection.to_table(columns=["id"]).column("id").to_pylist()
            return order, collection.get_numpy(**asked)
        return collection.get_gdf(**asked)

    def arrays(self, answer: Any) -> Result | None:
        if self.job.kind == "index":
            return {"all": self.np.array(answer)}
        if self.job.kind == "full":
            return {"all": answer[0]}
        if self.job.kind == "warp":
            return None  # its grid is its own
        if self.job.kind == "points":
            table = answer.to_pandas().sort_values("point_index")
            return {scene: rows["value"].to_numpy() for scene, rows in table.groupby("record_id")}
        if isinstance(answer, tuple):
            band, area = self.job.bands[0], self.job.areas[0].id
            return {f"{scene}/{band}/{area}": chip for scene, chip in zip(*answer, strict=True)}
        rows = zip(answer["record_id"], answer["band"], answer["geometry_id"], answer["data"], strict=True)
        return {
            f"{scene}/{band}/{self.job.areas[int(number) - 1].id}": data for scene, band, number, data in rows
        }

    def _inside(self, bounds: tuple[float, float, float, float]) -> Any:
        xmin, ymin, xmax, ymax = bounds
        return self.box(xmin + INSET_M, ymin + INSET_M, xmax - INSET_M, ymax - INSET_M)

    def _build(self) -> Any:
        return self.rasteret.build_from_table(
            self._records() if self.job.kind != "index" else self.records,
            name="collection",
            workspace_dir=self.home,
            enrich_cog=True,
            data_source="bench",
            force=True,
        )

    def _records(self) -> Any:
        from pyproj import Transformer

        where = self.work.folder if self.job.kind == "full" else self.work.url
        rows = []
        for day, scene in enumerate(self.job.scenes):
            to_lonlat = Transformer.from_crs(scene.epsg, "OGC:CRS84", always_xy=True)
            rows.append(
                {
                    "id": scene.id,
                    "datetime": datetime(2024, 1, 1) + timedelta(days=day),
                    "geometry": self.box(*to_lonlat.transform_bounds(*scene.bounds)),
                    "assets": {b: {"href": f"{where}/{scene.path}/{b}.tif"} for b in self.job.bands},
                }
            )
        frame = self.geopandas.GeoDataFrame(rows, geometry="geometry", crs="OGC:CRS84")
        return frame.to_arrow(geometry_encoding="WKB")
