"""Repeated timings of one thing."""

import resource
import statistics
import time

import torch


def now() -> float:
    """A clock in seconds: with one thread it counts the processor time of this process and of those that it waited for.

    Other programs on the machine hardly change that; with several threads, which wait for each other, real time counts.
    """
    if torch.get_num_threads() > 1:
        return time.perf_counter()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


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
