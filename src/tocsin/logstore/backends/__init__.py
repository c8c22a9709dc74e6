"""The backends of the log store's port; only ``wiring`` imports them."""
