from __future__ import annotations

from django.urls import path

from kashu.web import people
from kashu.web.buyer import aftersale, machines, purchases, redeeming
from kashu.web.buyer.desk import at_desk

app_name = "buyer"
urlpatterns = [
    path("", purchases.overview, name="overview"),
    path("organisation", purchases.choose, name="choose"),
    path("purchases", purchases.purchases, name="purchases"),
    path("purchases/new", purchases.new_purchase, name="new_purchase"),
    path("purchases/one/<str:code>", purchases.one_piece, name="one"),
    path("purchases/bulk", purchases.new_bulk, name="new_bulk"),
    path("purchases/bulk/<uuid:bulk_id>", purchases.bulk, name="bulk"),
    path("purchases/bulk/<uuid:bulk_id>/progress", purchases.bulk_progress, name="bulk_progress"),
    path("purchases/bulk/<uuid:bulk_id>/file", purchases.bulk_file, name="bulk_file"),
    path("purchases/<str:number>", purchases.purchase, name="purchase"),
    path("purchases/<str:number>/compensation", aftersale.demand, name="demand"),
    path("purchases/<str:number>/file", purchases.purchase_file, name="purchase_file"),
    path("redemptions", redeeming.redemptions, name="redemptions"),
    path("prices", purchases.prices, name="prices"),
    path("statement", purchases.statement, name="statement"),
    path("invoices", purchases.ask_invoice, name="ask_invoice"),
    path("keys", machines.keys, name="keys"),
    path("keys/new", machines.make_key, name="make_key"),
    path("keys/<str:key_id>/rotate", machines.rotate_key, name="rotate_key"),
    path("keys/<str:key_id>/revoke", machines.revoke_key, name="revoke_key"),
    path("webhooks", machines.webhooks, name="webhooks"),
    path("webhooks/new", machines.add_webhook, name="add_webhook"),
    path("webhooks/<uuid:webhook_id>/close", machines.close_webhook, name="close_webhook"),
    path("webhooks/messages/<uuid:message_id>/again", machines.send_again, name="send_again"),
    *people.addresses("buyer", at_desk),
]
