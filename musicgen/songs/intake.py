"""The import: turns the user's files into songs in the library, and reports what became of every file.

    spool → (unpack) → known? → read in a child → publish

Nothing is decoded in this process. What was published stays, whatever happens to later files; what was not is
removed when `add_uploads` ends, in whatever way. Files with the same content become one song.
"""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from musicgen.errors import MusicgenError, NotFound, RejectedFile, sentence
from musicgen.processes import run_child
from musicgen.settings import settings
from musicgen.songs.content import HEAD_BYTES, refusal, sniff
from musicgen.songs.library import known_contents, state_rights
from musicgen.songs.names import clean_lines, display_name
from musicgen.songs.reader import ReadingJob, explain, read_files
from musicgen.songs.report import FileReport, Ignored, ImportReport
from musicgen.songs.shelf import Item, Shelf
from musicgen.songs.tidying import tidy_now_and_then
from musicgen.songs.workplace import Spooled, Workplace
from musicgen.storage.files import check_free_space, sha256_of

__all__ = ["FileReport", "Ignored", "ImportReport", "Upload", "add_sample", "add_uploads"]

ROUND_FILES, ROUND_BYTES = 5000, 1 << 30  # copied before they are read: bounds the space that the copies need
UNPACKING_SECONDS_PER_MB = 0.1
TIMES_AS_FAST = 100  # as real time: how fast a slow machine reads
SAMPLE_SECONDS = 300.0  # music21 is slow to start with its corpus

OnProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Upload:
    """One file from the user: its name, and its content as a path or an open binary stream."""

    name: str
    path: Path | None = None
    stream: BinaryIO | None = None


def add_uploads(
    uploads: Iterable[Upload],
    *,
    on_progress: OnProgress | None = None,
    on_cost: Callable[[str], None] = lambda _text: None,
    source: str = "upload",
    rights: str = "",
) -> ImportReport:
    """Import files, and zip archives of files, into the library.

    Args:
        on_progress: called with (files done, files in total, current step); an exception from it ends the import.
        on_cost: called, before a long sound is stored, with a sentence on the disk space and time it needs.
        source: where the files come from; stored with the songs.
        rights: what the user says about the rights to them; also kept with songs that are in the library already, if
            nothing is stated for them.

    Returns:
        The report for each file. A file that is refused never stops the others.

    Raises:
        MusicgenError, ChildError: no file could be read at all, because no child process could start.
    """
    tidy_now_and_then()
    with Workplace() as place:
        words = clean_lines(rights)
        report = _Intake(place, source[:255], deque(uploads), on_progress, on_cost, words).run()
    if words:
        state_rights([file.id for file in report.files if file.id], words, only_missing=True)
    return report


def add_sample(key: str, *, on_progress: OnProgress | None = None) -> ImportReport:
    """Import one of `samples.SAMPLES`: one song, or several for a set. Raises NotFound."""
    from musicgen.songs.samples import SAMPLES

    sample = next((sample for sample in SAMPLES if sample.key == key), None)
    if sample is None:
        raise NotFound(sentence(f"A sample must be one of {', '.join(sample.key for sample in SAMPLES)}", repr(key)))
    if on_progress is not None:
        on_progress(0, 1, sample.title)
    with Workplace() as place:
        folder = place.new_path("sample")
        folder.mkdir()
        made = Path(run_child("musicgen.songs.making", {"key": key, "folder": str(folder)}, seconds=SAMPLE_SECONDS))
        if made.is_file():
            uploads = [Upload(sample.title + made.suffix, path=made)]
        else:
            uploads = [Upload(path.name, path=path) for path in sorted(made.rglob("*")) if path.is_file()]
        return add_uploads(uploads, on_progress=on_progress, source=f"sample {key}: {sample.origin}")


