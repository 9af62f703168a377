"""The one definition of what is measured and when someone is woken.

``catalogue``: every series the service exports. ``burn``, ``recording`` and ``alerts``: the rules over them.
``boards``: the dashboards. ``python -m metrics.generate`` writes Prometheus', Alertmanager's and Grafana's
files and the documentation page from these; nothing of it is typed twice.
"""
