"""backend_svc: stores and searches anonymised samples, keeps their history, and notifies their followers."""
