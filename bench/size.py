"""What a deployment unpacks: the layer and the functions, in MiB."""

from bench import emulated
from bench.harness import Figures, Goal, Row, Run


def measure(run: Run) -> dict[str, Figures | float]:
    """The bytes of all files that `sam build` wrote, but its template."""
    build, _ = emulated.SHOPWIRE
    sizes = [path.stat().st_size for folder in build.iterdir() if folder.is_dir() for path in folder.rglob("*")]
    return {"size_mib": round(sum(sizes) / (1 << 20), 1)}


ROWS = (Row("size", measure, (Goal("size_mib", "layer and functions, unpacked", 40, unit="MiB"),)),)
