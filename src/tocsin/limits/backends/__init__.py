"""The backends of the rate limits' port; only ``wiring`` imports them."""
