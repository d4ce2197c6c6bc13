"""Where work on many entries runs: in this process, in several, or on a Ray cluster."""
