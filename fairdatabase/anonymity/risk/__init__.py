"""The risk figures of a table: k-anonymity, l-diversity, t-closeness, and the limits on them."""
