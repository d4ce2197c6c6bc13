"""A library of recordings, searched by text or by example."""
