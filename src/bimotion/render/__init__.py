"""Motions as pictures, videos and pages that play in a browser."""
