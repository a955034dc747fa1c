"""anonymity: how well a table hides the people in it, and how to hide them better. Pure functions over columns.

Definitions: k-anonymity (Sweeney 2002), distinct and entropy l-diversity (Machanavajjhala et al. 2007), t-closeness
(Li, Li and Venkatasubramanian 2007). docs/decisions/anonymity.md holds the conventions.
"""
