"""Recognizers: each decides whether a text contains an identifier or consists of known terms."""
