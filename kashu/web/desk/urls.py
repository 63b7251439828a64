from __future__ import annotations

from django.urls import path

from kashu.web.desk import attestations, board, licences, privacy, provenance, reviews, screening, suppliers

app_name = "desk"
urlpatterns = [
    path("", board.board, name="board"),
    path("licences", licences.licences, name="licences"),
    path("licences/new", licences.submit, name="submit_licence"),
    path("licences/<int:licence_id>", licences.licence, name="licence"),
    path("licences/<int:licence_id>/decide", licences.decide, name="decide_licence"),
    path("licences/<int:licence_id>/revoke", licences.revoke, name="revoke_licence"),
    path("licences/<int:licence_id>/renewal", licences.renewal, name="renew_licence"),
    path("categories/<int:category_id>", licences.map_category, name="map_category"),
    path("files/<str:sha256>", licences.file, name="file"),
    path("authorisations", provenance.authorisations, name="authorisations"),
    path("authorisations/new", provenance.register, name="register"),
    path("authorisations/<int:authorisation_id>", provenance.authorisation, name="authorisation"),
    path("authorisations/<int:authorisation_id>/decide", provenance.decide, name="decide_authorisation"),
    path("authorisations/<int:authorisation_id>/revoke", provenance.revoke, name="revoke_authorisation"),
    path("reviews", reviews.reviews, name="reviews"),
    path("reviews/<int:review_id>/decide", reviews.decide, name="decide_review"),
    path("suppliers", suppliers.suppliers, name="suppliers"),
    path("suppliers/apply", suppliers.apply, name="apply"),
    path("suppliers/<int:party_id>", suppliers.supplier, name="supplier"),
    path("suppliers/<int:party_id>/review/<slug:verb>", suppliers.review, name="review"),
    path("suppliers/<int:party_id>/deposit/<slug:verb>", suppliers.deposit, name="deposit"),
    path("suppliers/<int:party_id>/sanction", suppliers.sanction, name="sanction"),
    path("suppliers/<int:party_id>/documents/<uuid:document_id>", suppliers.document, name="document"),
    path(
        "suppliers/<int:party_id>/documents/<uuid:document_id>/decide",
        suppliers.decide_document,
        name="decide_document",
    ),
    path("suppliers/<int:party_id>/principals/<uuid:principal_id>", suppliers.show_principal, name="show_principal"),
    path("suppliers/approvals/<uuid:approval_id>", suppliers.confirm, name="confirm_supplier"),
    path("screening", screening.screening, name="screening"),
    path("screening/<uuid:hit_id>", screening.decide_hit, name="decide_hit"),
    path("appeals", screening.appeals, name="appeals"),
    path("appeals/<uuid:appeal_id>", screening.decide_appeal, name="decide_appeal"),
    path("sanctions/<uuid:sanction_id>/<slug:verb>", screening.end_sanction, name="end_sanction"),
    path("contracts", screening.contracts, name="contracts"),
    path("contracts/publish", screening.publish_contract, name="publish_contract"),
    path("privacy", privacy.requests, name="privacy"),
    path("privacy/<uuid:request_id>", privacy.answer, name="answer_request"),
    path("reports/<slug:kind>", privacy.report, name="report"),
    path("provenance", provenance.search, name="provenance"),
    path("attestations", attestations.attestations, name="attestations"),
    path("attestations/<uuid:attestation_id>/retry", attestations.retry, name="retry_attestation"),
]
