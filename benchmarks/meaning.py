"""How fast search by meaning answers: ``python -m benchmarks.meaning --directory DIR [--logs N] [--patterns N]``.

Fills an embedded store with logs of generated templates, embeds the templates, and asks questions of the whole range:
half in words of a template alone, half with a value that a log has. Prints percentiles as JSON. The directory may be
used again with the same numbers; a first run of 5 million logs takes some minutes.
"""

import argparse
import asyncio
import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

import tocsin.accounts.tables  # noqa: F401  (the table of organizations)
from tocsin.database.service import Database
from tocsin.database.tables import Table
from tocsin.embeddings.backends.minilm import MiniLmModel
from tocsin.kit.clock import SystemClock
from tocsin.logmodel.batch import LOG_SCHEMA, LogBatch
from tocsin.logmodel.masking import shapes
from tocsin.logstore.backends.clickhouse.embedded import EmbeddedClickHouseStore
from tocsin.logstore.ports import LogStore, OrganizationId, Receipt, Selection, TimeRange
from tocsin.patterns.contracts import Pattern, PatternCatalogue
from tocsin.search.contracts import Question
from tocsin.search.limits import QueryLimits
from tocsin.search.meaning.embedder import PatternEmbedder
from tocsin.search.meaning.repository import EmbeddingsRepository
from tocsin.search.meaning.service import MeaningSearch
from tocsin.search.questions import Questions

ORGANIZATION = UUID(int=7)
BATCH_ROWS = 100_000
STEP_NANO = 1_440_000
"""Five million logs make two hours."""

RECENT_SHARE = 0.2
"""Of the time: most patterns began before that."""

WARM_UP = 5
END_UNIX_NANO = 1_780_000_000_000_000_000

_SYLLABLES = "ba ce di fo gu ha je ki lo mu na pe qui ro su ta ve wi xo yu za bre cli dro fla gri".split()  # noqa: SIM905
_WORDS = (  # noqa: SIM905
    "order payment cart session token customer invoice shipment stock price cache queue batch worker request response "
    "upstream connection pool retry timeout validated created updated deleted rejected accepted expired refreshed "
    "published consumed scheduled completed started failed after before while because for with disk memory node leader "
    "replica snapshot backup certificate user password login permission file directory socket thread lock transaction"
).split()
_PLACES = ("order {number}", "took {millis} ms", "user_{user}", "from {address}", "attempt {digit}", "id={hex}")


class _Fixed:
    """Catalogues that never change."""

    def __init__(self, catalogue: PatternCatalogue) -> None:
        self._catalogue = catalogue

    async def catalogue(self, organization_id: OrganizationId) -> PatternCatalogue:
        return self._catalogue


def _templates(number: int, rng: random.Random) -> list[str]:
    vocabulary = _WORDS + ["".join(rng.sample(_SYLLABLES, 3)) for _ in range(2_000)]
    templates: set[str] = set()
    while len(templates) < number:
        words = rng.sample(vocabulary, rng.randint(5, 10))
        for place in rng.sample(_PLACES, rng.randint(1, 3)):
            words.insert(rng.randrange(1, len(words)), place)
        templates.add(" ".join(words))
    return sorted(templates)


def _messages(templates: pl.Series, numbers: npt.NDArray[np.int64], rng: np.random.Generator) -> pl.Series:
    rows = len(numbers)

    def drawn(most: int) -> pl.Expr:
        return pl.lit(pl.Series(rng.integers(1, most, rows))).cast(pl.String)

    address = pl.concat_str(pl.lit("10."), drawn(255), pl.lit("."), drawn(255), pl.lit("."), drawn(255))
    values = {
        "{number}": drawn(1_000_000),
        "{millis}": drawn(5_000),
        "{user}": drawn(90_000),
        "{address}": address,
        "{digit}": drawn(9),
        "{hex}": pl.lit(pl.Series([f"{value:016x}" for value in rng.integers(1, 2**62, rows).tolist()])),
    }
    message = pl.lit(templates.gather(numbers))
    for place, value in values.items():
        message = message.str.replace(place, value, literal=True)
    return pl.select(message).to_series()


