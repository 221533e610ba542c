"""Limits: what is larger, deeper or longer than a coded file is refused with a sentence, quickly, in little memory."""

from __future__ import annotations

import io
import os
import re
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from rupturekit.errors import FileProblem
from rupturekit.records.bounded import LIMITS, IllFormed, Limits, blocks_of, members_of, opened, parse_xml, whole_text

GIGABYTE = 10**9
HERE = Path("folder", "a.eaf")


class Heard:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.tags: list[str] = []
        self.said = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.tags.append(tag)

    def end(self, tag: str) -> None:
        self.tags.append(f"/{tag}")

    def text(self, data: str) -> None:
        self.said += data


def parsed(content: bytes, limits: Limits = LIMITS) -> Heard:
    heard = Heard()
    parse_xml(blocks_of(io.BytesIO(content)), heard, path=HERE, limits=limits)
    return heard


def sparse(path: Path, size: int, head: bytes = b"") -> Path:
    with path.open("wb") as stream:
        stream.write(head)
        stream.truncate(size)
    return path


# XML

def test_what_is_told_of_a_document() -> None:
    heard = parsed("<!-- no --><x:a><?go on?><b>ä</b>c</x:a>".encode())
    assert heard.tags == ["a", "b", "/b", "/a"]
    assert heard.said == "äc"


BILLION = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">""" + b"".join(
    b'<!ENTITY lol%d "%s">' % (n, (b"&lol%d;" % (n - 1) if n else b"&lol;") * 10) for n in range(9)) + b"]><a>&lol8;</a>"
QUADRATIC = b'<!DOCTYPE a [<!ENTITY x "' + b"x" * 100_000 + b'">]><a>' + b"&x;" * 100_000 + b"</a>"


