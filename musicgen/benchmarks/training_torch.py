"""Training against PyTorch: the same network as usually written there, with equal size, batch and examples."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from time import perf_counter
from typing import Any

from musicgen.approaches.audio_wavenet.sizes import RawAudioSizes
from musicgen.benchmarks import Line, Skipped
from musicgen.benchmarks.training_cases import CASES
from musicgen.benchmarks.training_race import Epoch, Start, race

NOT_INSTALLED = "PyTorch is not installed: pip install -r requirements-bench.txt"


def torch_epochs(build: Callable[[Any, Start], Any], start: Start) -> Epoch:
    """Epochs of a plain loop: shuffled batches of arrays in memory, Adam, cross entropy, all cores."""
    import torch

    arrays = start.arrays()
    inputs, target = (torch.from_numpy(arrays[name].astype("int64")) for name in ("inputs", "target"))
    model = build(torch, start).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=start.training.learning_rate)
    loss_of = torch.nn.CrossEntropyLoss()

    def epoch() -> float:
        began = perf_counter()
        for index in torch.randperm(len(inputs)).split(start.training.batch_size):
            optimizer.zero_grad()
            loss = loss_of(model(inputs[index]), target[index])
            loss.backward()
            optimizer.step()
        return perf_counter() - began

    return epoch


def note_lstm(torch: Any, start: Start) -> Any:
    """Ids (batch, window) → embedding → LSTM layers with dropout → dense → logits (batch, words)."""
    nn, training, words = torch.nn, start.training, len(start.prepared.codec.vocabulary)

    class TorchNoteLSTM(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(words, training.embedding)
            self.lstm = nn.LSTM(
                training.embedding, training.units, training.num_layers, batch_first=True, dropout=training.dropout
            )
            self.drop = nn.Dropout(training.dropout)
            self.dense, self.logits = nn.Linear(training.units, training.dense), nn.Linear(training.dense, words)

        def forward(self, ids: Any) -> Any:
            x, _ = self.lstm(self.embedding(ids))
            return self.logits(torch.relu(self.dense(self.drop(x[:, -1]))))

    return TorchNoteLSTM()


def note_wavenet(torch: Any, start: Start) -> Any:
    """Ids (batch, window) → embedding → causal convolutions, each pooled → the strongest → dense → logits."""
    nn, stack, words = torch.nn, start.training.stack, len(start.prepared.codec.vocabulary)

    class TorchNoteWaveNet(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(words, stack.inputs)
            self.convolutions = nn.ModuleList(
                nn.Conv1d(block.inputs, block.filters, stack.kernel_size, dilation=block.dilation)
                for block in stack.blocks
            )
            self.drop = nn.Dropout(stack.dropout)
            self.dense = nn.Linear(stack.blocks[-1].filters, start.training.dense)
            self.logits = nn.Linear(start.training.dense, words)

        def forward(self, ids: Any) -> Any:
            x = self.embedding(ids).transpose(1, 2)  # (batch, features, window)
            for convolution, block in zip(self.convolutions, stack.blocks, strict=True):
                padded = nn.functional.pad(x, ((stack.kernel_size - 1) * block.dilation, 0))
                x = nn.functional.max_pool1d(self.drop(torch.relu(convolution(padded))), 2)
            return self.logits(torch.relu(self.dense(x.amax(dim=2))))

    return TorchNoteWaveNet()


def audio_wavenet(torch: Any, start: Start) -> Any:
    """Levels (batch, length) → gated dilated convolutions, residuals and skips → logits (batch, levels, answers)."""
    nn, training = torch.nn, start.training
    sizes = RawAudioSizes(
        start.prepared.codec.levels, 0, training.residual, training.skip, training.kernel_size,
        training.dilation_depth, training.stacks,
    )  # fmt: skip

    class TorchAudioWaveNet(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            width = sizes.residual
            self.before, self.now = nn.Embedding(sizes.levels, width), nn.Embedding(sizes.levels, width)
            self.gates = nn.ModuleList(
                nn.Conv1d(width, 2 * width, sizes.kernel_size, dilation=dilation) for dilation in sizes.dilations
            )
            self.residuals = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in sizes.dilations)
            self.skips = nn.ModuleList(nn.Conv1d(width, sizes.skip, 1) for _ in sizes.dilations)
            self.dense, self.logits = nn.Conv1d(sizes.skip, sizes.skip, 1), nn.Conv1d(sizes.skip, sizes.outputs, 1)

        def forward(self, ids: Any) -> Any:
            answers = ids.shape[1] + 1 - sizes.receptive_field
            x = (self.before(ids[:, :-1]) + self.now(ids[:, 1:])).transpose(1, 2)  # (batch, width, length)
            total = 0.0
            for gate, residual, skip in zip(self.gates, self.residuals, self.skips, strict=True):
                what, how_much = gate(x).chunk(2, dim=1)
                z = torch.tanh(what) * torch.sigmoid(how_much)
                total = total + skip(z[..., -answers:])
                x = x[..., -z.shape[-1] :] + residual(z)
            return self.logits(torch.relu(self.dense(torch.relu(total))))

    return TorchAudioWaveNet()


_BUILDERS = {
    "note_lstm": ("note_lstm_tokens", note_lstm),
    "note_wavenet": ("note_wavenet", note_wavenet),
    "audio_wavenet": ("audio_wavenet", audio_wavenet),
    "audio_wavenet_30": ("audio_wavenet_30", audio_wavenet),
}


def _measure(name: str, key: str, build: Callable[[Any, Start], Any]) -> Line:
    if find_spec("torch") is None:
        raise Skipped(NOT_INSTALLED)
    return race(name, CASES[key], partial(torch_epochs, build), "the same network in PyTorch")


LINES: dict[str, Callable[[], Line]] = {
    f"training_{name}_torch": partial(_measure, f"training_{name}_torch", *each) for name, each in _BUILDERS.items()
}
