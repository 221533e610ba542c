"""What the plug-in offers is sound: one line a file."""

from pathlib import Path

from rupturekit.testing import check_codebook, check_model

PACKAGE = Path(__file__).parents[1] / "src" / "example_plugin"


def test_the_codebook() -> None:
    check_codebook(PACKAGE / "codebooks" / "quiet-codes.toml")


def test_the_model() -> None:
    check_model(PACKAGE / "models" / "quiet-to-voice.toml", codebook=PACKAGE / "codebooks" / "quiet-codes.toml")
