"""Golden values that tests/ holds fiducl against; run by tools/make-golden."""
