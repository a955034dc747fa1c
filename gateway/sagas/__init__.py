"""Sagas: the engine that runs them, the journal that records them, and the calls for operators."""
