"""Geometries before they are read: longitudes of boxes, and limits of what strangers hand over."""
