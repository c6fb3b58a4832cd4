"""Storage options and environment variables of the clouds, as configuration of obstore."""
