"""Recognizers: each decides whether a text holds an identifier or consists of known terms."""
