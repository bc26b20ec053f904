"""From where on samples that stand in the training set too are a leak."""

LEAK = 0.01
"""A few twins are found in many honest collections; more is a leak. Of the samples that are measured."""
