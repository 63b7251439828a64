"""Payment channels as machines speak them."""
