"""Records in, verdicts out: numpy only, nothing is measured here."""
