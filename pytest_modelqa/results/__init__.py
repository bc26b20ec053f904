"""Results that other tools measured: read from each tool's format, and handed over as they are."""
