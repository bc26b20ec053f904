"""Recorded baselines: files beside a spec that say what an earlier model reached."""
