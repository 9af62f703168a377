from __future__ import annotations

import struct
from pathlib import Path

import pytest
from phonenumbers import PhoneNumber, geocoder

from seats.domain.regions import BY_CODE
from seats.errors import NumbersError
from seats.prefixes import MOBILE_FIRST, MOBILE_LAST, PrefixTable, build, load_table, read_overrides
from seats.settings import default_file

PLACES = (
    "北京|北京|100000|010",
    "湖北|武汉|430000|027",
    "内蒙古|呼和浩特|010000|0471",
    "黑龙江|哈尔滨|150000|0451",
)
ROWS = {1861234: 3, 1861235: 0, 1990001: 1, 1: 2, 9999999: 2}


def packed() -> bytes:
    """A file as the package has it."""
    texts = [place.encode() + b"\0" for place in PLACES]
    at = [8 + sum(map(len, texts[:n])) for n in range(len(texts))]
    head = b"2312" + struct.pack("<i", 8 + sum(map(len, texts)))
    rows = b"".join(struct.pack("<iiB", prefix, at[place], 1) for prefix, place in ROWS.items())
    return head + b"".join(texts) + rows


def table() -> PrefixTable:
    return build(packed())


def test_mobile_prefixes() -> None:
    built = table()
    assert built.mobile("18612345678").province == "heilongjiang"
    assert built.mobile("18612355678").province == "beijing"
    assert built.mobile("19900015678").province == "hubei"
    assert built.mobile("13000000000").province == "unknown"
    assert built.mobile("19999999999").province == "unknown"


def test_area_codes() -> None:
    built = table()
    found = {n: built.area(n) for n in ("1012345678", "2712345678", "4711234567", "5551234567")}
    provinces = {n: f[1].province if f else None for n, f in found.items()}
    assert list(provinces.values()) == ["beijing", "hubei", "neimenggu", None]


def test_a_damaged_file_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = packed()
    for broken in (b"", whole[:20], whole[:-3], whole.replace("湖北".encode(), "海外".encode())):
        monkeypatch.setattr(Path, "read_bytes", lambda _path, data=broken: data)
        with pytest.raises(NumbersError, match="cannot be read"):
            load_table()


def test_a_second_source_agrees() -> None:
    """phonenumbers' geocoder, made by others from other papers."""
    numbers = [f"{prefix}0000" for prefix in range(MOBILE_FIRST, MOBILE_LAST, 701)]
    real = load_table()
    same = different = 0
    for number in numbers:
        ours = real.mobile(number).province
        place = geocoder.description_for_number(
            PhoneNumber(country_code=86, national_number=int(number)), "zh"
        )
        if ours == "unknown" or place in ("", "中国") or number.startswith("173"):  # all 173 is Peking to it
            continue
        if place.startswith(BY_CODE[ours].zh):
            same += 1
        else:
            different += 1
    assert same > 400
    assert different / same < 0.03


def test_overrides_win_and_say_so() -> None:
    built = table()
    for prefix, province in (("1861", "gansu"), ("18612", "unknown"), ("0471", "hebei")):
        built.override(prefix, province)
    assert built.mobile("18501345678") == ("unknown", False)
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
