"""What intake counts of itself. The first two names are fixed by the product's owner."""

from prometheus_client import Counter, Gauge, Histogram

LOGS_INGESTED = Counter("logs_ingested_total", "Logs stored since the process started.")
INGESTION_LATENCY = Histogram(
    "ingestion_latency_ms",
    "From a request's whole body to its acknowledgement, in milliseconds.",
    buckets=(1, 2, 5, 10, 20, 30, 50, 75, 100, 200, 500, 1000, 2000, 5000),
)
DUPLICATES = Counter("tocsin_ingest_duplicates_total", "Logs that were stored before and were skipped.")
DEAD_LETTERS = Counter("tocsin_ingest_dead_letters_total", "Records that could not be stored.", ["reason"])
REFUSED = Counter("tocsin_ingest_refused_requests_total", "Requests refused because there was no room.")
QUOTA_REFUSED = Counter(
    "tocsin_ingest_quota_refused_total", "Requests refused because their organization's daily quota was used up."
)
PENDING_BYTES = Gauge("tocsin_ingest_pending_bytes", "Request bytes being processed, not yet acknowledged.")
