"""A file that holds several recordings in sequence, such as `cat a.mp3 b.mp3` or internet radio produces."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing

import numpy as np

from musicgen.audio.mixing import stereo_matrix
from musicgen.audio.sources.base import Block, Source, check_shape
from musicgen.errors import RejectedFile

NAMED_FAILURES = 3


class JoinedSource(Source):
    """Parts as one sound: at the sample rate of the first, and with their number of channels, or two if they
    differ."""

    def __init__(self, parts: Sequence[Source]) -> None:
        super().__init__()
        self._parts = parts
        first = parts[0]
        self.format, self.sample_rate, self.channel_order = first.format, first.sample_rate, first.channel_order
        is_alike = len({(part.n_channels, part.channel_order) for part in parts}) == 1
        self.n_channels = first.n_channels if is_alike else min(max(part.n_channels for part in parts), 2)
        self.is_lossy = any(part.is_lossy for part in parts)
        self.slack_seconds = sum(part.slack_seconds for part in parts)
        self.n_left_out = sum(part.n_left_out for part in parts)
        if all(part.promised for part in parts):
            self.promised = sum(self._here(part, part.promised or 0) for part in parts)
        self.notes += dict.fromkeys(note for part in parts for note in part.notes)
        self.notes.append(f"{len(parts)} recordings follow one another in the file; they were read as one.")
        if others := sorted({part.sample_rate for part in parts} - {self.sample_rate}):
            rates = ", ".join(f"{rate:,}" for rate in others)
            self.notes.append(f"Parts at {rates} Hz were resampled to {self.sample_rate:,} Hz, the rate of the first.")

    def blocks(self) -> Generator[Block, None, None]:
        promised = 0
        n_left_out = sum(part.n_left_out for part in self._parts)
        for part in self._parts:
            n_samples = 0
            with closing(self._converted(part)) as blocks:
                for block in blocks:
                    n_samples += len(block)
                    yield block
            promised += max(self._here(part, part.promised or 0), n_samples)
        self.promised = promised
        self.n_left_out += sum(part.n_left_out for part in self._parts) - n_left_out
        self.problem = next((part.problem for part in self._parts if part.problem), self.problem)

    def reaches(self, n_samples: int) -> bool:
        return any(part.reaches(n_samples * part.sample_rate // self.sample_rate) for part in self._parts)

    def other_reader(self) -> Source | None:
        """The same parts; those that ended early through their own other readers."""
        others = [part.other_reader() if part.problem else None for part in self._parts]
        if not any(others):
            return None
        joined = JoinedSource([other or part for other, part in zip(others, self._parts, strict=True)])
        joined.notes, joined.n_left_out, joined.problem = self.notes, self.n_left_out, self.problem
        return joined

    def _here(self, part: Source, n_samples: int) -> int:
        """The length of a part in samples at the common sample rate."""
        return n_samples * self.sample_rate // part.sample_rate

    def _converted(self, part: Source) -> Generator[Block, None, None]:
        with closing(part.blocks()) as blocks:
            mixed = (self._mix(block, part) for block in blocks)
            if part.sample_rate == self.sample_rate:
                yield from mixed
            else:
                yield from _resampled(mixed, part.sample_rate, self.sample_rate, self.n_channels)

    def _mix(self, block: Block, part: Source) -> Block:
        if part.n_channels == self.n_channels:
            return block
        if part.n_channels > 2:
            block = block @ stereo_matrix(part.n_channels, part.channel_order)
        return np.repeat(block, 2, axis=1) if block.shape[1] < self.n_channels else block


def open_parts(openers: Sequence[Callable[[], Source]]) -> Source:
    """Open every part that can be opened; those that cannot are named in the notes. Raises RejectedFile if none
    can be."""
    parts: list[Source] = []
    failures: list[tuple[int, RejectedFile]] = []
    for number, opener in enumerate(openers, 1):
        try:
            parts.append(opener())
            if len(openers) > 1:
                check_shape(parts[-1])
        except RejectedFile as error:
            del parts[number - 1 - len(failures) :]
            failures.append((number, error))
    if not parts:
        raise failures[0][1]
    source = parts[0] if len(parts) == 1 else JoinedSource(parts)
    source.notes += [f"Part {number} of the file was left out: {error}" for number, error in failures[:NAMED_FAILURES]]
    if len(failures) > NAMED_FAILURES:
        source.notes.append(f"{len(failures) - NAMED_FAILURES:,} more parts were left out for similar reasons.")
    return source


def _resampled(blocks: Iterator[Block], rate: int, wanted: int, n_channels: int) -> Iterator[Block]:
    import soxr

    stream = soxr.ResampleStream(rate, wanted, n_channels, dtype="float32", quality="HQ")
    for block in blocks:
        piece = stream.resample_chunk(np.ascontiguousarray(block))
        if len(piece):
            yield piece
    piece = stream.resample_chunk(np.zeros((0, n_channels), np.float32), last=True)
    if len(piece):
        yield piece
