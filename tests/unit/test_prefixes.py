from __future__ import annotations

import struct
from pathlib import Path

import pytest

from seats.errors import NumbersError
from seats.prefixes import MOBILE_FIRST, MOBILE_LAST, PrefixTable, build, lay_phone_data, read_overrides
from seats.settings import default_file

GEODATA = {
    "8610": {"zh": "北京市", "en": "Beijing"},
    "8627": {"zh": "湖北省武汉市", "en": "Wuhan, Hubei"},
    "86471": {"zh": "内蒙古呼和浩特市", "en": "Hohhot, Inner Mongolia"},
    "86879": {"en": "Simao, Yunnan"},
    "86173": {"zh": "北京市", "en": "Beijing"},
    "861861": {"zh": "北京市", "en": "Beijing"},
    "861861234": {"zh": "黑龙江省哈尔滨市", "en": "Harbin, Heilongjiang"},
    "86135123": {"zh": "陕西省西安市", "en": "XiAn, Shaanxi"},
    "85510": {"en": "elsewhere"},
}


def table() -> PrefixTable:
    return PrefixTable(*build(GEODATA))


def test_longer_prefixes_win_and_three_digits_tell_nothing() -> None:
    built = table()
    assert built.mobile("18612345678").province == "heilongjiang"
    assert built.mobile("18612355678").province == "beijing"
    assert built.mobile("13512345678").province == "shaanxi"
    assert built.mobile("17312345678").province == "unknown"
    assert built.mobile("13000000000").province == "unknown"


def test_area_codes() -> None:
    built = table()
    found = {n: built.area(n) for n in ("1012345678", "2712345678", "4711234567", "8791234567", "5551234567")}
    provinces = {n: f[1].province if f else None for n, f in found.items()}
    assert list(provinces.values()) == ["beijing", "hubei", "neimenggu", "yunnan", None]


def test_the_newer_data_wins() -> None:
    text = "湖北|武汉|430000|027".encode() + b"\0"
    rows = (
        struct.pack("<iiB", 1861234, 8, 1)
        + struct.pack("<iiB", 1990001, 8, 1)
        + struct.pack("<iiB", 99, 8, 1)
    )
    mobile, _ = build(GEODATA)
    lay_phone_data(mobile, b"2312" + struct.pack("<i", 8 + len(text)) + text + rows)
    built = PrefixTable(mobile, {})
    assert built.mobile("18612345678").province == "hubei"
    assert built.mobile("19900015678").province == "hubei"
    assert built.mobile("18612355678").province == "beijing"


def test_overrides_win_and_say_so() -> None:
    built = table()
    for prefix, province in (("1861", "gansu"), ("18612", "unknown"), ("0471", "hebei")):
        built.override(prefix, province)
    assert built.mobile("18601345678") == ("unknown", False)
    assert built.mobile("18613345678") == ("gansu", True)
    assert built.mobile("18612345678") == ("unknown", True)
    assert built.area("4711234567") == ("471", ("hebei", True))


def test_a_table_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="allowed: 700000"):
        PrefixTable(bytearray(3), {})


def test_coverage() -> None:
    built = table()
    built.override("139", "hubei")
    assert built.coverage()["139"] == 1
    assert built.coverage()["138"] == 0
    assert 10_000 * len(built.coverage()) == MOBILE_LAST - MOBILE_FIRST + 1


def test_override_files(tmp_path: Path) -> None:
    assert read_overrides(default_file("prefixes.yaml"))
    csv = tmp_path / "p.csv"
    csv.write_text("prefix,province\n# newer\n1990001,hubei\n199,unknown\n", encoding="utf-8")
    assert read_overrides(csv) == [("199", "unknown"), ("1990001", "hubei")]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.csv", "199,hubeii\n", "p.csv:1: 199: 'hubeii' is not a province code"),
        ("p.csv", "\n199\n", "p.csv:2: prefix: has 1 columns"),
        ("p.csv", "12,hubei\n", "'12' is no prefix; allowed: 3 to 7 digits"),
        ("p.csv", "19900012,hubei\n", "is no prefix"),
        ("p.yaml", "prefixes:\n  '199': mars\n", "p.yaml:2: 199: 'mars' is not a province code"),
        ("p.yaml", "prefix: {}\n", "has other keys; allowed: prefixes: {prefix: province}"),
        ("p.yaml", "prefixes: [a]\n", "has other keys"),
        ("p.yaml", "prefixes: {'199': hubei, '199': hebei}\n", "stands twice"),
    ],
)
def test_override_files_that_are_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(NumbersError) as caught:
        read_overrides(tmp_path / name)
    assert said in str(caught.value)


def test_a_missing_override_file(tmp_path: Path) -> None:
    for name in ("none.csv", "none.yaml"):
        with pytest.raises(NumbersError, match="cannot be read"):
            read_overrides(tmp_path / name)