@pytest.mark.parametrize(("content", "says"), [
    (BILLION, "declares a DOCTYPE"),
    (QUADRATIC, "declares a DOCTYPE"),
    (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "declares a DOCTYPE"),
    (b"<a>" * 100_000, "nests elements more than 100 deep"),
    (b"<a " + b" ".join(b"b%d='1'" % n for n in range(1_000_000)) + b"/>", "holds a tag of more than 1 MB"),
    (b"<a " + b" ".join(b"b%d='1'" % n for n in range(1_000)) + b"/>", "more than 200 attributes"),
    (b"<a b='" + b"x" * 3_000_000 + b"'/>", "holds a tag of more than 1 MB"),
    (b"<!--" + b"x" * 3_000_000 + b"--><a/>", "holds a tag of more than 1 MB"),
    (b"<a>&nothing;</a>", "is not well-formed XML"),
    (b"<a><b></a>", "is not well-formed XML"),
    (b"", "is not well-formed XML"),
    (b"\x00\x01", "is not well-formed XML"),
    (b"<?xml version='1.0' encoding='utf-7'?><a/>", "is not well-formed XML"),
    (b"<?xml version='1.0' encoding='nothing'?><a/>", "is not well-formed XML"),
])
def test_hostile_xml_is_refused_at_once(content: bytes, says: str) -> None:
    began = time.perf_counter()
    tracemalloc.start()
    with pytest.raises(FileProblem, match=re.escape(says)) as caught:
        parsed(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "folder" not in str(caught.value)
    assert caught.value.file == "a.eaf"
    assert peak < 20_000_000
    assert time.perf_counter() - began < 3


def test_the_limits_where_none_are_given() -> None:
    assert Limits() == LIMITS == Limits(
        file=100_000_000, text=40_000_000, xml=200_000_000, unpacked=400_000_000, members=2_000, ratio=300,
        elements=20_000_000, attributes=200, depth=100, cells=5_000_000)


@pytest.mark.parametrize(("limits", "at", "beyond", "says"), [
    (Limits(depth=3), b"<a><b><c/><c/></b><b/></a>", b"<a><b/><b/><b><c><d/></c></b></a>",
     "nests elements more than 3 deep, as no program writes"),
    (Limits(elements=3), b"<a><b/><b/></a>", b"<a><b/><b/><b/></a>", "holds more than 3 elements of XML"),
    (Limits(attributes=2), b"<a b='' c=''/>", b"<a b='' c='' d=''/>", "holds an element with more than 2 attributes"),
    (Limits(xml=8), b"<a>b</a>", b"<a>bc</a>", "holds more than 8 bytes of XML"),
])
def test_what_is_at_a_limit_is_read_and_one_more_is_not(limits: Limits, at: bytes, beyond: bytes, says: str) -> None:
    assert parsed(at, limits).tags[-1] == "/a"
    with pytest.raises(FileProblem) as caught:
        parsed(beyond, limits)
    assert str(caught.value) == f"a.eaf: {says}"


@pytest.mark.parametrize("piece", [b"<!--c-->", b"<?go?>", b"text ", b"<b/>"])
def test_only_one_thing_without_an_end_is_too_long(piece: bytes) -> None:
    many = piece * (300_000 // len(piece))
    heard = Heard()
    parse_xml([b"<a>", many, many, many, many, b"</a>"], heard, path=HERE)
    assert (heard.tags[0], heard.tags[-1]) == ("a", "/a")
    with pytest.raises(IllFormed):    # an end that takes its time begins to count anew, too
        parse_xml([b"<a><b>", b"</b" + b" " * 600_000, b">", b"</a" + b" " * 600_000], heard, path=HERE)


@pytest.mark.parametrize("before", [b"", b"<a>", b"<a><b></b>", b"<a>text", b"<a><!--c-->"])
def test_a_tag_may_have_a_megabyte_and_no_more(before: bytes) -> None:
    with pytest.raises(IllFormed):
        parse_xml([before, b"<a b='".ljust(1_000_000, b"x")], Heard(), path=HERE)
    with pytest.raises(FileProblem, match=r"a.eaf: holds a tag of more than 1 MB, as no program writes"):
        parse_xml([before, b"<a b='".ljust(1_000_001, b"x")], Heard(), path=HERE)


def test_text_around_a_sign_comes_in_one_piece() -> None:
    pieces: list[str] = []

    class Pieces(Heard):
        def text(self, data: str) -> None:
            pieces.append(data)

    parse_xml([b"<a>b&amp;c</a>"], Pieces(), path=HERE)
    assert pieces == ["b&c"]


def test_many_elements_and_much_text_are_refused() -> None:
    with pytest.raises(FileProblem, match="more than 10 elements"):
        parsed(b"<a>" + b"<b/>" * 11 + b"</a>", Limits(elements=10))
    with pytest.raises(FileProblem, match="more than 100 bytes of XML"):
        parsed(b"<a>" + b"x" * 200 + b"</a>", Limits(xml=100))


def test_ill_formed_is_a_kind_of_its_own() -> None:
    with pytest.raises(IllFormed):
        parsed(b"<a>")
    with pytest.raises(FileProblem) as caught:
        parsed(b"<!DOCTYPE a><a/>")
    assert not isinstance(caught.value, IllFormed)


def test_an_error_of_the_listener_goes_through() -> None:
    class Deaf(Heard):
        def text(self, data: str) -> None:
            raise TypeError(data)

    with pytest.raises(TypeError):
        parse_xml([b"<a>x</a>"], Deaf(), path=HERE)


# Files

def test_a_file_of_a_gigabyte_is_refused_unread(tmp_path: Path) -> None:
    path = sparse(tmp_path / "big.boris", GIGABYTE, b'{"observations": ')
    with pytest.raises(FileProblem, match=r"big.boris: has 1,000 MB; a project may have at most 40 MB"):
        whole_text(path, most=LIMITS.text, what="a project")


@pytest.mark.parametrize(("size", "most", "says"), [
    (999_999, 999_998, "has 999,999 bytes; it may have at most 999,998 bytes"),
    (1_000_000, 999_999, "has 1 MB; it may have at most 999,999 bytes"),
    (2_600_000, 1_000_000, "has 3 MB; it may have at most 1 MB"),
])
def test_a_file_is_refused_with_its_size_and_what_it_may_have(tmp_path: Path, size: int, most: int, says: str) -> None:
    path = sparse(tmp_path / "a.json", size)
    with pytest.raises(FileProblem) as caught:
        whole_text(path, most=most, what="it")
    assert str(caught.value) == f"a.json: {says}. Split it, or export fewer sessions at a time"
    assert len(whole_text(path, most=size, what="it")) == size


def test_a_stream_comes_in_blocks_of_64_kb() -> None:
    assert [len(block) for block in blocks_of(io.BytesIO(bytes(65_537)))] == [65_536, 1]


def test_text_is_utf_8_with_or_without_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes("\ufeffä".encode())
    assert whole_text(path, most=100, what="it") == "ä"
    path.write_bytes(b"abc\xff")
    with pytest.raises(FileProblem, match="not UTF-8 text \\(near byte 3\\)"):
        whole_text(path, most=100, what="it")


def test_what_is_no_ordinary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="could not be read: No such file"), \
            opened(tmp_path / "none.eaf", most=1, what="it"):
        pass
    with pytest.raises(FileProblem, match=r"could not be read: Is a directory"), opened(tmp_path, most=1, what="it"):
        pass
    with pytest.raises(FileProblem, match="is not an ordinary file"), opened(Path(os.devnull), most=1, what="it"):
        pass


# Archives

def archive(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as packed:
        for name, content in members:
            packed.writestr(name, content)
    return stream.getvalue()


def unfolded(content: bytes, limits: Limits = LIMITS) -> dict[str, bytes]:
    with members_of(Path("a.xlsx"), io.BytesIO(content), limits=limits) as members:
        return {name: b"".join(blocks) for name, blocks in members.items()}


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive of about 1 MB that holds a gigabyte of zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    ten_megabytes = packer.compress(bytes(10_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    content = bytearray(archive(("xl/worksheets/sheet1.xml", ten_megabytes * 100 + b"\x03\x00"),
                                method=zipfile.ZIP_STORED))
    for start, method, size in ((0, 8, 22), (content.rfind(b"PK\x01\x02"), 10, 24)):
        content[start + method:start + method + 2] = struct.pack("<H", zipfile.ZIP_DEFLATED)
        content[start + size:start + size + 4] = struct.pack("<I", GIGABYTE)
    path = tmp_path_factory.mktemp("bombs") / "bomb.xlsx"
    path.write_bytes(content)
    return path


def test_members_come_in_order_and_folders_do_not() -> None:
    assert list(unfolded(archive(("b", b"1"), ("a/", b""), ("a/c", b"2" * 100_000))).items()) == [
        ("b", b"1"), ("a/c", b"2" * 100_000)]


def test_a_bomb_is_refused_by_its_directory(bomb: Path) -> None:
    with zipfile.ZipFile(bomb) as packed, packed.open("xl/worksheets/sheet1.xml") as stream:    # it is a real one
        assert stream.read(11_000_000) == bytes(11_000_000)
    assert bomb.stat().st_size < 2_000_000
    with bomb.open("rb") as stream, \
            pytest.raises(FileProblem, match="would unfold to 1,000 MB in one part; a part may have at most 200 MB"), \
            members_of(bomb, stream):
        pass


def test_a_bomb_is_refused_in_bounded_memory(bomb: Path, tmp_path: Path) -> None:
    """In a process of its own, with the real reader: what it takes above the libraries stays under 60 MB."""
    program = ("import resource, sys; from pathlib import Path\n"
               "from rupturekit.records.sniff import propose_mapping\nimport openpyxl, pyreadstat\n"
               "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
               "for name in sys.argv[1:]:\n"
               "    try: propose_mapping(name)\n"
               "    except ValueError as error: print(error)\n"
               "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n")
    deep = tmp_path / "deep.eaf"
    deep.write_bytes(b"<a>" * 1_000_000)
    files = [bomb, deep, sparse(tmp_path / "big.eaf", GIGABYTE, b"<?xml "), sparse(tmp_path / "big.sav", GIGABYTE, b"$FL2"),
             sparse(tmp_path / "big.xlsx", GIGABYTE, b"PK"), sparse(tmp_path / "big.boris", GIGABYTE, b"{")]
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program, *map(str, files)], capture_output=True, text=True, check=True)
    *said, grown = done.stdout.splitlines()
    assert [line.split(":")[0] for line in said] == [file.name for file in files]
    assert int(grown) < 60_000    # kilobytes
    assert time.perf_counter() - began < 20


def test_a_smaller_bomb_is_refused_by_its_ratio() -> None:
    with pytest.raises(FileProblem, match="unfolds to more than 300 times its size"):
        unfolded(archive(("a.xml", bytes(50_000_000))))


def lying(content: bytes, stated: int) -> bytes:
    """Return an archive of one member whose directory states another size."""
    at = content.rfind(b"PK\x01\x02")
    return content[: at + 24] + struct.pack("<I", stated) + content[at + 28:]


def test_sizes_that_lie_are_found_out() -> None:
    honest = archive(("a.xml", bytes(5_000_000)))
    with pytest.raises(FileProblem, match=r"is a broken archive \(Bad CRC-32"):
        unfolded(lying(honest, 10_000))
    with pytest.raises(FileProblem, match="would unfold to 999 MB in one part"):
        unfolded(lying(honest, 999_000_000))


def test_a_member_without_a_name_is_no_file() -> None:
    content = archive(("a", b"12"), ("b.xml", b"<b/>"))
    at = content.index(b"PK\x01\x02")
    nameless = content[: at + 28] + struct.pack("<H", 0) + content[at + 30: at + 46] + content[at + 47:]
    cut = nameless.rfind(b"PK\x05\x06")
    size = struct.unpack("<I", nameless[cut + 12: cut + 16])[0]
    assert list(unfolded(nameless[: cut + 12] + struct.pack("<I", size - 1) + nameless[cut + 16:])) == ["b.xml"]


def with_flag(content: bytes, flag: int) -> bytes:
    at = content.rfind(b"PK\x01\x02")
    return content[: at + 8] + struct.pack("<H", flag) + content[at + 10:]


@pytest.mark.parametrize(("content", "limits", "says"), [
    (b"PK\x03\x04", LIMITS, "has no directory at its end"),
    (b"", LIMITS, "has no directory at its end"),
    (archive(("a", b"1"))[:-3], LIMITS, "has no directory at its end"),
    (archive(*((f"m{n}", b"") for n in range(30))), Limits(members=20), "more than 20 files"),
    (with_flag(archive(("a", b"1")), 1), LIMITS, "protected by a password"),
    (archive(("a", b"1"), method=zipfile.ZIP_BZIP2), LIMITS, "packed in a way that no spreadsheet program uses"),
    (archive(*((f"m{n}", b"x" * 900) for n in range(5))), Limits(unpacked=4_000), "would unfold to 4,500 bytes"),
    (b"PK\x06\x07" + bytes(16) + archive(("a", b""))[-22:], LIMITS, "for more than 4 GB"),
    (archive(("a", b"1" * 50)).replace(b"PK\x03\x04", b"PK\x03\x00"), LIMITS, "is a broken archive"),
])
def test_archives_that_no_sheet_needs_are_refused(content: bytes, limits: Limits, says: str) -> None:
    with pytest.raises(FileProblem, match=re.escape(says)):
        unfolded(content, limits)


def test_a_long_directory_is_judged_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(*_: object) -> None:
        raise AssertionError("the directory was read")

    content = archive(*((f"m{n}", b"") for n in range(30)))
    at = content.rfind(b"PK\x05\x06")
    monkeypatch.setattr(zipfile, "ZipFile", unread)
    for damaged in (content, content[: at + 8] + struct.pack("<HHI", 1, 1, 2**31) + content[at + 16:]):
        with pytest.raises(FileProblem, match="more than 20 files"):
            unfolded(damaged, Limits(members=20))


def test_a_directory_that_counts_too_few_is_counted_again() -> None:
    content = archive(*((f"m{n}", b"") for n in range(30)))
    at = content.rfind(b"PK\x05\x06")
    few = content[: at + 8] + struct.pack("<HH", 1, 1) + content[at + 12:]
    with pytest.raises(FileProblem, match="more than 20 files"):
        unfolded(few, Limits(members=20))


def commented(content: bytes, comment: bytes) -> bytes:
    """Return an archive with a comment behind its directory."""
    return content[:-2] + struct.pack("<H", len(comment)) + comment


def test_the_directory_is_found_behind_the_longest_comment_and_in_the_smallest_archive() -> None:
    content = archive(("a", b"1" * 100_000), method=zipfile.ZIP_STORED)
    assert unfolded(commented(content, b"c" * 65_535)) == {"a": b"1" * 100_000}
    assert unfolded(commented(archive(("a", b"1")), b"PK\x06\x07")) == {"a": b"1"}
    assert len(archive()) == 22
    assert unfolded(archive()) == {}
    for cut in (archive(("a", b"1"))[:-1], archive()[:-1], archive(("a", b"1")) + bytes(65_536)):
        with pytest.raises(FileProblem, match=re.escape("a.xlsx: is a broken archive (it has no directory at its end)")):
            unfolded(cut)


def test_only_what_stands_right_before_the_end_makes_an_archive_one_for_more_than_4_gb() -> None:
    mark, end = b"PK\x06\x07", archive()
    for before in (mark + bytes(16), mark + bytes(10), b"x" * 30 + mark + bytes(16)):
        with pytest.raises(FileProblem, match="is an archive for more than 4 GB"):
            unfolded(before + end)
    stream, info = io.BytesIO(), zipfile.ZipInfo("a")
    info.comment = mark + bytes(17)
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr(info, b"1")
    assert unfolded(stream.getvalue()) == {"a": b"1"}


NOISE = bytes(range(256)) * 8_000    # about 2 MB


@pytest.mark.parametrize(("at", "beyond", "limits", "says"), [
    (archive(*((f"m{n}", b"") for n in range(20))), archive(*((f"m{n}", b"") for n in range(21))), Limits(members=20),
     "is an archive of more than 20 files, which no sheet needs; save it again"),
    (archive(("m" * 454, b"")), archive(("m" * 455, b"")), Limits(members=1),
     "is an archive of more than 1 files, which no sheet needs; save it again"),
    (archive(("a", b"x" * 900), ("b", b"x" * 100)), archive(("a", b"x" * 900), ("b", b"x" * 101)), Limits(unpacked=1_000),
     "would unfold to 1,001 bytes; an archive may hold at most 1,000 bytes"),
    (archive(("a", b"x" * 1_000)), archive(("a", b"x" * 1_001)), Limits(xml=1_000),
     "would unfold to 1,001 bytes in one part; a part may have at most 1,000 bytes"),
    (archive(("a", bytes(1_000_000))), archive(("a", bytes(1_000_001))), LIMITS,
     "holds a part that unfolds to more than 300 times its size, as no sheet does"),
    (archive(("a", NOISE), method=zipfile.ZIP_STORED), archive(("a", NOISE)), Limits(ratio=1),
     "holds a part that unfolds to more than 1 times its size, as no sheet does"),
])
def test_an_archive_at_a_limit_is_read_and_one_beyond_is_not(at: bytes, beyond: bytes, limits: Limits, says: str) -> None:
    assert unfolded(at, limits)
    with pytest.raises(FileProblem) as caught:
        unfolded(beyond, limits)
    assert str(caught.value) == f"a.xlsx: {says}"


def test_other_flags_of_a_member_are_no_password() -> None:
    assert unfolded(with_flag(archive(("a", b"1")), 2)) == {"a": b"1"}


def test_two_members_of_one_name_are_refused() -> None:
    content = archive(("aa", b"1"), ("bb", b"2")).replace(b"bb", b"aa")
    with pytest.raises(FileProblem, match="two files of one name"):
        unfolded(content)


def test_a_broken_stream_is_told() -> None:
    content = bytearray(archive(("a", zlib.compress(os.urandom(3_000)))))
    content[60:90] = b"\xff" * 30
    with pytest.raises(FileProblem, match="is a broken archive"):
        unfolded(bytes(content))
