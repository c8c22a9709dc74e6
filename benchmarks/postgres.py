"""The benchmark with PostgreSQL as log store: a real server from a package, with fsync on."""

from pathlib import Path

import psutil
import psycopg
from tests.support.postgres import PostgresServer

from benchmarks.bench import Results, Workload, measure


def measure_on_postgres(workload: Workload, log_file: Path) -> Results:
    """The same figures; CPU time and memory are those of Tocsin and of the database server together."""
    with PostgresServer(fsync=True) as postgres, postgres.empty_database() as url:
        main_process = psutil.Process(postgres.pid)

        def helpers() -> list[psutil.Process]:
            return [main_process, *main_process.children()]

        results = measure({"TOCSIN_LOGSTORE_URL": url}, workload, log_file, helpers=helpers)
        with psycopg.connect(url) as connection:
            [size_bytes] = connection.execute("SELECT pg_database_size(current_database())").fetchone() or (0,)
    logs = results["ingest"]["logs"]
    results["ingest"] |= {"disk_bytes_per_log": round(size_bytes / logs, 1), "parts": 0}
    return results
