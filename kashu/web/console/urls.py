from __future__ import annotations

from django.urls import path, register_converter
from django.urls.converters import IntConverter

from kashu.web.console import accounts, batches, dashboard, fulfilments, orders, products, reconciliation, settings


class IdConverter(IntConverter):
    """An id of ours: what is larger than a bigint is no page."""

    regex = "[0-9]{1,18}"


register_converter(IdConverter, "id")
app_name = "console"
urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("orders", orders.orders, name="orders"),
    path("orders/find-card", orders.find_card, name="find_card"),
    path("orders/<id:pool_id>/<uuid:order_id>", orders.order, name="order"),
    path("orders/<id:pool_id>/<uuid:order_id>/refund", orders.refund, name="order_refund"),
    path("orders/<id:pool_id>/<uuid:order_id>/ask", orders.ask_again, name="ask_again"),
    path("fulfilments", fulfilments.fulfilments, name="fulfilments"),
    path("fulfilments/<id:pool_id>/<uuid:order_id>", fulfilments.look, name="fulfilment"),
    path("fulfilments/<id:pool_id>/<uuid:order_id>/end", fulfilments.end, name="end_fulfilment"),
    path("products", products.products, name="products"),
    path("products/new", products.new_product, name="new_product"),
    path("products/categories", products.add_category, name="add_category"),
    path("products/<id:product_id>", products.product, name="product"),
    path("products/<id:product_id>/edit", products.edit_product, name="edit_product"),
    path("products/<id:product_id>/state", products.move, name="move_product"),
    path("products/<id:product_id>/skus", products.add_sku, name="add_sku"),
    path("products/<id:product_id>/skus/<str:code>/price", products.set_price, name="set_price"),
    path("products/<id:product_id>/skus/<str:code>", products.edit_sku, name="edit_sku"),
    path("batches", batches.batches, name="batches"),
    path("batches/new", batches.new_batch, name="new_batch"),
    path("batches/<id:pool_id>", batches.batch, name="batch"),
    path("batches/<id:pool_id>/progress", batches.progress, name="batch_progress"),
    path("batches/<id:pool_id>/format", batches.change_format, name="batch_format"),
    path("batches/<id:pool_id>/rejects.csv", batches.rejects, name="batch_rejects"),
    path("batches/<id:pool_id>/content", batches.change_content, name="batch_content"),
    path("batches/<id:pool_id>/export", batches.ask_export, name="ask_export"),
    path("batches/<id:pool_id>/<slug:verb>", batches.move, name="move_batch"),
    path("exports/<uuid:approval_id>/confirm", batches.confirm_export, name="confirm_export"),
    path("exports/<uuid:approval_id>/cancel", batches.cancel_export, name="cancel_export"),
    path("exports/<uuid:export_id>/file", batches.export_file, name="export_file"),
    path("accounts", accounts.accounts, name="accounts"),
    path("accounts/new", accounts.open_account, name="open_account"),
    path("accounts/<id:account_id>", accounts.account, name="account"),
    path("accounts/<id:account_id>/members", accounts.add_member, name="account_member"),
    path("accounts/<id:account_id>/limits", accounts.change_account, name="account_limits"),
    path("accounts/<id:account_id>/prices", accounts.set_price, name="account_price"),
    path("accounts/<id:account_id>/topups", accounts.ask_topup, name="account_topup"),
    path("accounts/<id:account_id>/topups/<uuid:approval_id>/credit", accounts.credit_topup, name="credit_topup"),
    path("accounts/<id:account_id>/topups/<uuid:approval_id>/cancel", accounts.cancel_topup, name="cancel_topup"),
    path("accounts/<id:account_id>/keys/<str:key_id>/revoke", accounts.revoke_key, name="account_revoke_key"),
    path("accounts/<id:account_id>/invoices/<uuid:invoice_id>", accounts.decide_invoice, name="decide_invoice"),
    path("settings", settings.settings, name="settings"),
    path("settings/solo", settings.solo, name="solo"),
    path("settings/people", settings.add_person, name="add_person"),
    path("settings/people/<id:person_id>", settings.change_person, name="change_person"),
    path("settings/parties", settings.add_party, name="add_party"),
    path("settings/licences", settings.add_licence, name="add_licence"),
    path("settings/sources", settings.set_source, name="set_source"),
    path("settings/fees", settings.add_fee, name="add_fee"),
    path("trail", settings.trail, name="trail"),
    path("payments", settings.quarantine, name="payments"),
    path("reconciliation", reconciliation.overview, name="reconciliation"),
    path("reconciliation/upload", reconciliation.upload, name="upload_bill"),
    path("reconciliation/bills/<uuid:bill_id>", reconciliation.bill, name="bill"),
    path("reconciliation/bills/<uuid:bill_id>/progress", reconciliation.progress, name="bill_progress"),
    path("reconciliation/cases/<uuid:case_id>", reconciliation.case, name="case"),
    path("reconciliation/cases/<uuid:case_id>/assign", reconciliation.assign, name="assign_case"),
    path("reconciliation/cases/<uuid:case_id>/resolve", reconciliation.resolve, name="resolve_case"),
    path("reconciliation/cases/<uuid:case_id>/reverse", reconciliation.reverse, name="reverse_case"),
    path("reconciliation/cases/<uuid:case_id>/<uuid:approval_id>/confirm", reconciliation.confirm, name="confirm_case"),
    path("reconciliation/cases/<uuid:case_id>/<uuid:approval_id>/cancel", reconciliation.cancel, name="cancel_case"),
]
