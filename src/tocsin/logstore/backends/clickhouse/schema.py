"""The tables in ClickHouse, as statements that both transports run.

Rows stand in the order of time: the spans of a trace next to each other (3.3 bytes a row for its id, 13.7 in the
order of services), pages and exports without a sort. A service is found by its set index, a word by the bloom filter
over the message's words. Every read decodes the timestamp, so its codec is the one that decodes in 40 % of the time,
for 0.3 bytes a row more.
"""

from dataclasses import dataclass

DATABASE = "tocsin"
LOGS = f"{DATABASE}.logs"
LEDGER = f"{DATABASE}.ledger"

LOG_COLUMNS = (
    "timestamp",
    "observed_timestamp",
    "content_hash",
    "severity_number",
    "service",
    "message",
    "metadata",
    "trace_id",
    "span_id",
    "shape",
    "ingest_sequence",
)
"""The columns of ``STORED_LOG_SCHEMA``, in its order."""

LEDGER_COLUMNS = ("organization_id", "segment", "received", "stored", "duplicates", "dead_letters")

# Only ASCII words are indexed: ``tokens`` would glue them to the letters and signs of other scripts beside them, and an
# expression that knows Unicode's letters costs 5 ms to compile, in each query that asks the index.
_FOLDED = (
    "if(length({column}) = lengthUTF8({column}), lower({column}), "
    # The Kelvin sign is the one character outside ASCII whose lower case, a ``k``, is inside.
    r"lower(replaceRegexpAll(replaceAll({column}, '\xE2\x84\xAA', 'k'), '[^\\x00-\\x7F]+', ' ')))"
)

MESSAGE_WORDS = f"tokens({_FOLDED.format(column='message')})"
"""The runs of ASCII letters and digits in the message, in lower case."""

METADATA_WORDS = f"tokens({_FOLDED.format(column='metadata')})"
"""The same runs in the metadata's JSON text, of its keys and of its values."""


_CLEANUP = {
    # Parts that merges have replaced are removed soon, not after minutes: they double the disk's use.
    "cleanup_delay_period": 2,
    "cleanup_delay_period_random_add": 1,
    "max_cleanup_delay_period": 5,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Durability:
    """What ClickHouse does so that a part, once inserted, survives power loss."""

    fsync: bool = True
    #: Parts that a merge has replaced are kept this long, in case the merged one is lost.
    old_parts_lifetime_seconds: int = 5
    #: The same insert, repeated within so many, changes nothing.
    deduplicated_inserts: int = 0

    def settings(self) -> str:
        """The table settings, as they stand in a ``SETTINGS`` clause."""
        settings = _CLEANUP | {"old_parts_lifetime": self.old_parts_lifetime_seconds}
        if self.deduplicated_inserts:
            settings["non_replicated_deduplication_window"] = self.deduplicated_inserts
        if self.fsync:
            settings |= {"fsync_after_insert": 1, "fsync_part_directory": 1, "min_rows_to_fsync_after_merge": 1}
        return ", ".join(f"{name} = {value}" for name, value in settings.items())


def create_statements(durability: Durability) -> tuple[str, ...]:
    """The statements that create what is not there yet, in order."""
    return (
        f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic",
        _create_logs(durability),
        _create_ledger(durability),
    )


def _create_logs(durability: Durability) -> str:
    return f"""
CREATE TABLE IF NOT EXISTS {LOGS} (
    organization_id LowCardinality(String),
    timestamp DateTime64(9, 'UTC') CODEC(T64, LZ4),
    ingest_sequence UInt64 CODEC(Delta(8), ZSTD(1)),
    observed_timestamp DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    content_hash UInt64 CODEC(NONE),
    severity_number UInt8 CODEC(ZSTD(1)),
    service LowCardinality(String) CODEC(ZSTD(1)),
    message String CODEC(ZSTD(3)),
    metadata String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(LZ4),
    shape UInt64 CODEC(ZSTD(1)),
    INDEX message_words {MESSAGE_WORDS} TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX metadata_words {METADATA_WORDS} TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX traces trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX services service TYPE set(64) GRANULARITY 1,
    INDEX shapes shape TYPE set(256) GRANULARITY 1,
    INDEX sequences ingest_sequence TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(timestamp)
ORDER BY (organization_id, timestamp, ingest_sequence)
SETTINGS {durability.settings()}"""


def _create_ledger(durability: Durability) -> str:
    return f"""
CREATE TABLE IF NOT EXISTS {LEDGER} (
    organization_id LowCardinality(String),
    segment UInt64,
    received UInt64,
    stored UInt64,
    duplicates UInt64,
    dead_letters UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (organization_id, segment)
SETTINGS {durability.settings()}"""
