from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seats.domain.regions import BY_CODE, PROVINCES, UNKNOWN
from seats.domain.requests import Confidence, Origin
from seats.errors import NumbersError
from seats.numbering import Customer, Numbering, read_customers
from seats.prefixes import load_table
from seats.settings import default_file

TABLE = load_table(default_file("prefixes.yaml"))
NUMBERING = Numbering(TABLE)


@pytest.mark.parametrize(
    ("number", "province", "source"),
    [
        ("+8613871234567", "hubei", "mobile_prefix"),
        ("008613871234567", "hubei", "mobile_prefix"),
        ("8613871234567", "hubei", "mobile_prefix"),
        ("13871234567", "hubei", "mobile_prefix"),
        ("013871234567", "hubei", "mobile_prefix"),
        ("138 7123 4567", "hubei", "mobile_prefix"),
        ("027-88886666", "hubei", "area_code"),
        ("02788886666", "hubei", "area_code"),
        ("2788886666", "hubei", "area_code"),
        ("+86 27 8888 6666", "hubei", "area_code"),
        ("+86(0)27 8888 6666", "hubei", "area_code"),
        ("862788886666", "hubei", "area_code"),
        ("(0710) 1234567", "hubei", "area_code"),
        ("010-88886666", "beijing", "area_code"),
        ("01095588", "beijing", "area_code"),
        ("0335 1234567", "hebei", "area_code"),
        ("0349 1234567", "shanxi", "area_code"),
        ("0580 1234567", "zhejiang", "area_code"),
        ("0701 1234567", "jiangxi", "area_code"),
        ("0886 1234567", "yunnan", "area_code"),
        ("8861234567", "yunnan", "area_code"),
        ("+85221234567", "hongkong", "area_code"),
        ("85291234567", "hongkong", "area_code"),
        ("0085366123456", "macau", "area_code"),
        ("+886912345678", "taiwan", "area_code"),
        ("886223456789", "taiwan", "area_code"),
        ("", UNKNOWN, "none"),
        ("anonymous", UNKNOWN, "none"),
        ("Restricted", UNKNOWN, "none"),
        ("+12125551234", UNKNOWN, "none"),
        ("0012125551234", UNKNOWN, "none"),
        ("+8521", UNKNOWN, "none"),
        ("10086", UNKNOWN, "none"),
        ("110", UNKNOWN, "none"),
        ("95511", UNKNOWN, "none"),
        ("9551112345", UNKNOWN, "none"),
        ("4008001234", UNKNOWN, "none"),
        ("88886666", UNKNOWN, "none"),
        ("1387123456", UNKNOWN, "none"),
        ("138712345678", UNKNOWN, "none"),
        ("1064812345678", UNKNOWN, "none"),
        ("13491234567", UNKNOWN, "none"),
        ("0", UNKNOWN, "none"),
        ("00", UNKNOWN, "none"),
        ("+", UNKNOWN, "none"),
        ("++8613871234567", UNKNOWN, "none"),
        ("138712345６7", UNKNOWN, "none"),
        ("13871234567\n", UNKNOWN, "none"),
        ("1" * 2048, UNKNOWN, "none"),
        ("0" * 40, UNKNOWN, "none"),
        ("; DROP TABLE requests", UNKNOWN, "none"),
    ],
)
def test_numbers_as_they_come(number: str, province: str, source: str) -> None:
    origin = NUMBERING.resolve(number)
    assert (origin.province, origin.source) == (province, source)
    assert (origin.confidence is Confidence.NONE) == (province == UNKNOWN)


@pytest.mark.parametrize(
    ("number", "confidence"),
    [
        ("02788886666", "certain"),
        ("13871234567", "likely"),
        ("85291234567", "likely"),
        ("+85291234567", "certain"),
    ],
)
def test_how_sure(number: str, confidence: str) -> None:
    assert NUMBERING.resolve(number).confidence == confidence


CAPITALS = {
    "beijing": "010", "tianjin": "022", "hebei": "0311", "shanxi": "0351", "neimenggu": "0471",
    "liaoning": "024", "jilin": "0431", "heilongjiang": "0451", "shanghai": "021", "jiangsu": "025",
    "zhejiang": "0571", "anhui": "0551", "fujian": "0591", "jiangxi": "0791", "shandong": "0531",
    "henan": "0371", "hubei": "027", "hunan": "0731", "guangdong": "020", "guangxi": "0771",
    "hainan": "0898", "chongqing": "023", "sichuan": "028", "guizhou": "0851", "yunnan": "0871",
    "xizang": "0891", "shaanxi": "029", "gansu": "0931", "qinghai": "0971", "ningxia": "0951",
    "xinjiang": "0991", "taiwan": "+8862", "hongkong": "+8522", "macau": "+8532",
}  # fmt: skip


def test_every_division_is_told_by_a_land_line() -> None:
    assert set(CAPITALS) == set(BY_CODE)
    for province, prefix in CAPITALS.items():
        local = "8234567" if prefix.startswith("+") else "82345678"
        assert NUMBERING.resolve(prefix + local).province == province


def test_every_mainland_province_has_mobile_prefixes() -> None:
    found = {TABLE.mobile(f"{n}0000").province for n in range(1_300_000, 2_000_000, 7)}
    assert found == {p.code for p in PROVINCES if p.region != "overseas"} | {UNKNOWN}


