"""Many requests at once: merged, bounded, retried."""
