from __future__ import annotations

from django.urls import path

from kashu.web import people
from kashu.web.supplier import aftersale, books, drafts, goods, licences, onboarding, statements
from kashu.web.supplier.desk import at_desk

app_name = "supplier"
urlpatterns = [
    path("", books.overview, name="overview"),
    path("organisation", books.choose, name="choose"),
    path("onboarding", onboarding.onboarding, name="onboarding"),
    path("onboarding/hand-in", onboarding.hand_in, name="hand_in"),
    path("onboarding/consent", onboarding.consent, name="consent"),
    path("onboarding/exempt", onboarding.exempt, name="exempt"),
    path("onboarding/upload", onboarding.upload, name="upload"),
    path("onboarding/agree", onboarding.sign, name="sign"),
    path("onboarding/<slug:step>", onboarding.onboarding, name="step"),
    path("onboarding/<slug:step>/save", onboarding.save, name="save_step"),
    path("licences", licences.licences, name="licences"),
    path("licences/new", licences.hand_in, name="hand_in_licence"),
    path("authorisations/new", licences.hand_in_link, name="hand_in_authorisation"),
    path("products", goods.products, name="products"),
    path("products/new", drafts.new_product, name="new_product"),
    path("products/<id:product_id>", goods.product, name="product"),
    path("products/<id:product_id>/edit", drafts.edit_draft, name="edit_draft"),
    path("products/<id:product_id>/skus", drafts.add_sku, name="add_sku"),
    path("skus/<str:code>/price", goods.set_price, name="set_price"),
    path("batches", goods.batches, name="batches"),
    path("batches/new", goods.new_batch, name="new_batch"),
    path("batches/<id:pool_id>", goods.batch, name="batch"),
    path("batches/<id:pool_id>/start", goods.start_batch, name="start_batch"),
    path("orders", books.orders, name="orders"),
    path("statement", statements.statement, name="statement"),
    path("statement.csv", statements.statement_file, name="statement_file"),
    path("notices", books.notices, name="notices"),
    path("notices/<uuid:sanction_id>/appeal", books.appeal, name="appeal"),
    path("leave", books.leave, name="leave"),
    path("complaints", aftersale.complaints, name="complaints"),
    path("complaints/<uuid:complaint_id>/answer", aftersale.answer, name="answer_complaint"),
    path("changes", aftersale.changes, name="changes"),
    path("changes/declare", aftersale.declare, name="declare_change"),
    path("changes/unreached/<uuid:notice_id>/answer", aftersale.answer_unreached, name="answer_unreached"),
    *people.addresses("supplier", at_desk),
]
