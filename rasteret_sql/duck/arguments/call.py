"""One vector of a kernel: its columns by name, and the arguments that mean the same in every function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import pyarrow as pa

from rasteret_sql.duck.arguments import arguments
from rasteret_sql.duck.arguments.arguments import Area
from rasteret_sql.duck.arguments.pixel_math import asked_math, scales_of
from rasteret_sql.duck.arguments.repeats import all_same
from rasteret_sql.errors import ArgumentError
from rasteret_sql.raster.algebra.band_math import BandMath

Bands = tuple[int | str, ...]
Kernel = TypeVar("Kernel", bound=Callable[..., Any])
AREAS = ("aoi", "zone")
"""What the macros call an area."""
ASKED = "asked"
"""The column of ``_rasteret_asked``: the type of the area or the points, and the query that asks."""


def by_name(kernel: Kernel) -> Kernel:
    """Mark a kernel that takes its columns as one ``Call`` instead of one by one."""
    kernel.by_name = True  # type: ignore[attr-defined]
    return kernel


class Call:
    """The columns of one vector, under the names that they have in the text of the macro."""

    def __init__(self, columns: Mapping[str, pa.Array]) -> None:
        self._columns = columns

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __getitem__(self, name: str) -> pa.Array:
        return self._columns[name]

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def same(self, names: Sequence[str]) -> bool:
        """Whether each of these columns has the same value in every row."""
        return all(all_same(self[name]) for name in names)

    def with_column(self, name: str, column: pa.Array) -> Call:
        """The same with another column under a name."""
        return Call({**self._columns, name: column})

    def first(self, names: Sequence[str]) -> Call:
        """The first row of these columns."""
        return Call({name: self[name].slice(0, 1) for name in names})

    # --- one column each -----------------------------------------------------------------------------

    def texts(self, name: str) -> list[str | None]:
        """VARCHAR or NULL."""
        return arguments.texts(self[name], name)

    def integers(self, name: str) -> list[int | None]:
        """Whole numbers or NULL."""
        return arguments.integers(self[name], name)

    def numbers(self, name: str) -> list[float | None]:
        """Numbers or NULL."""
        return arguments.numbers(self[name], name)

    def finite(self, name: str) -> list[float | None]:
        """Finite numbers or NULL."""
        return arguments.finite(self[name], name)

    def flags(self, name: str, *, default: bool = False) -> list[bool]:
        """BOOLEAN; NULL is ``default``."""
        return [default if value is None else value for value in self.optional_flags(name)]

    def optional_flags(self, name: str) -> list[bool | None]:
        """BOOLEAN or NULL."""
        return arguments.optional_flags(self[name], name)

    def choices(self, name: str, allowed: Sequence[str]) -> list[str]:
        """One of a few words; NULL is the first of them."""
        return arguments.choices(self[name], name, allowed)

    def values(self, name: str) -> list[Any]:
        """Python values of any kind."""
        return arguments.values_of(self[name])

    # --- what the functions share --------------------------------------------------------------------

    @property
    def raster(self) -> pa.Array:
        return self["raster"]

    @property
    def area(self) -> pa.Array:
        return self[next(name for name in AREAS if name in self)]

    def areas(self) -> list[Area]:
        """Every row's area in its own CRS, else in ``aoi_crs``, else in OGC:CRS84; None for NULL."""
        return arguments.areas(self.area, self[ASKED], self["aoi_crs"])

    def levels(self) -> list[int | None]:
        """The level of each row: ``level``, or the one whose pixels its window counts."""
        given = self.integers("level") if "level" in self else [None] * len(self)
        return arguments.levels_of(given, self.area)

    def bands(self) -> list[Bands | None]:
        """The bands of each row: ``band`` and ``bands`` are two names of one argument; None where both are
        NULL.
        """
        one, several = (arguments.band_lists(self[name], name) for name in ("band", "bands"))
        for single, listed in zip(one, several, strict=True):
            if single is not None and listed is not None:
                raise ArgumentError(
                    f"band := {arguments.sql(list(single))} and bands := {arguments.sql(list(listed))}: "
                    "expected one of them, which mean the same"
                )
        return [single if listed is None else listed for single, listed in zip(one, several, strict=True)]

    def one_band(self) -> list[int | str]:
        """The only band of each row: a number from 1 or a name; without one, the first."""
        chosen: list[int | str] = []
        for listed in self.bands():
            if listed is not None and len(listed) != 1:
                raise ArgumentError(
                    f"band := {arguments.sql(list(listed))}: expected one band number or name"
                )
            chosen.append(1 if listed is None else listed[0])
        return chosen

    def scales(self) -> list[bool | None]:
        """Of each row whether physical values are wanted; None: in expressions alone."""
        return scales_of(self.raster, self["scale"])

    def math(self) -> list[BandMath | None]:
        """What each row asks of its bands, by ``expression``, ``mask`` and ``scale``."""
        if "expression" not in self:
            nothing = pa.nulls(len(self))
            return asked_math(self.raster, nothing, nothing, self["scale"])
        return asked_math(self.raster, self["expression"], self["mask"], self["scale"])
