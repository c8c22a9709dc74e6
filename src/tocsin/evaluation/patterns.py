"""Messages of labelled systems → patterns → how well they agree with the labels, and how fast they came."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tocsin.evaluation.loghub import labelled_systems
from tocsin.evaluation.pattern_metrics import PatternFigures, mean_figures, pattern_figures
from tocsin.logmodel.masking import masked, shapes
from tocsin.patterns.clustering.clusterer import PatternClusterer
from tocsin.patterns.clustering.rules import NOTHING, Rule
from tocsin.patterns.clustering.templates import plain
from tocsin.patterns.contracts import ShapeText


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternsReport:
    """What ``tocsin evaluate patterns`` found."""

    systems: dict[str, PatternFigures]
    mean: PatternFigures
    #: Message → mask → shape → cluster, over all systems, in CPU time of this process.
    lines_per_cpu_second: float


@dataclass(frozen=True, slots=True)
class FoundPatterns:
    """The pattern of each message."""

    #: For each message, in order: an index into ``templates``.
    rows: pl.Series
    templates: Sequence[str]


def evaluate_patterns(directory: Path) -> PatternsReport:
    """Cluster every labelled system below a directory on its own, and compare.

    Raises:
        InvalidRequest: there are none, or one can't be read.
    """
    systems: dict[str, PatternFigures] = {}
    lines, cpu_seconds = 0, 0.0
    for system in labelled_systems(directory):
        messages = system.messages()
        started = time.process_time()
        found = found_patterns(messages)
        cpu_seconds += time.process_time() - started
        lines += messages.len()
        systems[system.name] = compared(found, system.templates())
    return PatternsReport(
        systems=systems,
        mean=mean_figures(list(systems.values())),
        lines_per_cpu_second=lines / max(cpu_seconds, 1e-9),
    )


def found_patterns(messages: pl.Series, without: frozenset[Rule] = NOTHING) -> FoundPatterns:
    """Everything that happens between messages and their patterns, without some rules."""
    rows = messages.to_frame("message").with_columns(shape=shapes(pl.col("message")))
    clusterer = PatternClusterer(without)
    clusterer.add(shape_texts(rows))
    clusters = clusterer.clusters()
    table = pl.DataFrame(
        {
            "shape": [shape for cluster in clusters for shape in cluster.shapes],
            "pattern": [index for index, cluster in enumerate(clusters) for _ in cluster.shapes],
        },
        schema={"shape": pl.UInt64, "pattern": pl.Int64},
    )
    joined = rows.select("shape").join(table, on="shape", how="left", maintain_order="left")
    return FoundPatterns(joined["pattern"], [cluster.template for cluster in clusters])


def shape_texts(rows: pl.DataFrame) -> list[ShapeText]:
    """Each shape once, with the first of its messages."""
    first = rows.unique("shape", keep="first", maintain_order=True)
    columns = first.select("shape", masked(pl.col("message")).alias("masked"), "message")
    return [ShapeText(*each) for each in columns.iter_rows()]


def compared(found: FoundPatterns, true_templates: pl.Series) -> PatternFigures:
    """The figures of one system."""
    templates = [plain(template) for template in found.templates]
    groups = found.rows.to_list()
    return pattern_figures(groups, [templates[group] for group in groups], true_templates.to_list())
