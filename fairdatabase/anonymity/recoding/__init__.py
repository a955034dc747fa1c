"""A generalised table: what each quasi-identifier became, and how much detail that loses."""
