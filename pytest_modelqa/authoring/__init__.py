"""Drafts a spec from what an experiment left behind."""
