"""Simulators of the payment channels: Alipay, WeChat Pay v3 and Douyin Pay, in their own words and with their bad days."""
