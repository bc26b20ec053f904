"""The report of a run as one HTML file: no network, no script that it needs, everything in it escaped."""
