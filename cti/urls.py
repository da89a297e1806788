"""Where the HTTP interface of the CTI sources is; included at the root."""

from django.urls import path

from cti.http_intake import views

app_name = "cti"

urlpatterns = [
    path("api/events", views.post_events, name="events"),
    path("api/openapi.json", views.openapi, name="openapi"),
]
