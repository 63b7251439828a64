"""Our signatures and envelopes against those of the public packages. `script/crosscheck` runs it, in an environment of its own."""
