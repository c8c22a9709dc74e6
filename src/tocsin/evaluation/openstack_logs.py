"""Reads the folders of the OpenStack fault injections: log files of a round → one table of logs.

Layout: ``<any>/<folder>/Test_N/logs/round_{1,2}/<subsystem>/*.log``. Only the files of subsystems are read: what the
workload and the injector wrote, and the names of the folders above ``logs``, say what was injected.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tocsin.kit.errors import InvalidRequest
from tocsin.logmodel.levels import SEVERITY_BY_NAME, UNSPECIFIED_SEVERITY, level_of

FAULTY_ROUND, FAULT_FREE_ROUND = 1, 2

_NOT_SUBSYSTEMS = frozenset({"foreground_wl"})

_LOGS = {
    "service": pl.String,
    "time_unix_nano": pl.Int64,
    "level": pl.String,
    "logger": pl.String,
    "message": pl.String,
}

_PREFIX = (
    r"^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) (?P<process>\d+) (?P<level>[A-Z]+) (?P<logger>\S+)"
    r"(?: (?P<context>\[(?:-|req-[^\]]*|[^\]:]*)\]))?(?: \[instance: [0-9a-f-]+\])? ?(?P<text>.*)$"
)

_INJECTOR_FRAME = r"(?m)^ *File \"[^\"\n]*\", line \d+, in pycc_\w*\n(?: {4,}.*\n?)?"
_INJECTOR_CALL = r"pycc_\w+\(([^()]*)\)"
"""What the injector left in tracebacks: no system in production says that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionTest:
    """One injected fault: the folder of its logs."""

    #: The folder's path below the data, which holds part of the answer.
    name: str
    folder: Path

    def logs(self, round_number: int) -> pl.DataFrame:
        """The logs of a round in order of time: service, time_unix_nano, level, logger, message.

        Raises:
            InvalidRequest: a file can't be read.
        """
        root = self.folder / "logs" / f"round_{round_number}"
        files = [file for file in sorted(root.glob("*/*.log")) if file.parent.name not in _NOT_SUBSYSTEMS]
        return read_logs(files)


def injection_tests(directory: Path) -> list[InjectionTest]:
    """The tests with both rounds that are anywhere below a directory, by path.

    Raises:
        InvalidRequest: there are none.
    """
    rounds = sorted(directory.rglob(f"logs/round_{FAULTY_ROUND}"))
    folders = [faulty.parent.parent for faulty in rounds if (faulty.parent / f"round_{FAULT_FREE_ROUND}").is_dir()]
    if not folders:
        raise InvalidRequest(
            f"in or below {directory} there is no folder <Test>/logs with a round_{FAULTY_ROUND} "
            f"and a round_{FAULT_FREE_ROUND}"
        )
    return [InjectionTest(name=str(folder.relative_to(directory)), folder=folder) for folder in folders]


def read_logs(files: Sequence[Path]) -> pl.DataFrame:
    """The logs of some files; a file's service is ``<folder>/<name>``.

    Raises:
        InvalidRequest: a file can't be read.
    """
    lines = [_lines(file) for file in files]
    read = pl.concat([part for part in lines if part.height] or [pl.DataFrame(schema={"line": pl.String})])
    if not read.height:
        return pl.DataFrame(schema=_LOGS)
    return _joined(_parsed(read))


def _lines(file: Path) -> pl.DataFrame:
    try:
        text = file.read_bytes().decode(errors="replace")
    except OSError as error:
        raise InvalidRequest(f"{file} can't be read: {error}") from error
    service = f"{file.parent.name}/{file.stem}"
    return pl.DataFrame({"line": text.splitlines()}, schema={"line": pl.String}).with_columns(service=pl.lit(service))


def _parsed(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.with_columns(fields=pl.col("line").str.extract_groups(_PREFIX)).unnest("fields")


def _joined(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines that go on with a log, put to it.

    A line without a prefix goes on with the line above it; one without a context with what the same process and
    logger said at the same time.
    """
    number = pl.int_range(pl.len())
    has_prefix = pl.col("time").is_not_null()
    same = ("service", "process", "logger", "time")
    begun = lines.with_columns(
        text=pl.when(has_prefix).then("text").otherwise("line"),
        begun=pl.when(pl.col("context").is_not_null()).then(number),
        number=number,
    ).with_columns(
        log=pl.when(has_prefix).then(
            pl.coalesce(pl.col("begun").forward_fill().over(same), pl.col("number").first().over(same))
        )
    )
    return (
        begun.with_columns(log=pl.col("log").forward_fill().over("service"))
        .drop_nulls("log")
        .group_by("log", maintain_order=True)
        .agg(pl.col("service", "level", "logger", "time").first(), message=pl.col("text").str.join("\n"))
        .select(
            "service",
            pl.col("time").str.to_datetime("%Y-%m-%d %H:%M:%S%.3f").dt.epoch("ns").alias("time_unix_nano"),
            _levels(pl.col("level")),
            "logger",
            _without_the_injector(pl.col("message")),
        )
        .sort("time_unix_nano", maintain_order=True)
    )


def _levels(names: pl.Expr) -> pl.Expr:
    """Levels as ``Level`` has them."""
    known = {name.upper(): level_of(severity).value for name, severity in SEVERITY_BY_NAME.items()}
    return names.replace_strict(known, default=level_of(UNSPECIFIED_SEVERITY).value)


def _without_the_injector(messages: pl.Expr) -> pl.Expr:
    return messages.str.replace_all(_INJECTOR_FRAME, "").str.replace_all(_INJECTOR_CALL, "$1")
