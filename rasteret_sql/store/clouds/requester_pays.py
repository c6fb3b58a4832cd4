"""Public buckets of S3 that bill whoever reads them, and what an error about one of them says."""

from __future__ import annotations

from rasteret_sql.store.address import parse_address

BUCKETS = frozenset({
    "naip-analytic", "naip-source", "naip-visualization", "sentinel-s1-l1c", "sentinel-s2-l1c",
    "sentinel-s2-l2a", "usgs-landsat",
})  # fmt: skip
"""Of the built-in datasets of Earth Search. None is paid for unless the user says so."""


def payer_advice(bucket: str) -> str | None:
    """How to read from ``bucket``; None for one that is not known to bill its readers."""
    if bucket not in BUCKETS:
        return None
    return (
        f"readers of this bucket pay: register(con, storage_options={{'s3://{bucket}/': "
        "{'requester_pays': True}}), or AWS_REQUEST_PAYER=requester in the environment, with the credentials "
        "of the AWS account that is billed (key and secret, profile, or AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY)"
    )


def payer_advice_of(href: str) -> str | None:
    """As ``payer_advice``, for an href of s3."""
    return payer_advice(parse_address(href).root.removeprefix("s3://"))
