"""What stands behind the port of jobs."""
