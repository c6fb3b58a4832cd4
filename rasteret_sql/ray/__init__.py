"""A query on a Ray cluster: the same SQL, its parts as read tasks of a Dataset.

``pip install "ray[data]" rasteret-sql`` on every node; ``ray.init(…)`` decides which cluster it is.
"""

from rasteret_sql.ray.index import build_index
from rasteret_sql.ray.queries import query, write_parquet

__all__ = ["build_index", "query", "write_parquet"]
