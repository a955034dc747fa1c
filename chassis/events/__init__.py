"""Events: outbox, publisher, inbox and dead letters."""
