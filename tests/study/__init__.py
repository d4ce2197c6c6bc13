"""Tests of the study of designs."""
