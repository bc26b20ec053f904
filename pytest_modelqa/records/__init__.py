"""The tables that evaluations leave behind, and the store they lie in."""
