"""The addresses of the Flags' own pages."""

from django.urls import path

from flags.ui.shadow_page import shadow_page, switch_shadow

urlpatterns = [
    path("admin/shadow/", shadow_page, name="shadow"),
    path("admin/shadow/<int:service_id>/", switch_shadow, name="shadow-switch"),
]
