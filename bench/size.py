"""Row `size`: the unpacked size of the layer and the functions."""

from bench import built_functions
from bench.harness import Figures, Goal, Row, Run


def measure(run: Run) -> dict[str, Figures | float]:
    """Add up the bytes of all files that `sam build` wrote, except the template."""
    build, _ = built_functions.SHOPWIRE
    sizes = [path.stat().st_size for folder in build.iterdir() if folder.is_dir() for path in folder.rglob("*")]
    return {"size_mib": round(sum(sizes) / (1 << 20), 1)}


ROWS = (Row("size", measure, (Goal("size_mib", "layer and functions, unpacked", 35, unit="MiB"),)),)
