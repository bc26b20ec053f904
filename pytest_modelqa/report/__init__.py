"""What a run leaves behind for people and machines: the run record, the table, the last line."""
