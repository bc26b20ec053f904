"""A release gate for machine-learning models, as a pytest plugin.

This module stays empty of imports: pytest loads the plugin in every session of the environment.
"""
