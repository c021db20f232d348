"""The figures of a comparison, for people and as JSON."""

import statistics

from .settings import text_of

MIB = 1 << 20
ROW = "{:<30} {:>9} {:>9} {:>9}   {:<28} {}"


def ratios(result):
    """(median, least, most) over the rounds of fiducl against the peer that is faster, and that peer."""
    rounds = result["rounds"]
    of_peer = {peer: [r["fiducl"] / r[peer] for r in rounds] for peer in rounds[0] if peer != "fiducl"}
    faster = min(of_peer, key=lambda peer: statistics.median(of_peer[peer]))
    values = of_peer[faster]
    return statistics.median(values), min(values), max(values), faster


def header():
    return ROW.format("", "fiducl", "Keras", "PyTorch", "ratio to the better (range)", "best settings of the peers")


def row(result):
    """One line of the table."""
    best = "; ".join(f"{peer}: {text_of(settings)}" for peer, settings in result["settings"].items())
    if result["unit"] == "bytes":
        peers = {peer: bytes_ for peer, bytes_ in result["bytes"].items() if peer != "fiducl"}
        smaller = min(peers, key=peers.get)
        cells = {peer: f"{bytes_ / MIB:.0f} MiB" for peer, bytes_ in result["bytes"].items()}
        ratio = f"{result['bytes']['fiducl'] / peers[smaller]:.2f} of {smaller}"
    else:
        cells = {side: f"{statistics.median(r[side] for r in result['rounds']):.0f}/s" for side in result["rounds"][0]}
        median, least, most, faster = ratios(result)
        ratio = f"{median:.2f} x {faster} ({least:.2f}-{most:.2f})"
    return ROW.format(result["title"], cells["fiducl"], cells.get("keras", "-"), cells.get("torch", "-"), ratio, best)