class _Intake:
    """One import: the files in order, those waiting to be read, and the shelf for those already read."""

    def __init__(
        self,
        place: Workplace,
        source: str,
        uploads: deque[Upload],
        on_progress: OnProgress | None,
        on_cost: Callable[[str], None],
        rights: str = "",
    ) -> None:
        self.place = place
        self.uploads = uploads
        self.on_progress = on_progress
        self.on_cost = on_cost
        self.shelf = Shelf(place, source, rights)
        self.items: list[Item] = []
        self.ignored: list[Ignored] = []
        self.waiting: list[tuple[Item, Spooled]] = []
        self.num_bytes = 0  # of those waiting
        self.num_to_come = len(uploads)
        self.num_done = 0

    def run(self) -> ImportReport:
        while self.uploads:
            upload = self.uploads.popleft()  # once copied, it need not stay in memory
            self.tell(display_name(upload.name))
            self.receive(upload)
            del upload
            self.num_to_come -= 1
            if len(self.waiting) >= ROUND_FILES or self.num_bytes >= ROUND_BYTES:
                self.read_waiting()
        self.read_waiting()
        return ImportReport([item.report for item in self.items if item.report is not None], self.ignored)

    def tell(self, name: str) -> None:
        if self.on_progress is not None:
            self.on_progress(self.num_done, len(self.items) + self.num_to_come, name)

    def receive(self, upload: Upload) -> None:
        """Copy one upload into the workplace and recognise its format."""
        item = Item(display_name(upload.name), upload.name, len(self.items))
        source = upload.path if upload.path is not None else upload.stream
        try:
            if source is None:
                raise RejectedFile(sentence("An upload must have a path or a stream", "neither"), code="unreadable")
            spooled = self.place.spool(source)
            if sniff(spooled.head) == "zip":
                self.unpack(item, spooled)
                return
            self.accept_kind(item, spooled)
        except MusicgenError as error:
            self.reject(item, error)
        self.items.append(item)

    def accept_kind(self, item: Item, spooled: Spooled) -> None:
        """Put it in the queue to be read if its first bytes are music. Raises RejectedFile."""
        kind = sniff(spooled.head)
        if kind is None:
            spooled.path.unlink(missing_ok=True)
            raise refusal(spooled.head, item.name)
        item.format = kind
        self.waiting.append((item, replace(spooled, head=b"")))  # thousands may wait
        self.num_bytes += spooled.size

    def reject(self, item: Item, error: MusicgenError) -> None:
        item.reject(error)
        self.num_done += 1

    def unpack(self, archive: Item, spooled: Spooled) -> None:
        """Open an archive in a child; each file in it becomes an item. Raises MusicgenError if it cannot be."""
        folder = self.place.new_path("unpacked")
        folder.mkdir()
        entries: list[dict[str, Any]] = []

        def on_line(entry: dict[str, Any]) -> None:
            entries.append(entry)
            check_free_space()
            self.tell(archive.path)

        seconds = settings().intake_seconds + UNPACKING_SECONDS_PER_MB * settings().max_zip_mb
        try:
            run_child(
                "musicgen.songs.unpacking",
                {"archive": str(spooled.path), "folder": str(folder)},
                seconds=seconds,
                memory_mb=settings().intake_memory_mb,
                environment={"MUSICGEN_DATABASE_URL": None},
                on_line=on_line,
            )
        except MusicgenError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise (error if isinstance(error, RejectedFile) else explain(error, seconds)) from error
        finally:
            spooled.path.unlink()
        for entry in entries:
            self.receive_member(archive, folder, entry)

    def receive_member(self, archive: Item, folder: Path, entry: dict[str, Any]) -> None:
        path = f"{archive.path}/{display_name(entry['member'])}"
        if "ignored" in entry:
            self.ignored.append(Ignored(path, entry["ignored"]))
            return
        item = Item(path, entry["member"], len(self.items))
        try:
            if "rejected" in entry:
                raise RejectedFile(entry["rejected"]["message"], code=entry["rejected"]["code"])
            self.accept_kind(item, _spooled(folder / entry["file"]))
        except MusicgenError as error:
            self.reject(item, error)
        self.items.append(item)

    def read_waiting(self) -> None:
        """Read the queue into the library, each distinct content once."""
        waiting, self.waiting, self.num_bytes = self.waiting, [], 0
        firsts: dict[str, tuple[Item, Spooled]] = {}
        for item, spooled in waiting:
            firsts.setdefault(spooled.sha256, (item, spooled))
        known = known_contents(firsts)
        for sha256, song in known.items():
            firsts[sha256][0].accept(song)
            self.num_done += 1
        self.read([(item, spooled) for item, spooled in firsts.values() if spooled.sha256 not in known])
        for item, spooled in waiting:
            first = firsts[spooled.sha256][0]
            if item is not first and first.report is not None:
                item.report = _same_as(first.report, item.path)
                self.num_done += 1

    def read(self, files: Sequence[tuple[Item, Spooled]]) -> None:
        jobs = {
            ReadingJob(spooled.path, item.format, self.place.new_path("clip"), spooled.size): (item, spooled)
            for item, spooled in files
        }
        scratch = self.place.new_path("scratch")
        scratch.mkdir()

        lengths: dict[ReadingJob, float] = {}

        def on_seconds(job: ReadingJob, seconds: float) -> None:
            of_all = f" of {lengths[job]:,.0f}" if job in lengths else ""
            self.tell(f"{jobs[job][0].path} ({seconds:,.0f}{of_all} s)")

        def on_cost(job: ReadingJob, seconds: float, n_bytes: int) -> None:
            lengths[job] = seconds
            text = cost_of(jobs[job][0].path, seconds, n_bytes)
            self.tell(text)
            self.on_cost(text)

        with closing(read_files(list(jobs), scratch, on_seconds, on_cost)) as outcomes:
            for job, outcome in outcomes:
                item, spooled = jobs[job]
                if "accepted" in outcome:
                    self.shelf.add(item, spooled, job.folder, outcome["accepted"])
                else:
                    spooled.path.unlink(missing_ok=True)
                    item.reject(RejectedFile(outcome["rejected"]["message"], code=outcome["rejected"]["code"]))
                self.num_done += 1
                self.tell(item.path)
        self.shelf.publish_rest()


def cost_of(name: str, seconds: float, n_bytes: int) -> str:
    """One sentence on the disk space and time that a long sound needs."""
    minutes = max(round(seconds / TIMES_AS_FAST / 60), 1)
    time = "a minute" if minutes == 1 else f"{minutes} minutes"
    return (
        f"{name} has {seconds / 60:,.0f} minutes of sound: it needs {n_bytes / 1e9:,.1f} GB of disk space and about "
        f"{time} to read."
    )


def _spooled(path: Path) -> Spooled:
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    return Spooled(path, sha256_of(path), path.stat().st_size, head)


def _same_as(report: FileReport, path: str) -> FileReport:
    """The report for a file whose content occurs twice in one import."""
    if report.status == "rejected":
        return replace(report, path=path)
    return replace(report, path=path, warnings=(*report.warnings, f"Same content as {report.path}; they are one song."))
