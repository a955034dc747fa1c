"""Sheets: CSV, TSV and NDJSON, cut into rows as their bytes come. Used by who reads them and by who sends them."""
