"""The saga engine, its journal, and the operator's view of it."""
