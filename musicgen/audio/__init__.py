"""Sound: Waveform, reading and writing files, levels, envelopes, spectra. Knows no library, no pages, no notes."""
