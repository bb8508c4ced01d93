"""Runs the test suite in new processes, two at a time and one with a browser beside them: `make test`.

    python -m scripts.run_tests [--slow] [--numeric] [--jobs N] [options of pytest]

A process that has compiled networks for many tests never gets its memory back from the framework, and every page that
Streamlit runs in it becomes slower. So each process runs only a few files, the longest first. Prints failures, the
slowest tests and the memory of the largest process; the last line has the counts. Tests with a browser that failed
beside others are run once more alone, and both results are told. Tests of the record run on PostgreSQL too, all in one
process that shares one server.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.forked_pytest import CAN_FORK, LOADED, fork_pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
# Files in one process. Where processes can be forked (`forked_pytest`), the framework is loaded once for all.
FILES_TOGETHER = {"browser": 4, "numeric": 4, "framework": 4, "app": 6, "unit": 16}
SOUND = "amplitude_lstm or audio_wavenet or spectral_lstm"
# Files that are as much as several others: alone, in parts if that says so (options of pytest for each).
ALONE: dict[str, list[list[str]]] = {
    "test_approach_contract.py": [
        ["-k", SOUND],
        ["-k", "note_lstm and not recall"],
        ["-k", "note_wavenet and not recall"],
        ["-k", "recall"],
        ["-k", f"voices and not ({SOUND})"],
        ["-k", f"not (note_ or voices or {SOUND})"],
    ],
    "test_cached_equals_uncached.py": [["-k", "note_"], ["-k", "not note_"]],
    **{
        f"test_{name}.py": [[]]
        for name in (
            "amplitude_lstm", "jazz_lstm", "networks_recurrent", "networks_training",
            "note_lstm", "note_wavenet", "note_wavenet_networks", "sampling_tokens", "spectral_lstm", "audio_wavenet",
            "collage", "jsb16", "main_job", "app_guide",
        )
    },
}  # fmt: skip
# Files that look at the same stored work: together, so that it is made once.
SHARING = ("test_accessibility.py", "test_layout.py", "test_waiting_page.py")
# Tests of the record on PostgreSQL: together, so that one server is started for all.
ON_POSTGRES, NOT_ON_POSTGRES = ["-m", "postgresql"], ["-m", "not postgresql"]
NOTHING_SELECTED = 5
# The compiler works in many threads; with one heap for each of them, what it has freed stays with the process.
# Trainings do not give way to the other tests: a test with a browser would wait for them.
ENVIRONMENT = {"MALLOC_ARENA_MAX": "2", "MUSICGEN_NICENESS": "0", **os.environ}
# What one process has compiled is read by the others.
COMPILED = "--tf_xla_persistent_cache_directory="
# Most programs run for an instant here, and compiling them is half of the work: without the compiler's optimisations it
# is a third shorter. Networks that learn sound run for longer. With the slow tests, and for other processors, programs
# are those of the product.
COMPILED_SOONER = "--xla_backend_optimization_level=0"
SLOWEST_SHOWN = 25


@dataclass
class Group:
    """Files that share a process."""

    files: list[Path]
    options: list[str] = field(default_factory=list)
    report: Path = Path()
    files_made: Path = Path()
    pid: int = 0
    output: Path = Path()
    code: int = 0
    run_again: list[Path] = field(default_factory=list)  # files of it whose results come from another group
    peak_mb: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def is_browser(self) -> bool:
        return self.kind == "browser"

    @property
    def kind(self) -> str:
        return kind_of(self.files[0])

    @property
    def learns_sound(self) -> bool:
        return self.options == ["-k", SOUND] or any(
            path.stem.removeprefix("test_") in SOUND.split(" or ") for path in self.files
        )

    @property
    def has_failed(self) -> bool:
        return self.code not in (0, NOTHING_SELECTED)

    @property
    def title(self) -> str:
        names = [path.stem.removeprefix("test_") for path in self.files]
        if self.options == ON_POSTGRES:
            names.insert(0, "on PostgreSQL")
        return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


@dataclass
class Counts:
    """The counts of all groups. `times`: (seconds, name) of each test; `files`: the seconds of each file."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    times: list[tuple[float, str]] = field(default_factory=list)
    files: Counter[str] = field(default_factory=Counter)

    def add(self, report: Path, run_again: Sequence[Path] = ()) -> None:
        for case in ElementTree.parse(report).iter("testcase"):
            seconds, where = float(case.get("time", 0)), str(case.get("classname"))
            if any(path.stem in where.split(".") for path in run_again):
                continue
            self.times.append((seconds, f"{where}::{case.get('name')}"))
            self.files[".".join(where.split(".")[:3])] += seconds
            kinds = {child.tag for child in case}
            if kinds & {"failure", "error"}:
                self.failed += 1
            elif "skipped" in kinds:
                self.skipped += 1
            else:
                self.passed += 1


