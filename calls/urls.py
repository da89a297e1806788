"""The addresses of this app."""

from django.urls import path

from calls.explain.views import why_page
from calls.export.views import export_download, export_page, export_panel
from calls.objectives.views import objectives_download, objectives_page
from calls.privacy.pages import erase_page, retention_page
from calls.report.cause_views import cause_list, cause_page
from calls.report.views import report_download, report_names, report_page, report_save
from calls.rest.views import legs
from calls.ui.live_views import live_fragment, live_page
from calls.ui.search_page import searches_panel

urlpatterns = [
    path("admin/erase-caller/", erase_page, name="erase-caller"),
    path("admin/retention/", retention_page, name="retention"),
    path("api/legs", legs, name="api-legs"),
    path("admin/live/", live_page, name="live-calls"),
    path("admin/live/fragment/", live_fragment, name="live-calls-fragment"),
    path("admin/exports/", export_page, name="exports"),
    path("admin/exports/panel/", export_panel, name="exports-panel"),
    path("admin/exports/<int:job_id>/", export_download, name="exports-download"),
    path("admin/reports/", report_page, name="reports"),
    path("admin/reports/save/", report_save, name="reports-save"),
    path("admin/reports/names/<str:name>/", report_names, name="report-names"),
    path("admin/reports/<str:kind>/", report_download, name="reports-download"),
    path("admin/objectives/", objectives_page, name="objectives"),
    path("admin/objectives/<str:kind>/", objectives_download, name="objectives-download"),
    path("admin/causes/", cause_list, name="causes"),
    path("admin/causes/<str:outcome>/", cause_page, name="cause"),
    path("admin/searches/<int:service_id>/", searches_panel, name="searches-panel"),
    path("admin/why/", why_page, name="why"),
]
