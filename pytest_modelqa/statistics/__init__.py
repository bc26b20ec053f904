"""Intervals, paired tests, the jackknife, the sequential gate, trends, power: numbers in, numbers out."""
