"""How many callers a province has: by its people."""

from __future__ import annotations

POPULATION: dict[str, int] = {
    "beijing": 21_893_095,
    "tianjin": 13_866_009,
    "hebei": 74_610_235,
    "shanxi": 34_915_616,
    "neimenggu": 24_049_155,
    "liaoning": 42_591_407,
    "jilin": 24_073_453,
    "heilongjiang": 31_850_088,
    "shanghai": 24_870_895,
    "jiangsu": 84_748_016,
    "zhejiang": 64_567_588,
    "anhui": 61_027_171,
    "fujian": 41_540_086,
    "jiangxi": 45_188_635,
    "shandong": 101_527_453,
    "henan": 99_365_519,
    "hubei": 57_752_557,
    "hunan": 66_444_864,
    "guangdong": 126_012_510,
    "guangxi": 50_126_804,
    "hainan": 10_081_232,
    "chongqing": 32_054_159,
    "sichuan": 83_674_866,
    "guizhou": 38_562_148,
    "yunnan": 47_209_277,
    "xizang": 3_648_100,
    "shaanxi": 39_528_999,
    "gansu": 25_019_831,
    "qinghai": 5_923_957,
    "ningxia": 7_202_654,
    "xinjiang": 25_852_345,
    "taiwan": 23_561_236,
    "hongkong": 7_474_200,
    "macau": 683_218,
}
"""People by province: Seventh National Population Census, 1 November 2020 (bulletins 3 and 8)."""


def shares(codes: tuple[str, ...] = tuple(POPULATION)) -> dict[str, float]:
    """Each province's share of the people of ``codes``; they sum to 1."""
    total = sum(POPULATION[code] for code in codes)
    return {code: POPULATION[code] / total for code in codes}


def apportion(count: int, weights: dict[str, float]) -> dict[str, int]:
    """Whole numbers that sum to ``count``, as near to ``weights`` as can be (largest remainder)."""
    total = sum(weights.values())
    exact = {code: count * weight / total for code, weight in weights.items()}
    whole = {code: int(value) for code, value in exact.items()}
    left = count - sum(whole.values())
    for code in sorted(exact, key=lambda c: (whole[c] - exact[c], c))[:left]:
        whole[code] += 1
    return whole
