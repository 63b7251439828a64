"""The simulated payment channels."""
