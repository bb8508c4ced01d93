"""What was learned and what was made, in numbers: floors, metrics, originality, verdicts. Knows no pages."""
