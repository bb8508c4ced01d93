"""Whether a token is what the rules choose, where two ways of computing the logits may round differently.

A random number that falls on the border between two tokens is decided by the last bit of a sum, and that bit depends on
the processor and on the shape of the batch. Such a choice is right whichever way it went; every other one is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from musicgen.sampling.rules import Rules, choose

ROUNDING = 1e-3  # of probability, and of a logit: thousands of times what rounding does to networks this small


def assert_chosen(
    tokens: np.ndarray, logits: np.ndarray, uniform: np.ndarray, rules: Rules, apart: np.ndarray | None = None
) -> None:
    """`tokens` (batch,) are what `rules` choose from `logits` (batch, vocabulary) with `uniform` (batch,)."""
    logits, tokens = np.asarray(logits, dtype=np.float32), np.asarray(tokens)
    if rules.greedy:
        chosen = np.take_along_axis(logits, tokens[:, None].astype(np.int64), axis=1)[:, 0]
        assert (chosen >= logits.max(axis=1) - ROUNDING).all(), (tokens, logits)
        return
    # A nucleus a little smaller or larger: a token at its edge may be in or out.
    nuclei = (rules.top_p,) if rules.top_p == 1.0 else (rules.top_p - ROUNDING, rules.top_p, rules.top_p + ROUNDING)
    possible = [
        np.asarray(
            choose(
                logits, np.float32(np.clip(uniform + moved, 0, 1 - 2**-24)), replace(rules, top_p=top_p), apart=apart
            )
        )
        for moved in (-ROUNDING, 0.0, ROUNDING)
        for top_p in nuclei
    ]
    assert (np.stack(possible) == tokens).any(axis=0).all(), (tokens, possible)