def kind_of(path: Path) -> str:
    """The folder, but for unit tests that load the framework: `numeric` or `framework`, by their mark."""
    marks = [kind for kind in ("numeric", "framework") if f"pytest.mark.{kind}" in path.read_text(encoding="utf-8")]
    return marks[0] if path.parent.name == "unit" and marks else path.parent.name


POSTGRES_MARKS = re.compile(r"pytest\.mark\.(record|postgresql)\b")
FAST_POSTGRES_MARKS = re.compile(r"pytest\.mark\.(record(?!\(slow=True)|postgresql)\b")


def groups(kinds: Sequence[str], words: Sequence[str] = ("",), *, slow: bool = False) -> list[Group]:
    """The test files of these kinds with one of the words in their names: pages first, because they need the least of
    what is loaded once; then files that run alone; then the others, the largest first, so that the two processors end
    at about the same time."""
    found: list[Group] = []
    by_kind: dict[str, list[Path]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        by_kind.setdefault(kind_of(path), []).append(path)
    assert set(by_kind) <= set(FILES_TOGETHER), f"no rule for tests in {sorted(by_kind)}"
    for kind in kinds:
        files = [path for path in by_kind.get(kind, []) if any(word in path.stem for word in words)]
        found += [Group([path], options) for path in files for options in ALONE.get(path.name, ())]
        sharing = [path for path in files if path.name in SHARING]
        found += [Group(sharing)] if sharing else []
        rest = [path for path in files if path.name not in ALONE and path not in sharing]
        size = FILES_TOGETHER[kind]
        found += [Group(rest[start : start + size], NOT_ON_POSTGRES) for start in range(0, len(rest), size)]
        marks = POSTGRES_MARKS if slow else FAST_POSTGRES_MARKS
        on_postgres = [path for path in files if marks.search(path.read_text(encoding="utf-8"))]
        found += [Group(on_postgres, ON_POSTGRES)] if on_postgres else []
    return sorted(found, key=_place)


def _place(group: Group) -> tuple[bool, bool, int]:
    size = sum(path.stat().st_size for path in group.files)
    is_alone = group.files[0].name in ALONE
    return group.kind != "app", not is_alone, 0 if is_alone else -size


def next_to_start(waiting: Sequence[Group], running: Sequence[Group], jobs: int) -> Group | None:
    """The next group that may start: `jobs` at a time, and beside them one with a browser, which mostly waits for pages
    and trainings; when there are no more of these, one more of the others, which wait too."""
    with_browser = sum(group.is_browser for group in running)
    others = jobs if any(group.is_browser for group in [*waiting, *running]) else jobs + 1
    for group in waiting:
        if (with_browser == 0) if group.is_browser else (len(running) - with_browser < others):
            return group
    return None


def start(group: Group, number: int, folder: Path, options: list[str]) -> None:
    group.report, group.output = folder / f"{number}.xml", folder / f"{number}.txt"
    arguments = ["-q", "-p", "no:cacheprovider", f"--junitxml={group.report}"]
    # A folder of its own: otherwise each process looks for what earlier ones left, and removes it.
    group.files_made = folder / f"{number}.files"
    arguments += [f"--basetemp={group.files_made}", *group.options, *options, *map(str, group.files)]
    compiled = f"{os.environ.get('TF_XLA_FLAGS', '')} {COMPILED}{folder / 'compiled'}".strip()
    environment = {**ENVIRONMENT, "TF_XLA_FLAGS": compiled}
    if not group.learns_sound and "--run-slow" not in options:
        environment.setdefault("XLA_FLAGS", COMPILED_SOONER)
    if not any("hypothesis" in path.read_text(encoding="utf-8") for path in group.files):
        arguments += ["-p", "no:hypothesispytest"]  # it takes most of a second to load
    if group.kind in LOADED and CAN_FORK:
        group.pid = fork_pytest(group.kind, arguments, environment, group.output)
        return
    with group.output.open("wb") as output:
        command = [sys.executable, "-m", "pytest", *arguments]
        group.pid = os.posix_spawn(
            sys.executable, command, environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, output.fileno(), number) for number in (1, 2)],
        )  # fmt: skip


