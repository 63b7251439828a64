"""Putting it together: settings, the embedded database, the processes and their parent."""
