"""Long tasks that a person waits for: progress, cancel, result. One model, one component."""
