"""Outputs as the pages show them: cards, sound, verdicts, remedies and downloads."""
