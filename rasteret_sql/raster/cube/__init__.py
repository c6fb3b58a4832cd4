"""Cubes: many scenes of one area on one grid."""
