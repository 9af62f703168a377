"""The 34 province-level divisions, and how near they are to each other."""

from __future__ import annotations

from typing import NamedTuple

UNKNOWN = "unknown"
"""A caller whose province cannot be told: a province of its own on every board."""


class Province(NamedTuple):
    """A province-level division. ``gb`` is its GB/T 2260 code, ``region`` the usual greater region."""

    code: str
    gb: str
    zh: str
    en: str
    region: str


PROVINCES: tuple[Province, ...] = (
    Province("beijing", "11", "北京", "Beijing", "north"),
    Province("tianjin", "12", "天津", "Tianjin", "north"),
    Province("hebei", "13", "河北", "Hebei", "north"),
    Province("shanxi", "14", "山西", "Shanxi", "north"),
    Province("neimenggu", "15", "内蒙古", "Inner Mongolia", "north"),
    Province("liaoning", "21", "辽宁", "Liaoning", "northeast"),
    Province("jilin", "22", "吉林", "Jilin", "northeast"),
    Province("heilongjiang", "23", "黑龙江", "Heilongjiang", "northeast"),
    Province("shanghai", "31", "上海", "Shanghai", "east"),
    Province("jiangsu", "32", "江苏", "Jiangsu", "east"),
    Province("zhejiang", "33", "浙江", "Zhejiang", "east"),
    Province("anhui", "34", "安徽", "Anhui", "east"),
    Province("fujian", "35", "福建", "Fujian", "east"),
    Province("jiangxi", "36", "江西", "Jiangxi", "east"),
    Province("shandong", "37", "山东", "Shandong", "east"),
    Province("henan", "41", "河南", "Henan", "central"),
    Province("hubei", "42", "湖北", "Hubei", "central"),
    Province("hunan", "43", "湖南", "Hunan", "central"),
    Province("guangdong", "44", "广东", "Guangdong", "south"),
    Province("guangxi", "45", "广西", "Guangxi", "south"),
    Province("hainan", "46", "海南", "Hainan", "south"),
    Province("chongqing", "50", "重庆", "Chongqing", "southwest"),
    Province("sichuan", "51", "四川", "Sichuan", "southwest"),
    Province("guizhou", "52", "贵州", "Guizhou", "southwest"),
    Province("yunnan", "53", "云南", "Yunnan", "southwest"),
    Province("xizang", "54", "西藏", "Tibet", "southwest"),
    Province("shaanxi", "61", "陕西", "Shaanxi", "northwest"),
    Province("gansu", "62", "甘肃", "Gansu", "northwest"),
    Province("qinghai", "63", "青海", "Qinghai", "northwest"),
    Province("ningxia", "64", "宁夏", "Ningxia", "northwest"),
    Province("xinjiang", "65", "新疆", "Xinjiang", "northwest"),
    Province("taiwan", "71", "台湾", "Taiwan", "overseas"),
    Province("hongkong", "81", "香港", "Hong Kong", "overseas"),
    Province("macau", "82", "澳门", "Macao", "overseas"),
)

BY_CODE: dict[str, Province] = {p.code: p for p in PROVINCES}

REGIONS: dict[str, tuple[str, str]] = {
    "north": ("华北", "North"),
    "northeast": ("东北", "Northeast"),
    "east": ("华东", "East"),
    "central": ("华中", "Central"),
    "south": ("华南", "South"),
    "southwest": ("西南", "Southwest"),
    "northwest": ("西北", "Northwest"),
    "overseas": ("港澳台", "Hong Kong, Macao, Taiwan"),
}
"""Greater regions: code → (Chinese, English)."""


def nearness(a: str, b: str) -> int:
    """Distance in the tree province → region → nation: 0 same, 1 same region, 2 otherwise."""
    if a == b:
        return 0
    pa, pb = BY_CODE.get(a), BY_CODE.get(b)
    return 1 if pa and pb and pa.region == pb.region else 2
