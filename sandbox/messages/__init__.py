"""Vendors of SMS as simulators: they check signatures, keep to the vendors' forms and limits, and fail when they are told to."""
