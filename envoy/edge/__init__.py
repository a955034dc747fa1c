"""The edge: Envoy's configuration, made from the protos, and the agent that keeps its addresses and keys current."""
