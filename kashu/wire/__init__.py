"""What machines say to us and we to them: parse, verify, answer. One description for every lane."""
