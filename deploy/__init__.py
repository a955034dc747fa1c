"""How the constellation is deployed: on one machine (`local`), with compose, on Kubernetes."""