def _batches(templates: list[str], logs: int, seed: int) -> Iterator[LogBatch]:
    rng = np.random.default_rng(seed)
    column = pl.Series(templates)
    # A few templates have most of the logs, most have a handful.
    popularity = 1 / np.arange(1, len(templates) + 1) ** 0.9
    popularity /= popularity.sum()
    order = rng.permutation(len(templates))
    for start in range(0, logs, BATCH_ROWS):
        rows = min(BATCH_ROWS, logs - start)
        numbers = order[rng.choice(len(templates), rows, p=popularity)]
        messages = _messages(column, numbers, rng)
        times = END_UNIX_NANO - (logs - np.arange(start, start + rows)) * STEP_NANO
        stamps = pa.array(times).cast(pa.timestamp("ns", "UTC"))
        services = [f"service-{number % 12}" for number in numbers.tolist()]
        empty = pa.array([b""] * rows, pa.large_binary())
        arrays = [
            stamps,
            stamps,
            pa.array(rng.integers(0, 2**63, rows, dtype=np.uint64)),
            pa.array(np.full(rows, 9, dtype=np.uint8)),
            pa.array(services, pa.large_string()),
            pa.array(messages.to_list(), pa.large_string()),
            pa.array(["{}"] * rows, pa.large_string()),
            empty,
            empty,
            pa.array(pl.select(shapes(pl.lit(messages))).to_series().to_numpy(), pa.uint64()),
        ]
        yield LogBatch(pa.RecordBatch.from_arrays(arrays, schema=LOG_SCHEMA))


async def _catalogue(store: LogStore, templates: list[str], options: argparse.Namespace) -> PatternCatalogue:
    """What clustering would make of them: a pattern for each template, that began with its earliest log."""
    counts = await store.shape_counts(_everything(options), interval_nano=10**18)
    began = dict(zip(counts["shape"].to_pylist(), counts["first_timestamp"].to_pylist(), strict=True))
    messages = _messages(pl.Series(templates), np.arange(len(templates)), np.random.default_rng(options.seed))
    numbers = pl.select(shapes(pl.lit(messages))).to_series().to_list()
    plain = pl.Series(templates).str.replace_all(r"\{[a-z]+\}", "<*>").to_list()
    patterns = [
        Pattern(
            id=shape, template=template, shapes=frozenset({shape}), first_seen_unix_nano=began.get(shape, END_UNIX_NANO)
        )
        for shape, template in zip(numbers, plain, strict=True)
    ]
    return PatternCatalogue(
        patterns=MappingProxyType({each.id: each for each in patterns}),
        pattern_ids=MappingProxyType({each.id: each.id for each in patterns}),
        version=1,
    )


def _everything(options: argparse.Namespace) -> Selection:
    start = END_UNIX_NANO - options.logs * STEP_NANO
    return Selection(organization_id=ORGANIZATION, time_range=TimeRange(start, END_UNIX_NANO))


def _questions(templates: list[str], messages: list[str], number: int, rng: random.Random) -> list[str]:
    asked: list[str] = []
    for index in range(number):
        if index % 2:
            words = [word for word in rng.choice(templates).split() if word.isalpha()]
            asked.append(f"why did the {' '.join(rng.sample(words, min(4, len(words))))} happen?")
            continue
        tokens = rng.choice(messages).split()
        values = [token for token in tokens if any(character.isdigit() for character in token)]
        words = [token for token in tokens if token.isalpha()]
        asked.append(f"what was the {' '.join(rng.sample(words, 2))} of {rng.choice(values)}?")
    return asked


