"""The api lane: the addresses of machines, served by Django as a batch of one."""
