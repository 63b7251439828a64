"""What may be sold, by whom and under which papers: licences, provenance, listing review, blocks."""
