"""The desk (风控与合规台): licences, authorisations, where cards come from, and what is due."""
