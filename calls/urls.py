"""The addresses of this app."""

from django.urls import path

from calls.rest import views

urlpatterns = [path("api/legs", views.legs, name="api-legs")]
