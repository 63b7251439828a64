from __future__ import annotations

from django.urls import path

from kashu.web.store import aftersale, agreements, cashier, data, links, orders, proof, shop

app_name = "store"
urlpatterns = [
    path("", shop.home, name="home"),
    path("s/<slug:slug>", shop.product, name="product"),
    path("s/<slug:slug>/checkout", shop.checkout, name="checkout"),
    path("checkout", shop.quick_checkout, name="quick_checkout"),
    path("o/<str:token>/go", cashier.go, name="order_go"),
    path("o/<str:token>/cashier", cashier.page, name="order_cashier"),
    path("o/<str:token>/payer", cashier.payer, name="order_payer"),
    path("img/<uuid:image_id>", shop.image, name="image"),
    path("o/<str:token>", orders.order, name="order"),
    path("o/<str:token>/status", orders.status, name="order_status"),
    path("o/<str:token>/pay", cashier.pay, name="order_pay"),
    path("o/<str:token>/check", orders.check, name="order_check"),
    path("o/<str:token>/reveal", orders.reveal, name="order_reveal"),
    path("o/<str:token>/refund", orders.refund, name="order_refund"),
    path("o/<str:token>/choice", orders.choose, name="order_choice"),
    path("o/<str:token>/cancel", orders.cancel, name="order_cancel"),
    path("o/<str:token>/compensation", aftersale.demand, name="demand"),
    path("o/<str:token>/complaints", aftersale.complain, name="complain"),
    path("o/<str:token>/complaints/<uuid:complaint_id>/<slug:verb>", aftersale.step, name="complaint_step"),
    path("o/<str:token>/guardian", aftersale.guardian, name="guardian"),
    path("m/<str:token>", links.link, name="link"),
    path("orders", orders.orders, name="orders"),
    path("orders/data", data.page, name="data"),
    path("orders/data/copy", data.copy, name="data_copy"),
    path("orders/data/forget", data.forget, name="data_forget"),
    path("orders/data/phone", data.phone, name="data_phone"),
    path("orders/code", orders.send_code, name="orders_code"),
    path("orders/check", orders.check_code, name="orders_check"),
    path("verify/<str:told>", proof.page, name="verify"),
    path("legal/sanctions", shop.sanctions, name="sanctions"),
    path("legal/complaints", aftersale.rules, name="complaint_rules"),
    path("legal/licences", shop.licences, name="licences"),
    path("legal/<slug:kind>", agreements.agreement, name="agreement"),
    path("legal/<slug:kind>/<int:version>.txt", agreements.text, name="agreement_text"),
    path("legal/<slug:kind>/<int:version>/comment", agreements.comment, name="agreement_comment"),
]
