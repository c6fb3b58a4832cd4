"""Several chips of one grid as one."""