def test_coverage_of_the_ranges_people_have() -> None:
    """Voice ranges that carried people in 2020; newer ones (19x) fill as the data packages do."""
    coverage = TABLE.coverage()
    old = [f"{n}" for n in (*range(130, 140), *range(150, 154), *range(155, 160), *range(180, 190))]
    assert sum(coverage[n] for n in old) / len(old) > 0.99
    virtual = ["166", "170", "171", "173", "175", "176", "177", "178", "191", "198", "199"]
    assert sum(coverage[n] for n in virtual) / len(virtual) > 0.95


def test_the_order() -> None:
    numbering = Numbering(
        TABLE,
        dialled={"027-95500": "hubei"},
        trunks={"Trunk-GD": "guangdong"},
        customers={"+8613871234567": Customer("sichuan")},
    )
    mobile = "013871234567"

    def told(*call: str) -> tuple[str, str]:
        return numbering.resolve(*call)[:2]

    assert told(mobile, "02795500", "44", "trunk-gd") == ("hubei", "trunk")
    assert told(mobile, "95500", "湖南", "TRUNK-GD") == ("guangdong", "trunk")
    assert told(mobile, "95500", "湖南", "other") == ("hunan", "ivr")
    assert told(mobile, "95500", "43") == ("hunan", "ivr")
    assert told(mobile, "95500", "Hunan ") == ("hunan", "ivr")
    assert told(mobile, "95500", "99") == ("sichuan", "customer")
    assert told("13871234568", "95500", "x" * 999) == ("hubei", "mobile_prefix")
    assert told("", "95500") == (UNKNOWN, "none")
    assert told("", "+862795500") == ("hubei", "trunk")


def test_overridden_prefixes_say_so() -> None:
    table = load_table()
    table.override("1387123", "hunan")
    table.override("027", "hunan")
    numbering = Numbering(table)
    assert numbering.resolve("13871234567")[:2] == ("hunan", "override")
    assert numbering.resolve("02788886666")[:2] == ("hunan", "override")


@given(st.text(max_size=3000), st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_anything_at_all_gives_a_province_or_unknown(number: str, did: str, choice: str, trunk: str) -> None:
    numbering = Numbering(TABLE, dialled={"95500": "hubei"}, trunks={"t": "hubei"}, customers={"1": "hubei"})
    origin = numbering.resolve(number, did, choice, trunk)
    assert origin.province in BY_CODE or origin.province == UNKNOWN


@given(st.from_regex(r"[ ]?\+?[0-9 ()\-.]{0,42}", fullmatch=True))
def test_anything_like_a_number_too(number: str) -> None:
    parsed = NUMBERING.parse(number)
    assert len(parsed.canonical) <= 41
    assert (
        NUMBERING.parse(parsed.canonical).canonical in {parsed.canonical, f"+{parsed.canonical}"}
        or not parsed.origin
    )


@given(st.integers(13_000_000_000, 19_999_999_999), st.sampled_from(["", "0", "86", "+86", "0086", "+86 "]))
def test_all_spellings_of_a_mobile_number_agree(number: int, prefix: str) -> None:
    assert NUMBERING.parse(f"{prefix}{number}") == NUMBERING.parse(str(number))


def test_customer_lists(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("\ufeffnumber,province\n+86 138 7123 4567,sichuan\n02788886666,gansu\n", encoding="utf-8")
    numbering = Numbering(TABLE, customers=read_customers(path))
    assert numbering.resolve("13871234567")[:2] == ("sichuan", "customer")
    assert numbering.resolve("2788886666")[:2] == ("gansu", "customer")
    path.write_text("13871234567,hubei\nabc,hubei\n", encoding="utf-8")
    with pytest.raises(NumbersError, match=r"customers.csv:2: number: is not a phone number"):
        read_customers(path)


def test_the_third_column_of_a_customer_list_is_a_class(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(
        "number,province,class\n13871234567,sichuan,green\n02788886666,gansu,\n02788887777,gansu\n"
    )
    numbering = Numbering(TABLE, dialled={"02795500": "hubei"}, customers=read_customers(path, {"green": 5}))
    assert numbering.resolve("+8613871234567") == Origin("sichuan", "customer", Confidence.CERTAIN, "green")
    assert numbering.resolve("02788886666").klass == numbering.resolve("02788887777").klass == ""
    assert numbering.resolve("13812345678").klass == "", "not on the list"
    by_door = numbering.resolve("13871234567", did="02795500")
    assert by_door == Origin("hubei", "trunk", Confidence.CERTAIN, "green"), "the class is the caller's"
    assert numbering.resolve("13871234567", choice="gansu").klass == "green"


def test_a_class_the_routing_does_not_know_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("13871234567,sichuan,green\n02788886666,gansu,gold\n")
    with pytest.raises(NumbersError, match=r"customers.csv:2: class: unknown class 'gold'; allowed: green"):
        read_customers(path, {"green": 5})
    with pytest.raises(NumbersError, match=r"customers.csv:1: class: .*none: the routing has no classes"):
        read_customers(path)
    path.write_text("13871234567,sichuan,green,5\n")
    with pytest.raises(
        NumbersError, match=r"has 4 columns; allowed: number,province or number,province,class"
    ):
        read_customers(path, {"green": 5})
