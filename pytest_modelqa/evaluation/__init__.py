"""How evaluations are made: plan, keys, engines, the worker. The worker alone imports torch."""
