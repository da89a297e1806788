"""Where each address leads."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from gateway_site.dashboard.page import fragment
from gateway_site.find.views import find_page
from gateway_site.installation.trial_call_views import trial_call
from gateway_site.installation.views import installation_steps, test_installation
from gateway_site.login.second_factor import second_factor, second_factor_setup
from gateway_site.login.single_sign_on.views import single_sign_on, single_sign_on_callback
from gateway_site.ops.health import live, ready
from gateway_site.ops.metrics import metrics
from gateway_site.trace_trial.views import try_trace_page
from gateway_site.ui.list_choices import choose_columns, save_list
from gateway_site.ui.reader_zone import zone_page

AGENT_SESSIONS = "admin:agents_agentsessionrecord_changelist"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("health/live", live, name="live"),
    path("health/ready", ready, name="ready"),
    path("metrics", metrics, name="metrics"),
    path("", include("cti.urls")),
    path("", include("calls.urls")),
    path("", include("flags.urls")),
    path("admin/installation/", test_installation, name="test-installation"),
    path("admin/installation/steps/", installation_steps, name="installation-steps"),
    path("admin/installation/call/", trial_call, name="trial-call"),
    path("admin/try-trace/", try_trace_page, name="try-trace"),
    path("admin/dashboard/fragment/", fragment, name="dashboard-fragment"),
    path("admin/time-zone/", zone_page, name="time-zone"),
    path("admin/list/<str:label>/columns/", choose_columns, name="list-columns"),
    path("admin/list/<str:label>/views/", save_list, name="list-views"),
    path("admin/find/", find_page, name="find"),
    path("admin/second-factor/", second_factor, name="second-factor"),
    path("admin/second-factor/setup/", second_factor_setup, name="second-factor-setup"),
    path("admin/single-sign-on/", single_sign_on, name="single-sign-on"),
    path("admin/single-sign-on/callback/", single_sign_on_callback, name="single-sign-on-callback"),
    # Bookmarks and alarms of earlier releases.
    path("admin/agents/presence/", RedirectView.as_view(pattern_name=AGENT_SESSIONS, query_string=True)),
    path("admin/", admin.site.urls),
]

handler400 = "gateway_site.refusals.bad_request"
handler403 = "gateway_site.refusals.permission_denied"
handler404 = "gateway_site.refusals.page_not_found"
