from __future__ import annotations

from django.urls import path

from kashu.web.desk import board, licences, provenance, reviews

app_name = "desk"
urlpatterns = [
    path("", board.board, name="board"),
    path("licences", licences.licences, name="licences"),
    path("licences/new", licences.submit, name="submit_licence"),
    path("licences/<int:licence_id>", licences.licence, name="licence"),
    path("licences/<int:licence_id>/decide", licences.decide, name="decide_licence"),
    path("licences/<int:licence_id>/revoke", licences.revoke, name="revoke_licence"),
    path("licences/<int:licence_id>/renewal", licences.renewal, name="renew_licence"),
    path("files/<str:sha256>", licences.file, name="file"),
    path("authorisations", provenance.authorisations, name="authorisations"),
    path("authorisations/new", provenance.register, name="register"),
    path("authorisations/<int:authorisation_id>", provenance.authorisation, name="authorisation"),
    path("authorisations/<int:authorisation_id>/decide", provenance.decide, name="decide_authorisation"),
    path("authorisations/<int:authorisation_id>/revoke", provenance.revoke, name="revoke_authorisation"),
    path("reviews", reviews.reviews, name="reviews"),
    path("reviews/<int:review_id>/decide", reviews.decide, name="decide_review"),
    path("provenance", provenance.search, name="provenance"),
]
