"""Sign-in and what belongs to it. Sign-up, social accounts and e-mail juggling are not offered."""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.recovery_codes.views import generate_recovery_codes
from allauth.mfa.totp.views import deactivate_totp
from allauth.usersessions import views as sessions
from django.urls import include, path

from kashu.web import accounts, privacy

urlpatterns = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/change/", accounts.noted(account.password_change), name="account_change_password"),
    path("sessions/", sessions.list_usersessions, name="usersessions_list"),
    path("2fa/totp/activate/", accounts.noted(accounts.FirstFactor.as_view()), name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", accounts.noted(deactivate_totp), name="mfa_deactivate_totp"),
    path("2fa/recovery-codes/generate/", accounts.noted(generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("2fa/", include("allauth.mfa.urls")),
    path("data/", privacy.mine, name="my_data"),
    path("data/export.json", privacy.export, {"form": "json"}, name="my_data_json"),
    path("data/export.csv", privacy.export, {"form": "csv"}, name="my_data_csv"),
    path("data/ask", privacy.ask, name="ask_about_data"),
]
