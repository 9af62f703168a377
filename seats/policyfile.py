"""Overflow and callbacks of a plan as YAML and JSON.

``overflow: {max_wait: {do: voicemail}, no_seat: {do: callback, after: 20}, closed: {do: message, file: F}}``
``callbacks: {offer: true, dial: agent_first, recover: [abandoned, timeout], pause: 900, …}``
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from seats import yamlfile
from seats.domain.callback_settings import RECOVERABLE, CallbackSettings, Dial
from seats.domain.errors import PlanError
from seats.domain.overflow import Overflow, Overflows, Way
from seats.domain.requests import Outcome

_Word = TypeVar("_Word", bound=StrEnum)


def overflows_from_json(data: object, where: str) -> Overflows:
    """Build the overflows of a plan or a province. Raise :class:`PlanError`."""
    fields = _mapping(data, where, Overflows._fields)
    return Overflows(**{name: _overflow(value, f"{where}.{name}") for name, value in fields.items()})


def overflows_to_json(overflows: Overflows) -> dict[str, Any]:
    """Plain data; :func:`overflows_from_json` gives the same back."""
    named = zip(overflows._fields, overflows, strict=True)
    return {
        name: _plain(overflow, Overflow()) | {"do": overflow.do.value} for name, overflow in named if overflow
    }


def callbacks_from_json(data: object, where: str) -> CallbackSettings:
    """Build the callbacks' settings. Raise :class:`PlanError`."""
    fields = _mapping(data, where, CallbackSettings._fields)
    default = CallbackSettings()
    return CallbackSettings(
        **{name: _value(getattr(default, name), value, f"{where}.{name}") for name, value in fields.items()}
    )


def callbacks_to_json(settings: CallbackSettings) -> dict[str, Any]:
    """Plain data; :func:`callbacks_from_json` gives the same back."""
    return _plain(settings, None)


def _overflow(data: object, where: str) -> Overflow:
    fields = _mapping(data, where, Overflow._fields)
    if "do" not in fields:
        raise PlanError(f"{where}.do", "is missing", ", ".join(Way))
    default = Overflow()
    return Overflow(**{n: _value(getattr(default, n), v, f"{where}.{n}") for n, v in fields.items()})


def _plain(value: Any, default: Any) -> dict[str, Any]:
    """The fields as JSON has them; without those that are as in ``default``."""
    found = {}
    for name in value._fields:
        field = getattr(value, name)
        if default is None or field != getattr(default, name):
            found[name] = [str(v) for v in field] if isinstance(field, tuple) else _simple(field)
    return found


def _simple(field: Any) -> Any:
    return field.value if isinstance(field, StrEnum) else field


def _value(default: Any, value: object, where: str) -> Any:
    """A value of the same kind as the default."""
    if isinstance(default, bool):
        return _flag(value, where)
    if isinstance(default, tuple):
        return _outcomes(value, where)
    if isinstance(default, Dial | Way):
        return _word(type(default), value, where)
    if isinstance(default, int | float):
        return _number(default, value, where)
    if not isinstance(value, str) or len(value) > 60:
        raise PlanError(where, f"is {_shown(value)}", 'text of at most 60 characters, in "" if all digits')
    return value


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise PlanError(where, f"is {_shown(value)}", "true or false")
    return value


def _number(default: float, value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e9:
        raise PlanError(where, f"is {_shown(value)}", "a number")
    if isinstance(default, int) and value != int(value):
        raise PlanError(where, f"is {value}", "a whole number")
    return int(value) if isinstance(default, int) else float(value)


def _word(kind: type[_Word], value: object, where: str) -> _Word:
    if value is False and "off" in list(kind):  # YAML reads a bare off as false
        value = "off"
    try:
        return kind(value)  # type: ignore[arg-type]  # whatever else it is, the enum refuses it
    except ValueError:
        raise PlanError(where, f"is {_shown(value)}", ", ".join(kind)) from None


def _outcomes(value: object, where: str) -> tuple[Outcome, ...]:
    if not isinstance(value, list):
        raise PlanError(where, f"is {_shown(value)}", f"a list of {', '.join(RECOVERABLE)}")
    found = []
    for n, item in enumerate(value, 1):
        if item not in list(RECOVERABLE):
            raise PlanError(f"{where}[{n}]", f"is {_shown(item)}", ", ".join(RECOVERABLE))
        found.append(Outcome(item))
    return tuple(found)


def _mapping(data: object, where: str, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise PlanError(where, f"is {_shown(data)}", f"a mapping of {', '.join(keys)}")
    for key in data:
        if key not in keys:
            raise PlanError(f"{where}.{str(key)[:60]}", "is not a key here", ", ".join(keys))
    return data


def _shown(value: object) -> str:
    return yamlfile.shape(value)[:60]
