"""Where a saved form leads: to the page that it stood on."""

import pytest
from django.test import RequestFactory

from contacts.directory.views.access import back_or


@pytest.mark.parametrize(
    ("headers", "leads"),
    [
        ({"HX-Current-URL": "http://testserver/drives/?tab=a"}, "http://testserver/drives/?tab=a"),
        ({"Referer": "http://testserver/directory/"}, "http://testserver/directory/"),
        ({"Referer": "http://testserver/notes/new/?x=1"}, "/there/"),  # a page by itself, which would open again empty
        ({"Referer": "http://elsewhere.test/"}, "/there/"),
        ({}, "/there/"),
    ],
)
def test_back_is_the_page_below_the_form(headers, leads):
    assert back_or(RequestFactory().post("/notes/new/", headers=headers), "/there/") == leads
