"""Who calls: tokens, revocation, and the access that each RPC declares."""
