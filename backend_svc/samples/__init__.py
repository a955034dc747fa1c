"""The stored samples: store, lookup and search."""
