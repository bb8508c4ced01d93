"""The library of songs and the intake that fills it. Knows no approaches and no runs."""
