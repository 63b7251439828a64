"""The screens of every portal: Django, over the domain and never inside it."""
