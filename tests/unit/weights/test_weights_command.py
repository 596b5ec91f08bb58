import os
import subprocess
import sys
from pathlib import Path

import pytest
from weights_servers import fill_cache

from dfprobe.errors import EncoderError
from dfprobe.weights.commands import run
from dfprobe.weights.records import records
from dfprobe.weights.table import markdown

VSR = "auto_avsr/vsr_trlrwlrs2lrs3vox2avsp_base.pth"
AVHUBERT = "avhubert/self_large_vox_433h.pt"
CLIP = "openai/clip-vit-large-patch14"
PAGE = Path(__file__).parents[3] / "docs/weights.md"


@pytest.fixture(autouse=True)
def nothing_there(folder, cache):
    """Neither a weights folder nor a cache."""


@pytest.fixture
def by_hand(folder):
    """Two files put there by hand; the record of the second has a hash."""
    for name in (AVHUBERT, VSR):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(7_000_000 * b"?")


def shell(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dfprobe", "weights", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=os.environ | environment
    )


def test_the_list_has_every_record(capsys, folder):
    run("list", [])
    shown = capsys.readouterr().out
    for record in records().values():
        assert f"  {record.name}\n" in shown
        assert record.published in shown
        assert (record.licence or "licence not known") in shown
    assert str(folder) in shown


def test_the_list_fits_into_100_columns(capsys):
    run("list", [])
    run("check", [])
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines if "Checkpoint files go" not in line) <= 100


def test_the_list_tells_state_and_size(capsys, by_hand):
    run("list", [AVHUBERT, CLIP, "MCG-NJU/videomae-large"])
    shown = capsys.readouterr().out
    assert f"found       0.01 GB  {AVHUBERT}\n" in shown
    assert f"missing     1.71 GB  {CLIP}\n" in shown
    assert "missing           ?  MCG-NJU/videomae-large\n" in shown


def test_the_check_says_what_was_compared(capsys, by_hand):
    run("check", [AVHUBERT])
    shown = capsys.readouterr().out
    assert f"found       {AVHUBERT}\n            nothing: neither" in shown


def test_the_check_claims_no_comparison_with_another_file(capsys, cache):
    fill_cache(cache, CLIP, config_json=b"{}", pytorch_model_bin=b"tensors")
    run("check", [CLIP])
    assert (
        f"found       {CLIP}\n            nothing: pytorch" in capsys.readouterr().out
    )


def test_a_wrong_hash_fails_the_check(capsys, by_hand):
    with pytest.raises(EncoderError, match=r"vsr_.*its md5 is .*, but a896f is publis"):
        run("check", [])
    shown = capsys.readouterr().out
    assert f"wrong hash  {VSR}\n            first digits of the MD5" in shown
    assert f"found       {AVHUBERT}" in shown


def test_missing_weights_fail_the_check_only_if_named():
    run("check", [])
    with pytest.raises(EncoderError, match=r"self_large_vox_433h\.pt is not there"):
        run("check", [AVHUBERT])


def test_fetch_needs_a_name():
    with pytest.raises(EncoderError, match="name the weights to fetch"):
        run("fetch", [])


def test_fetch_goes_on_after_a_failure(by_hand):
    with pytest.raises(EncoderError, match=r"asr_trlrw.*\n.*vsr_trlrw.*not the publis"):
        run("fetch", ["auto_avsr/asr_trlrwlrs2lrs3vox2avsp_base.pth", VSR, AVHUBERT])


def test_an_unknown_name_is_refused():
    with pytest.raises(EncoderError, match=f"Did you mean '{AVHUBERT}'.*lists"):
        run("check", ["self_large_vox_433h.pt"])


def test_the_command_line_lists_by_default_and_heeds_hf_home(tmp_path):
    fill_cache(
        tmp_path / "home/hub",
        "MCG-NJU/videomae-large",
        config_json=b"{}",
        model_safetensors=b"tensors",
    )
    listed = shell(HF_HOME=str(tmp_path / "home"))
    assert listed.returncode == 0
    assert "found             ?  MCG-NJU/videomae-large\n" in listed.stdout
    assert "missing           ?  facebook/hubert-large-ll60k\n" in listed.stdout


def test_the_command_line_ends_with_1_after_a_wrong_hash(by_hand):
    checked = shell("check", VSR)
    assert checked.returncode == 1
    assert "wrong hash" in checked.stdout
    assert "error: " in checked.stderr


def test_the_page_shows_the_records():
    table = markdown(records().values())
    assert table in PAGE.read_text(encoding="utf-8"), f"the table must be:\n{table}"
