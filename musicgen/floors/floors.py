"""Floors: losses that need no network. A loss only means something in comparison with them.

Conventions
    A series is one channel of one excerpt of music, shape (n_samples,). Ids are the tokens of one song,
    shape (n_tokens,). Several of either are given as a list: no window and no pair of tokens ever crosses from one to
    the next. Everything is fitted on the training music alone; every floor is measured on the validation music, in
    the unit of the loss it is compared with (squared amplitude in the scale of the series; nats per token).

Floors
    persistence_mse        the next sample equals the last one
    linear_predictor_mse   the next sample is a weighted sum of the last `look_back` ones, weights by least squares
    uniform_nats           every token is equally likely
    unigram_nats           every token has its frequency in the training songs as its probability
    bigram_nats            the same, with its frequency after the token before it
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicgen.errors import InvalidInput, sentence
from musicgen.floors.counting import CountedMemory, as_keys
from musicgen.floors.linear_prediction import BLOCK, as_list, fit_linear_predictor

# Candidates for the strength of the smoothing, in counts added to each token; for pairs, to each context.
STRENGTHS = np.logspace(-3, 6, 55)


def persistence_mse(target: ArrayLike, previous: ArrayLike) -> float:
    """Mean squared error of repeating the last sample.

    A network above this floor predicts worse than repeating the last sample. At 44.1 kHz
    neighbouring samples are almost equal, so the floor is low, and being below it says little about the music.

    Args:
        target: the samples to predict, any shape.
        previous: the sample before each of them, same shape.
    """
    target, previous = np.asarray(target), np.asarray(previous)
    if target.shape != previous.shape or not target.size:
        raise InvalidInput(
            sentence("Each target must have a sample before it", f"shapes {target.shape}, {previous.shape}")
        )
    total = 0.0
    flat_target, flat_previous = target.reshape(-1), previous.reshape(-1)
    for start in range(0, flat_target.size, BLOCK):
        stop = start + BLOCK
        difference = flat_target[start:stop].astype(np.float64) - flat_previous[start:stop]
        total += float(difference @ difference)
    return total / flat_target.size


def linear_predictor_mse(
    training: Sequence[ArrayLike] | NDArray[np.floating],
    validation: Sequence[ArrayLike] | NDArray[np.floating],
    look_back: int,
) -> float:
    """Mean squared error of the best linear predictor of the same `look_back`: what linear algebra alone achieves.

    A network above this floor has not learned what one linear rule finds; only a loss below it shows learned
    structure. Weights and offset are fitted on the training windows, the error is measured on the validation windows.

    Args:
        training, validation: one series or a list of them, each of shape (n_samples,).
        look_back: samples that the prediction uses.

    Raises:
        InvalidInput: no training or no validation series is longer than `look_back`.
    """
    return fit_linear_predictor(training, look_back).mse(validation)


def uniform_nats(vocabulary_size: int) -> float:
    """ln V: the loss of knowing nothing, and of a network before its first step."""
    if vocabulary_size < 1:
        raise InvalidInput(sentence("A vocabulary must have at least one token", vocabulary_size))
    return float(np.log(vocabulary_size))


def unigram_nats(
    training_ids: Sequence[ArrayLike] | NDArray[np.integer],
    validation_ids: Sequence[ArrayLike] | NDArray[np.integer],
    vocabulary_size: int,
    *,
    look_back: int = 0,
) -> float:
    """Nats per token when only the frequency of each token is known, and nothing of its context.

    A network above this floor has not yet learned that order matters. Counts are smoothed by adding a constant to
    each, of the size that best predicts every training token from all the others.

    Args:
        training_ids, validation_ids: one song or a list of songs, each of shape (n_tokens,), values in [0, V).
        vocabulary_size: V; tokens that never occur in the training songs have a probability too.
        look_back: tokens at the start of each validation song that are context only, never predicted.

    Raises:
        InvalidInput: an id outside the vocabulary, or nothing to count or to predict.
    """
    unigram = _unigram(_list_of_songs(training_ids, vocabulary_size), vocabulary_size)
    targets = [song[look_back:] for song in _list_of_songs(validation_ids, vocabulary_size)]
    return _mean_nats(unigram.probability(np.concatenate(targets)), look_back)


def bigram_nats(
    training_ids: Sequence[ArrayLike] | NDArray[np.integer],
    validation_ids: Sequence[ArrayLike] | NDArray[np.integer],
    vocabulary_size: int,
    *,
    look_back: int = 0,
) -> float:
    """Nats per token when only the token before is known.

    Counting pairs: a network above this floor makes no use of its longer context. A token
    after a rare or unknown one is predicted from the unigram in proportion (Dirichlet prior; MacKay and Peto, A
    hierarchical Dirichlet language model, 1995), with the strength that best predicts each training pair from all the
    others. The first token of a song is predicted from the unigram.

    Arguments and errors as `unigram_nats`.
    """
    training = _list_of_songs(training_ids, vocabulary_size)
    validation = _list_of_songs(validation_ids, vocabulary_size)
    unigram = _unigram(training, vocabulary_size)
    bigram = CountedMemory(training, vocabulary_size, STRENGTHS, unigram, leaves_out_throughout=False)
    wanted = [as_keys(song[max(look_back - 1, 0) :], vocabulary_size, 1) for song in validation]
    firsts = [song[:1] for song in validation] if look_back == 0 else []
    nothing = np.zeros(0, dtype=np.int64)
    probability = [
        bigram.probability(np.concatenate([nothing, *wanted])),
        unigram.probability(np.concatenate([nothing, *firsts])),
    ]
    return _mean_nats(np.concatenate(probability), look_back)


def _unigram(songs: list[NDArray[np.int64]], vocabulary_size: int) -> CountedMemory:
    if not any(song.size for song in songs):
        raise InvalidInput(sentence("A floor needs at least one training token", "none"))
    return CountedMemory(songs, vocabulary_size, STRENGTHS * vocabulary_size)


def _mean_nats(probability: NDArray[np.float64], look_back: int) -> float:
    if not probability.size:
        raise InvalidInput(
            sentence("Validation needs a song with more tokens than its context", f"{look_back} or fewer")
        )
    return float(-np.log(probability).mean())


def _list_of_songs(ids: Sequence[ArrayLike] | NDArray[np.integer], vocabulary_size: int) -> list[NDArray[np.int64]]:
    songs = [np.asarray(song) for song in as_list(ids)]
    if any(song.ndim != 1 for song in songs):
        raise InvalidInput(sentence("The ids of a song must have shape (n_tokens,)", [song.shape for song in songs]))
    if not songs:
        raise InvalidInput(sentence("A floor needs at least one song", "none"))
    for song in songs:
        if song.size and not 0 <= song.min() <= song.max() < vocabulary_size:
            raise InvalidInput(sentence(f"Ids must lie in 0 … {vocabulary_size - 1}", f"{song.min()} … {song.max()}"))
    return [song.astype(np.int64) for song in songs]