def finished(running: list[Group]) -> Group:
    """Wait for the next process that ends."""
    while True:
        pid, status, usage = os.wait4(-1, 0)
        for group in running:
            if group.pid == pid:
                group.code = os.waitstatus_to_exitcode(status)
                unit = 1 if sys.platform == "darwin" else 1024
                group.peak_mb = usage.ru_maxrss * unit / 1e6
                group.cpu_seconds = usage.ru_utime + usage.ru_stime
                shutil.rmtree(group.files_made, ignore_errors=True)
                return group


def tell(group: Group, done: int, total: int, passed: float) -> None:
    """`passed`: seconds since the first began."""
    text = group.output.read_text(encoding="utf-8", errors="replace").rstrip()
    last = text.splitlines()[-1].strip("= ") if text else "no output"
    figures = f"{group.cpu_seconds:.0f} CPU s, {group.peak_mb:,.0f} MB, over at {passed:.0f} s"
    print(f"[{done}/{total}] {group.title}: {last}, {figures}", flush=True)
    if group.has_failed:
        print(text, flush=True)


def files_that_failed(group: Group) -> list[Path]:
    """All of them, if the process died before it could report."""
    if not group.report.exists():
        return group.files
    cases = ElementTree.parse(group.report).iter("testcase")
    failed = {str(case.get("classname")) for case in cases if {child.tag for child in case} & {"failure", "error"}}
    parts = {part for name in failed for part in name.split(".")}
    return [path for path in group.files if path.stem in parts] or group.files


def alone_if_they_failed(group: Group, number: int, folder: Path, options: list[str]) -> list[Group]:
    """The group; if it has a browser and files of it failed, these once more with nothing beside them. On a busy
    machine a page can be later than any limit that still finds faults; what fails alone has failed."""
    if not (group.is_browser and group.has_failed):
        return [group]
    group.run_again = files_that_failed(group)
    group.code = 0
    again = Group(group.run_again, group.options)
    print(f"{again.title} failed beside other tests. Once more alone:", flush=True)
    began = time.monotonic()
    start(again, number, folder, options)
    finished([again])
    tell(again, 1, 1, time.monotonic() - began)
    return [group, again]


def count(done: Sequence[Group]) -> Counts:
    counts = Counts()
    for group in done:
        if group.report.exists():
            counts.add(group.report, group.run_again)
        elif group.has_failed:
            counts.failed += 1  # it died before it could report
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slow", action="store_true", help="also run tests marked slow")
    parser.add_argument("--numeric", action="store_true", help="only files that compute with the framework")
    parser.add_argument("--named", default="", help="only files with one of these words in their names: WORD,WORD")
    parser.add_argument("--jobs", type=int, default=2, help="processes at the same time, besides one with a browser")
    known, options = parser.parse_known_args()
    options += ["--run-slow"] if known.slow else []
    options += ["-m", "numeric"] if known.numeric else []
    os.chdir(ROOT)
    began = time.monotonic()
    waiting = groups(["numeric"] if known.numeric else list(FILES_TOGETHER), known.named.split(","), slow=known.slow)
    total, running, done = len(waiting), list[Group](), list[Group]()
    with tempfile.TemporaryDirectory(prefix="musicgen-tests-") as folder:
        while waiting or running:
            while (group := next_to_start(waiting, running, known.jobs)) is not None:
                waiting.remove(group)
                running.append(group)
                start(group, total - len(waiting), Path(folder), options)
            group = finished(running)
            running.remove(group)
            done.append(group)
            tell(group, len(done), total, time.monotonic() - began)
        done = [
            each
            for index, group in enumerate(done, 1)
            for each in alone_if_they_failed(group, total + index, Path(folder), options)
        ]
        counts = count(done)
    print(f"\nSlowest {SLOWEST_SHOWN} of {len(counts.times)} tests:")
    for seconds, name in sorted(counts.times, reverse=True)[:SLOWEST_SHOWN]:
        print(f"{seconds:7.1f} s  {name}")
    print(f"\nSlowest {SLOWEST_SHOWN} of {len(counts.files)} files:")
    for name, seconds in counts.files.most_common(SLOWEST_SHOWN):
        print(f"{seconds:7.1f} s  {name}")
    largest = max(done, key=lambda group: group.peak_mb)
    print(f"\nLargest process: {largest.peak_mb:,.0f} MB ({largest.title}). {time.monotonic() - began:.0f} s in all.")
    print(f"{counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped")
    broken = any(group.has_failed for group in done)
    return 1 if counts.failed or broken or not counts.passed else 0


if __name__ == "__main__":
    sys.exit(main())
