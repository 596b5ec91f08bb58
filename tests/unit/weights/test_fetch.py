import hashlib
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest

from dfprobe.errors import EncoderError
from dfprobe.weights.fetch import fetch
from dfprobe.weights.records import state


@pytest.fixture
def offered(record, server):
    """A record of the file that the server offers."""
    return replace(record, url=server.url)


def interrupted(offered, server) -> None:
    """Fetch until the connection breaks after 2 MB."""
    server.breaks_after = 2_000_000
    with pytest.raises(EncoderError, match="connection ended"):
        fetch(offered)
    server.breaks_after = None


def test_a_file_comes_whole(offered, server, folder):
    assert fetch(offered) == folder / "toy/weights.pt"
    assert (folder / "toy/weights.pt").read_bytes() == server.content
    assert [path.name for path in (folder / "toy").iterdir()] == ["weights.pt"]
    assert server.asked == [None]


def test_what_is_there_is_not_fetched(offered, server, folder):
    (folder / "toy").mkdir(parents=True)
    (folder / "toy/weights.pt").write_bytes(b"put there by hand")
    assert fetch(offered) == folder / "toy/weights.pt"
    assert server.asked == []


def test_an_interruption_says_how_far_it_came_and_keeps_that(offered, server, folder):
    server.breaks_after = 2_000_000
    with pytest.raises(
        EncoderError, match=r"ended after 2000000 of 5120000 bytes.*weights\.pt\.part"
    ):
        fetch(offered)
    assert not (folder / "toy/weights.pt").exists()
    assert (folder / "toy/weights.pt.part").stat().st_size == 2_000_000


def test_the_next_call_asks_for_the_rest_only(offered, server, folder):
    interrupted(offered, server)
    fetch(offered)
    assert server.asked == [None, "bytes=2000000-"]
    assert server.sent == len(server.content)
    assert (folder / "toy/weights.pt").read_bytes() == server.content
    assert [path.name for path in (folder / "toy").iterdir()] == ["weights.pt"]


def test_a_server_without_ranges_sends_all_again(offered, server, folder):
    server.knows_ranges = False
    interrupted(offered, server)
    fetch(offered)
    assert server.asked == [None, "bytes=2000000-"]
    assert (folder / "toy/weights.pt").read_bytes() == server.content


def test_a_file_that_changed_is_fetched_from_its_start(offered, server, folder):
    interrupted(offered, server)
    server.content, server.version = b"another file", '"second"'
    fetch(offered)
    assert (folder / "toy/weights.pt").read_bytes() == b"another file"


def test_without_a_version_nothing_is_continued(offered, server, folder):
    server.version = None
    interrupted(offered, server)
    fetch(offered)
    assert server.asked == [None, None]
    assert (folder / "toy/weights.pt").read_bytes() == server.content


def test_a_server_that_stops_to_tell_versions_is_believed(offered, server, folder):
    interrupted(offered, server)
    server.version, server.content = None, 3_000_000 * b"?"
    interrupted(offered, server)
    fetch(offered)
    assert server.asked == [None, "bytes=2000000-", None]
    assert (folder / "toy/weights.pt").read_bytes() == server.content


def test_progress_is_logged(offered, caplog):
    with caplog.at_level("INFO", logger="dfprobe"):
        fetch(offered)
    assert "fetch toy/weights.pt: 6/6 MB" in caplog.text
    assert "licence: AV-HuBERT licence" in caplog.text


def test_the_right_hash_and_size_pass(offered, server):
    digest = hashlib.sha256(server.content).hexdigest()
    exact = replace(offered, sha256=digest, size_bytes=len(server.content))
    fetch(exact)
    assert state(exact, hashed=True) == "found"


def test_a_wrong_hash_is_told_and_the_download_kept(offered, server, folder):
    came = hashlib.sha256(server.content).hexdigest()
    wrong = replace(offered, sha256="0" * 64)
    for _ in range(2):
        with pytest.raises(
            EncoderError,
            match=rf"part is not the published.*is {came}, but 0000.*Delete",
        ):
            fetch(wrong)
    assert not (folder / "toy/weights.pt").exists()
    assert (folder / "toy/weights.pt.part").read_bytes() == server.content
    assert server.sent == len(server.content)  # the second call fetched nothing


def test_a_wrong_size_is_told(offered):
    with pytest.raises(EncoderError, match="has 5120000 bytes, but 7 are published"):
        fetch(replace(offered, size_bytes=7))


def test_a_wrong_file_that_is_there_is_not_replaced(offered, server, folder):
    (folder / "toy").mkdir(parents=True)
    (folder / "toy/weights.pt").write_bytes(b"something else")
    with pytest.raises(EncoderError, match=r"weights\.pt is not the published"):
        fetch(replace(offered, sha256="0" * 64))
    assert (folder / "toy/weights.pt").read_bytes() == b"something else"
    assert server.asked == []


def test_without_a_link_the_page_and_the_place_are_told(record, folder):
    by_hand = replace(record, url=None, browser_url="https://drive.example/x")
    with pytest.raises(EncoderError) as caught:
        fetch(by_hand)
    for part in (by_hand.published, "https://drive.example/x", folder / by_hand.name):
        assert str(part) in str(caught.value)


def test_a_server_that_cannot_be_reached_is_a_sentence(record):
    with pytest.raises(
        EncoderError, match=r"could not be fetched: .*try again.*av_hubert"
    ):
        fetch(record)


def test_a_server_that_says_no_length_is_a_sentence(offered, server):
    server.says_length = False
    with pytest.raises(EncoderError, match="does not say how long the file is"):
        fetch(offered)


def test_a_full_disk_is_noticed_before(offered, monkeypatch, folder):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(EncoderError, match=r"0\.01 GB are to come, but 0\.00 GB are f"):
        fetch(offered)
    assert not list(folder.rglob("*.part"))


def test_a_folder_that_cannot_be_written_is_a_sentence(offered, folder):
    folder.write_text("a file in its place")
    with pytest.raises(EncoderError, match=r"could not be written: .*DFPROBE_WEIGHTS"):
        fetch(offered)
