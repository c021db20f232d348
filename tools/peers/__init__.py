"""fiducl beside Keras and PyTorch on one processor; run by tools/compare-peers."""
