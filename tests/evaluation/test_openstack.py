"""Injected faults are judged by the logs alone; what was injected is read afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tocsin.evaluation import openstack
from tocsin.evaluation.openstack import evaluate_openstack, figures_of, judged, known_faults
from tocsin.evaluation.openstack_logs import FAULT_FREE_ROUND, FAULTY_ROUND, InjectionTest, injection_tests, read_logs
from tocsin.kit.errors import InvalidRequest

CONTEXT = "[req-0f691006-68e1-4f26-964e-f64868c94482 44d17589037f43cfa9d0887aba6c240c - - default]"
HEADER = "SUBSYSTEM\tTEST\tFAULT_TYPE\tCOMPONENT\tFUNCTION\tROUND_1\tROUND_2\n"
STEPS = "abcdefghij"
FAILED_AT = 4


def line(second: int, level: str, logger: str, text: str, context: str = CONTEXT) -> str:
    return f"2018-09-29 02:28:{second:02}.438 28811 {level} {logger} {context}{' ' if context else ''}{text}"


def traceback(second: int, logger: str, file: str, *, instance: str = "") -> list[str]:
    said = [
        "Traceback (most recent call last):",
        '  File "/usr/lib/python2.7/site-packages/oslo_messaging/rpc/server.py", line 160, in _process_incoming',
        "    res = self.dispatcher.dispatch(message)",
        f'  File "/usr/lib/python2.7/site-packages/{file}", line {second + 100}, in build',
        "    pycc_corrupt(volume.spec)",
        f'  File "/usr/lib/python2.7/site-packages/{file}", line 61, in pycc_corrupt',
        "    raise Exception",
        "KeyError: 'size'",
    ]
    return [line(second, "ERROR", logger, text, instance) for text in said]


def write_round(folder: Path, subsystem: str, *, steps: int, errors: list[str], number: int) -> None:
    directory = folder / "logs" / f"round_{number}" / subsystem
    directory.mkdir(parents=True)
    done = [
        line(n, "INFO", f"{subsystem}.step_{STEPS[n]}", f"step {n} of volume {n * 7} is done") for n in range(steps)
    ]
    (directory / f"{subsystem}-api.log").write_text("\n".join([*done, *errors]) + "\n")
    (directory / f"{subsystem}-empty.log").write_text("")
    workload = folder / "logs" / f"round_{number}" / "foreground_wl"
    workload.mkdir()
    (workload / "answer.log").write_text(line(1, "ERROR", "answer.is.here", "the fault is here") + "\n")


def write_test(data: Path, subsystem: str, number: int, *, file: str, fails: bool = True) -> str:
    folder = data / "openstack_faults" / "other" / subsystem / f"Test_{number}"
    name = subsystem.lower()
    head = line(FAILED_AT, "ERROR", f"{name}.manager", "Exception during message handling: KeyError: 'size'")
    errors = [head, *traceback(FAILED_AT, f"{name}.manager", file)] if fails else []
    write_round(folder, name, steps=FAILED_AT if fails else len(STEPS), errors=errors, number=FAULTY_ROUND)
    write_round(folder, name, steps=len(STEPS), errors=[], number=FAULT_FREE_ROUND)
    outcome = "FAILURE" if fails else "NO_FAILURE"
    return f'{subsystem}\tTest_{number}\tA "TYPE\t/{file}\tbuild+3\t{outcome}\tNO_FAILURE\n'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [write_test(tmp_path, "Cinder", number, file="cinder/volume/flows.py") for number in range(4)]
    rows += [write_test(tmp_path, "Cinder", number, file="cinder/quota.py", fails=False) for number in range(4, 10)]
    (tmp_path / "openstack_faults" / "labels_other_pack.tsv").write_text(HEADER + "".join(rows))
    (tmp_path / "unrelated.tsv").write_text("a\tb\n1\t2\n")
    return tmp_path


def test_faults_are_noticed_and_located(data: Path) -> None:
    figures = evaluate_openstack(data)
    assert (figures.tests, figures.failures, figures.fault_free_rounds) == (10, 4, 10)
    assert (figures.incident_f1, figures.fault_free_alarms, figures.harmless_fault_alarms) == (1, 0, 0)
    assert (figures.subsystem_top1, figures.file_top1, figures.file_top5) == (1, 1, 1)


def test_wrong_answers_lower_the_figures(data: Path) -> None:
    table = data / "openstack_faults" / "labels_other_pack.tsv"
    table.write_text(table.read_text().replace("flows.py", "else.py").replace("Cinder\tTest_9", "Nova\tTest_9"))
    with pytest.raises(InvalidRequest, match="Test_9"):
        evaluate_openstack(data)
    table.write_text(
        table.read_text().replace("Nova\tTest_9", "Cinder\tTest_9").replace("NO_FAILURE\tNO", "FAILURE\tNO")
    )
    figures = evaluate_openstack(data)
    assert (figures.failures, figures.file_top1, figures.file_top5) == (10, 0, 0)
    assert [figures.incident_f1, figures.subsystem_top1] == pytest.approx([2 * 4 / (4 + 10), 0.4])


def test_the_truth_is_read_after_the_run(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def watched(tests: list[InjectionTest]) -> Iterator[openstack.Judgement]:
        for judgement in judged(tests):
            done.append(judgement.test.name)
            yield judgement

    def asked(directory: Path) -> dict[tuple[str, str], openstack.Fault]:
        assert len(done) == 10
        return known_faults(directory)

    monkeypatch.setattr(openstack, "judged", watched)
    monkeypatch.setattr(openstack, "known_faults", asked)
    evaluate_openstack(data)


def test_judging_needs_no_truth_and_no_names_of_folders(data: Path) -> None:
    def said() -> list[tuple[object, ...]]:
        return [
            (each.score, each.fault_free_score, each.subsystem, [(at.file, at.score) for at in each.locations])
            for each in judged(injection_tests(data))
        ]

    before = said()
    (data / "openstack_faults" / "labels_other_pack.tsv").unlink()
    folder = data / "openstack_faults" / "other"
    (folder / "Cinder").rename(folder / "Nova")
    for file in folder.rglob("answer.log"):
        file.unlink()
    assert said() == before


def test_a_directory_without_tests_or_table_is_refused(tmp_path: Path, data: Path) -> None:
    with pytest.raises(InvalidRequest, match="round_1"):
        injection_tests(tmp_path / "nothing")
    (data / "openstack_faults" / "labels_other_pack.tsv").unlink()
    with pytest.raises(InvalidRequest, match="COMPONENT"):
        evaluate_openstack(data)
    with pytest.raises(InvalidRequest, match="nothing to measure"):
        figures_of([], {})


def logs_of(tmp_path: Path, *lines: str) -> list[tuple[str, str, str, str]]:
    file = tmp_path / "nova" / "nova-compute.log"
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(lines) + "\n")
    return read_logs([file]).select("service", "level", "logger", "message").rows()


def test_lines_without_a_context_go_on_with_what_was_said_at_that_time(tmp_path: Path) -> None:
    instance = "[instance: 04aa5882-c771-40c7-91e4-84baad7194d8]"
    head = line(1, "WARNING", "nova.compute.manager", "Failed to attach", f"{CONTEXT} {instance}")
    frames = traceback(1, "nova.compute.manager", "nova/compute/manager.py", instance=instance)
    other = line(1, "INFO", "nova.virt", "meanwhile", "[-]")
    later = line(2, "ERROR", "nova.compute.manager", "on its own", "")
    logs = logs_of(tmp_path, "cut off at the start", head, frames[0], other, "  that goes on", *frames[1:], later)
    assert [(level, logger) for _, level, logger, _ in logs] == [
        ("WARN", "nova.compute.manager"),
        ("INFO", "nova.virt"),
        ("ERROR", "nova.compute.manager"),
    ]
    assert {service for service, *_ in logs} == {"nova/nova-compute"}
    assert logs[0][3].startswith("Failed to attach\nTraceback (most recent call last):\n  File")
    assert logs[1][3] == "meanwhile\n  that goes on"
    assert logs[2][3] == "on its own"


def test_what_the_injector_left_is_dropped(tmp_path: Path) -> None:
    [(*_, message)] = logs_of(tmp_path, *traceback(1, "nova.compute.manager", "nova/compute/manager.py"))
    assert "pycc" not in message
    assert "raise Exception" not in message
    assert message.endswith("in build\n    volume.spec\nKeyError: 'size'")


def test_no_logs_when_files_are_empty(tmp_path: Path) -> None:
    assert read_logs([]).height == 0
    assert logs_of(tmp_path, "no log at all") == []
