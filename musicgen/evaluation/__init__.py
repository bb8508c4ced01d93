"""Judges what was generated: metrics, originality, verdicts and remedies. Knows no pages."""
