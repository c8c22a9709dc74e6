"""The tables, their partitions and what each connection has of its own."""

from datetime import date, timedelta

from tocsin.kit.moments import NANOSECONDS_A_DAY
from tocsin.query.numbers import NUMBER_EXPRESSION

SCHEMA = "logstore"
LOGS = f"{SCHEMA}.logs"
LEDGERS = f"{SCHEMA}.ledgers"
DAYS = f"{SCHEMA}.days"
NUMBER_OF = f"{SCHEMA}.number_of"
INCOMING = "incoming"
CONFIRMED = "confirmed"


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
"""A log's columns, in the order of ``STORED_LOG_SCHEMA``."""

INCOMING_COLUMNS = (
    "timestamp",
    "observed_timestamp",
    "content_hash",
    "shape",
    "severity_number",
    "service",
    "message",
    "metadata",
    "fields",
    "words",
    "trace_id",
    "span_id",
)
"""What a writer hands over for each log, after its position in the batch."""

_START_LOCK = 7_063_736_901
_PARTITION_LOCK = 7_063_736_902
_EPOCH = date(1970, 1, 1)
_EXPONENT_DIGITS = 17

# Texts are compared byte by byte, which is by code point, whatever the database's locale is.
_INCOMING_TYPES = """
    timestamp bigint NOT NULL,
    observed_timestamp bigint NOT NULL,
    content_hash bigint NOT NULL,
    shape bigint NOT NULL,
    severity_number smallint NOT NULL,
    service text COLLATE "C" NOT NULL,
    message text COLLATE "C" NOT NULL,
    metadata text COLLATE "C" NOT NULL,
    fields jsonb NOT NULL,
    words bigint[] NOT NULL,
    trace_id bytea NOT NULL,
    span_id bytea NOT NULL"""

CREATE_STATEMENTS = (
    f"SELECT pg_advisory_xact_lock({_START_LOCK})",
    f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}",
    # One row an organization; its lock is what numbers the organization's logs in the order of commits.
    f"""
CREATE TABLE IF NOT EXISTS {LEDGERS} (
    organization_id uuid PRIMARY KEY,
    received bigint NOT NULL DEFAULT 0,
    stored bigint NOT NULL DEFAULT 0,
    duplicates bigint NOT NULL DEFAULT 0,
    dead_letters bigint NOT NULL DEFAULT 0,
    last_sequence bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50)""",
    # On which days an organization has logs, so that a reader of the sequence opens the partitions that have news.
    f"""
CREATE TABLE IF NOT EXISTS {DAYS} (
    organization_id uuid NOT NULL,
    day integer NOT NULL,
    stored bigint NOT NULL,
    last_sequence bigint NOT NULL,
    PRIMARY KEY (organization_id, day)
) WITH (fillfactor = 50)""",
    f"""
CREATE TABLE IF NOT EXISTS {LOGS} (
    organization_id uuid NOT NULL,
    ingest_sequence bigint NOT NULL,{_INCOMING_TYPES},
    PRIMARY KEY (organization_id, timestamp, content_hash)
) PARTITION BY RANGE (timestamp)""",
    # ``query.numbers.number_of``. PostgreSQL refuses what a 64-bit float can't hold; whether that is infinite or zero
    # shows in the power of ten of its first digit other than 0.
    f"""
CREATE OR REPLACE FUNCTION {NUMBER_OF}(spelled text) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    parts text[];
    power bigint;
BEGIN
    IF spelled !~ '^{NUMBER_EXPRESSION}$' THEN
        RETURN NULL;
    END IF;
    IF pg_input_is_valid(spelled, 'double precision') THEN
        RETURN spelled::double precision;
    END IF;
    parts := regexp_match(spelled, '^-?0*([0-9]*)(?:[.](0*)[0-9]*)?(?:[eE]([+-]?)0*([0-9]*))?$');
    power := CASE WHEN parts[1] <> '' THEN length(parts[1]) ELSE -coalesce(length(parts[2]), 0) END
        + (coalesce(parts[3], '') || '0' || coalesce(left(parts[4], {_EXPONENT_DIGITS}), ''))::bigint;
    RETURN CASE WHEN power < 0 THEN '0' WHEN spelled LIKE '-%' THEN '-Infinity' ELSE 'Infinity' END;
END $$""",
    f"CREATE INDEX IF NOT EXISTS logs_by_service ON {LOGS} (organization_id, service, timestamp DESC)",
    f"CREATE INDEX IF NOT EXISTS logs_by_sequence ON {LOGS} (organization_id, ingest_sequence)",
    f"CREATE INDEX IF NOT EXISTS logs_by_trace ON {LOGS} (organization_id, trace_id) WHERE trace_id <> ''",
    f"CREATE INDEX IF NOT EXISTS logs_by_words ON {LOGS} USING gin (words)",
    f"CREATE INDEX IF NOT EXISTS logs_by_fields ON {LOGS} USING gin (fields jsonb_path_ops)",
)
"""What a start runs in one transaction; safe to run again, and by several processes at once."""

CONNECTION_STATEMENTS = (
    # Compiling a plan for many partitions takes longer than nearly every query.
    "SET jit = off",
    f"CREATE TEMP TABLE {INCOMING} (position bigint NOT NULL,{_INCOMING_TYPES}) ON COMMIT DELETE ROWS",
    f"CREATE TEMP TABLE {CONFIRMED} (ingest_sequence bigint NOT NULL) ON COMMIT DELETE ROWS",
)
"""What every new connection runs."""

LOCK_PARTITIONS = f"SELECT pg_advisory_xact_lock({_PARTITION_LOCK})"
"""Taken by whoever makes partitions, until the end of the transaction."""


def partition_name(day: int) -> str:
    """The partition for a day, counted from the epoch."""
    return f"{SCHEMA}.logs_{_EPOCH + timedelta(days=day):%Y%m%d}"


def partition_statements(day: int) -> tuple[str, ...]:
    """How a day's partition is made: attached, since that waits for no reader and no writer."""
    name, start = partition_name(day), day * NANOSECONDS_A_DAY
    return (
        f"CREATE TABLE {name} (LIKE {LOGS} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
        f"ALTER TABLE {LOGS} ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({start + NANOSECONDS_A_DAY})",
    )


def start_of_interval(interval_nano: int) -> str:
    """The start of the interval that a log's timestamp lies in, aligned to the epoch."""
    return f"(timestamp - mod(mod(timestamp, {interval_nano:d}) + {interval_nano:d}, {interval_nano:d}))"
