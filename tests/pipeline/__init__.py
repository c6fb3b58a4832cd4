"""Pipelines: dbt projects, and what runs every night."""