async def _database(directory: Path) -> Database:
    database = Database(f"sqlite:///{directory / 'meaning.sqlite3'}")
    await database.migrate()
    async with database.session(ORGANIZATION) as session:
        organizations = Table.metadata.tables["organizations"]
        if (await session.execute(organizations.select())).first() is None:
            moment = SystemClock().now_unix_nano()
            await session.execute(organizations.insert(), [_organization(moment)])
    return database


def _organization(unix_nano: int) -> dict[str, object]:
    now = datetime.fromtimestamp(unix_nano / 1e9, UTC)
    return {"id": ORGANIZATION, "slug": "bench", "name": "bench", "content_hash_seed": 1, "created_at": now}


async def _measure(options: argparse.Namespace) -> dict[str, float]:
    options.directory.mkdir(parents=True, exist_ok=True)
    templates = _templates(options.patterns, random.Random(options.seed))
    store = EmbeddedClickHouseStore(options.directory / "logs", fsync=False)
    await store.start()
    database = await _database(options.directory)
    figures: dict[str, float] = {"logs": options.logs, "patterns": options.patterns}
    try:
        health = await store.health()
        if health.stored_rows < options.logs:
            started = time.perf_counter()
            for batch in _batches(templates, options.logs, options.seed):
                await store.write(ORGANIZATION, batch, Receipt(received=len(batch)))
            figures["load_seconds"] = round(time.perf_counter() - started, 1)
        catalogue = await _catalogue(store, templates, options)
        model = MiniLmModel()
        embedder = PatternEmbedder(EmbeddingsRepository(database), model)
        started = time.perf_counter()
        await embedder.finish(ORGANIZATION, catalogue)
        figures["embed_seconds"] = round(time.perf_counter() - started, 1)
        catalogues = _Fixed(catalogue)
        search = MeaningSearch(
            store,
            catalogues,
            Questions(catalogues, clock=SystemClock()),
            embedder,
            model,
            limits=QueryLimits(max_concurrent=8, timeout_seconds=30),
        )
        figures |= await _asked(search, store, templates, options)
        recent = await _asked(search, store, templates, options, share=RECENT_SHARE)
        figures |= {f"recent_{name}": figure for name, figure in recent.items()}
        await embedder.close()
    finally:
        await database.close()
        await store.close()
    return figures


async def _asked(
    search: MeaningSearch, store: LogStore, templates: list[str], options: argparse.Namespace, *, share: float = 1.0
) -> dict[str, float]:
    """Ask questions of this share of the time, the latest."""
    rng = random.Random(options.seed + 1)
    start = END_UNIX_NANO - round(options.logs * STEP_NANO * share)
    sample = await store.sample(_everything(options), slices=50, rows_per_slice=100)
    questions = _questions(templates, sample["message"].to_pylist(), options.questions + WARM_UP, rng)
    within = Question(organization_id=ORGANIZATION, start=str(start // 10**9), end=str(END_UNIX_NANO // 10**9 + 1))
    seconds: list[float] = []
    cpu_seconds: list[float] = []
    for number, question in enumerate(questions):
        started, cpu_started = time.perf_counter(), time.process_time()
        found = await search.search(question, within)
        seconds.append(time.perf_counter() - started)
        cpu_seconds.append(time.process_time() - cpu_started)
        if options.verbose:
            best = found.rows["message"][0].as_py() if found.rows.num_rows else ""
            print(f"{seconds[-1] * 1e3:7.1f} ms  {question}  →  {best}  {found.given_up}")
        if number < WARM_UP:
            seconds.clear()
            cpu_seconds.clear()
    milliseconds = np.array(seconds) * 1e3
    percentiles = {f"p{share}_ms": round(float(np.percentile(milliseconds, share)), 1) for share in (50, 95, 99)}
    return percentiles | {"cpu_ms": round(float(np.mean(cpu_seconds)) * 1e3, 1)}


def main() -> None:
    """Run it, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--logs", type=int, default=5_000_000)
    parser.add_argument("--patterns", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true")
    print(json.dumps(asyncio.run(_measure(parser.parse_args())), indent=2))


if __name__ == "__main__":
    main()
