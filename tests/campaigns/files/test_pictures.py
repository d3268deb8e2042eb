"""Pictures of the body are drawn again: whatever was uploaded, only its pixels are served."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from campaigns.files.models import StoredFile
from campaigns.files.pictures import MAX_WIDTH, redraw
from campaigns.files.storage import path_of, release, store
from campaigns.mailings.body import clean_body, pictures_without_words
from campaigns.mailings.compiling import compile_variant
from campaigns.mailings.services import ask_review
from crm.errors import Invalid
from tests.campaigns.files.making import PDF, picture, png_that_says
from tests.factories import MailingFactory


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_a_photo_is_made_smaller_turned_and_loses_what_was_written_into_it():
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "taken at home"  # turn a quarter; a description
    made = redraw(picture("JPEG", (4000, 1000), exif=exif, comment=b"secret"))

    assert (made.media_type, made.width, made.height) == ("image/jpeg", 1000, 4000)
    assert redraw(picture("JPEG", (4000, 1000))).width == MAX_WIDTH
    again = opened(made.content)
    assert not again.getexif() and b"taken at home" not in made.content and b"secret" not in made.content


def test_what_shows_through_stays_a_png_and_a_full_one_becomes_a_jpeg():
    clear = Image.new("RGBA", (30, 30), (255, 0, 0, 120))
    out = io.BytesIO()
    clear.save(out, "PNG")

    assert redraw(out.getvalue()).media_type == "image/png"
    assert redraw(picture("PNG")).media_type == "image/jpeg"
    assert redraw(picture("WEBP")).media_type == "image/jpeg"


def test_what_hangs_behind_a_picture_is_gone():
    made = redraw(picture("PNG") + b"PK\x03\x04<?php evil")

    assert b"php" not in made.content


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (png_that_says(60_000, 60_000), "more than 40 million pixels"),
        (png_that_says(8_000, 6_000), "more than 40 million pixels"),
        (png_that_says(4_000, 4_000), "no picture"),  # it promises more than it holds
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "no picture"),
        (PDF, "no picture"),
        (picture("TIFF"), "no picture"),
        (picture("PNG")[:60], "no picture"),
        (b"", "no picture"),
    ],
)
def test_bombs_and_what_is_no_picture_are_refused(content, sentence):
    with pytest.raises(Invalid, match=sentence):
        redraw(content)


def test_words_are_counted_as_missing_when_they_are_empty():
    assert (
        pictures_without_words('<img src="/i/a.png" alt="A map"><img src="/i/b.png" alt=" "><img src="/i/c.png">') == 2
    )


# --- of a mailing -------------------------------------------------------------------------------------------------
@pytest.fixture
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def put(client, mailing, content: bytes):
    return client.post(reverse("picture_add", args=[mailing.uid]), {"file": SimpleUploadedFile("photo.jpg", content)})


@pytest.mark.django_db
def test_an_uploaded_picture_is_served_to_everybody_for_ever(media, editor, sign_in, client):
    mailing = MailingFactory()
    answer = put(sign_in(editor), mailing, picture("JPEG", (900, 300)))
    src = answer.json()["src"]

    assert answer.json()["width"] == 600
    served = client.get(src)
    assert served.status_code == 200 and opened(b"".join(served.streaming_content)).size == (900, 300)
    assert served["Content-Type"] == "image/jpeg"
    assert served["Cache-Control"] == "public, max-age=31536000, immutable"
    assert served["X-Content-Type-Options"] == "nosniff" and "Set-Cookie" not in served
    release(StoredFile.objects.get())
    assert path_of(StoredFile.objects.get().sha256).exists()  # messages that have left show it


@pytest.mark.django_db
def test_nothing_but_a_public_picture_is_served(media, client):
    file = store(PDF, media_type="application/pdf")
    for path in (f"/i/{file.sha256}.pdf", f"/i/{file.sha256}.png", "/i/x.png", "/i/..%2f..%2fetc.png"):
        assert client.get(path).status_code == 404


@pytest.mark.django_db
def test_a_refused_picture_says_why(media, editor, sign_in, viewer):
    mailing = MailingFactory()
    answer = put(sign_in(editor), mailing, b"<svg/>")

    assert answer.status_code == 422 and "This is no picture" in answer.json()["message"]
    assert put(sign_in(viewer), mailing, picture()).status_code == 403
    assert not StoredFile.objects.exists()


@pytest.mark.django_db
def test_a_message_shows_it_by_its_whole_address_and_review_asks_for_words(media, editor, settings):
    mailing = MailingFactory()
    body = clean_body('<p>Look: <img src="/i/abc.jpg" width="600" alt=""> {{ person.name }}</p>')
    mailing.variants.update(body_html=body)
    assert 'src="/i/abc.jpg"' in body

    with pytest.raises(Invalid, match="1 picture has no words"):
        ask_review(mailing=mailing, actor=editor)

    mailing.variants.update(body_html=body.replace('alt=""', 'alt="A map of coverage"'))
    compiled = compile_variant(mailing.variants.get())
    assert f'src="{settings.BASE_URL}/i/abc.jpg"' in compiled.html
    assert "A map of coverage" in compiled.text
    assert ask_review(mailing=mailing, actor=editor).state == "in_review"


@pytest.mark.django_db
def test_the_preview_may_load_pictures_of_ours_and_no_others(editor, sign_in, settings):
    mailing = MailingFactory()
    answer = sign_in(editor).get(reverse("mailing_preview", args=[mailing.uid]))

    [images] = [part for part in answer["Content-Security-Policy"].split("; ") if part.startswith("img-src")]
    assert images == f"img-src data: {settings.BASE_URL}/i/"
