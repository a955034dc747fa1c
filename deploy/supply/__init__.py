"""The chain of supply: known vulnerabilities, and what the wheel is made of."""
