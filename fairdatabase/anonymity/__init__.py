"""Measures what a table reveals about people, and generalises the table to reveal less. Pure functions over columns.

Definitions: k-anonymity (Sweeney 2002), distinct and entropy l-diversity (Machanavajjhala et al. 2007), t-closeness
(Li, Li and Venkatasubramanian 2007). docs/decisions/anonymity.md lists the conventions.
"""
