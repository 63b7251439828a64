"""The open API as machines speak it: what is asked, who may ask, what is answered. The till and the web lane share it."""
