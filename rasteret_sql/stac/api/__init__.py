"""HTTP to a STAC API: its landing page, and pages of items."""
