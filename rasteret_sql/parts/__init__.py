"""One query as independent parts, which any number of processes run: ``Session``, ``split`` and ``Part``.

A read is a pure function of an index row, so a query is cut along the rows of its index: a tile belongs to
one asset, an asset to one row, and no tile is read twice. Everything here is a value: any engine can run it.
"""

from rasteret_sql.parts.part import Part
from rasteret_sql.parts.parts import Parts
from rasteret_sql.parts.secret_values import FromEnvironment
from rasteret_sql.parts.session import Session
from rasteret_sql.parts.splitting import split

__all__ = ["FromEnvironment", "Part", "Parts", "Session", "split"]
