"""Repeated timings of one thing."""

import statistics


class Timed:
    """Something with the seconds of several repeats."""

    seconds: list[float]

    @property
    def least(self) -> float:
        """Seconds of the fastest repeat."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """Seconds of the median repeat."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """Difference between the slowest and the fastest repeat, relative to the median."""
        return (max(self.seconds) - min(self.seconds)) / self.median
