"""Intervals, paired tests, the jackknife, the sequential audit, trends, power: numbers in, numbers out."""
