"""The edge: Envoy's configuration, generated from the protos, and the agent that updates its addresses and keys."""
