"""The race between two ways to train: turns are taken, nothing of the first epoch counts. Nothing is timed here."""

from __future__ import annotations

import pytest

from musicgen.approaches import approach
from musicgen.benchmarks import Skipped, matrix_rate, training_race, training_torch
from musicgen.benchmarks import training_steps as training
from musicgen.benchmarks.matrix_rate import Product
from musicgen.benchmarks.race_music import written
from musicgen.benchmarks.training_race import Epoch, Race, RaceCase, Start, Turn, run_race

TINY = RaceCase("jazz_lstm", "original", lambda folder: written(folder, 2), approach("jazz_lstm").tiny.training, 4)


def test_both_sides_take_their_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_race, "TURN_SECONDS", 1e-9)
    monkeypatch.setattr(training_race, "ROUNDS", 2)
    monkeypatch.setattr(matrix_rate, "SECONDS", 1e-9)
    seen: list[Start] = []

    def other(start: Start) -> Epoch:
        seen.append(start)
        return lambda: 2.0

    race = run_race(TINY, other)
    assert [turn.wall for turn in race.theirs] == [0.5, 0.5]
    assert len(race.ours) == len(race.rates) == 2
    assert all(isinstance(turn, Turn) and turn.wall > 0 for turn in race.ours)
    assert race.count == 4
    (start,) = seen
    assert start.prepared.validation is None
    assert start.arrays()["inputs"].shape[0] == 4


@pytest.mark.framework
def test_the_other_side_has_the_same_network_in_keras_own_layers() -> None:
    from musicgen.approaches.note_wavenet.convolution_sizes import StackSizes
    from musicgen.approaches.note_wavenet.network import build_word_network
    from musicgen.approaches.notes.token_network import build_token_network

    lstm = build_token_network(vocabulary_size=9, units=[4, 4], dense=4, dropout=0.2, embedding=3)
    sizes = StackSizes(4, (4, 8), 3, 2, 1, False, False, False, 4, True, 0.2)
    for network in (lstm, build_word_network(9, sizes, 4, every_step=False)):
        plain = training.stock(network)
        assert plain.count_params() == network.count_params()
        own = {type(layer).__name__ for layer in plain.layers if type(layer).__module__.startswith("musicgen")}
        assert not own


def test_without_pytorch_its_lines_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_torch, "find_spec", lambda _name: None)
    for line in training_torch.LINES.values():
        with pytest.raises(Skipped, match=r"requirements-bench\.txt"):
            line()


def test_a_training_that_did_nothing_but_multiply_has_the_whole_machine() -> None:
    turn = Turn(wall=2.0, cpu=1.0)
    assert Race([turn], [turn], count=4, flops=3e9, rates=[6e9]).machine_share == pytest.approx(1.0)


def test_the_products_of_a_network_are_those_of_its_kernels() -> None:
    from musicgen.approaches.notes.token_network import build_token_network

    network = build_token_network(vocabulary_size=9, units=[4, 6], dense=5, dropout=0.0, embedding=3)
    found = matrix_rate.products(network, batch=2, steps=10)
    lstm = [Product(20, 3, 16), Product(2, 4, 16), Product(20, 4, 24), Product(2, 6, 24)]
    assert found == [*lstm, Product(20, 6, 5), Product(20, 5, 9)]
